import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { drawView, plainView, renderView } from "../../../train/input/augment.ts";
import { applyCover, hiddenShares, isVisible, PLACES } from "../../../train/input/cover.ts";
import { type Cover, drawCover } from "../../../train/input/cover_kinds.ts";
import { PLACEMENT, placementOf, sharesOf } from "../../../train/input/placement.ts";
import { randomStream } from "../../../train/runs/random.ts";
import { GEOMETRY_SIZE } from "../../../train/units/face_geometry.ts";
import { headFeeds, seenRows } from "../../../train/units/finetune_feeds.ts";

const PLAIN = { surface: "plain", colours: [[9, 9, 9], [9, 9, 9]], grain: 0.05, turn: 0, seed: 1 } as const;
const rectangle = (left: number, top: number, right: number, bottom: number): Cover => ({
  ...PLAIN,
  outlines: [[[left, top], [right, top], [right, bottom], [left, bottom]]],
});
/** The lower half of a face; the upper third; nothing but the left picture half of the eyes. */
const MASK = rectangle(0, 0.55, 1, 1), BRIM = rectangle(0, 0, 1, 0.24), HALF = rectangle(0, 0.2, 0.5, 0.35);

const shares = (cover?: Cover) =>
  Object.fromEntries(PLACES.map((place, i) => [place, hiddenShares(cover)[i]]));
const whole = (cover: Cover) => ({ ...plainView({ width: 100, height: 100 }), cover });

describe("what a cover hides", () => {
  it("is nothing without one", () => {
    assertEquals(hiddenShares(undefined), PLACES.map(() => 0));
  });

  it("is the share of each part that lies in its outline", () => {
    assertEquals(shares(MASK), { brows: 0, eyes: 0, cheeks: 0, nose: 0, mouth: 1, chin: 1 });
    assertEquals(shares(BRIM), { brows: 1, eyes: 0, cheeks: 0, nose: 0, mouth: 0, chin: 0 });
    assertAlmostEquals(shares(HALF).eyes, 0.5);
  });

  it("hides the units of that part, and leaves those half behind it undecided", () => {
    const [masked, brimmed, half] = [MASK, BRIM, HALF].map(hiddenShares);
    for (const au of [10, 12, 17, 25, 26]) assertEquals(isVisible(au, masked), 0, `AU${au}`);
    for (const au of [1, 2, 4, 5, 6, 7, 9, 43]) assertEquals(isVisible(au, masked), 1, `AU${au}`);
    for (const au of [1, 2, 4]) assertEquals(isVisible(au, brimmed), 0, `AU${au}`);
    for (const au of [5, 7, 43]) assertEquals(isVisible(au, half), undefined, `AU${au}`);
  });
});

describe("a cover over a view", () => {
  const size = 50;
  const painted = (cover: Cover, view = plainView({ width: 100, height: 100 })) => {
    const pixels = new Float32Array(3 * size * size).fill(200);
    applyCover(pixels, size, cover, view, { width: 100, height: 100 });
    return (x: number, y: number) => pixels[3 * (Math.floor(y * size) * size + Math.floor(x * size))];
  };

  it("lies where its outline is, and nowhere else", () => {
    const at = painted(rectangle(0.1, 0.6, 0.4, 0.9));
    assertEquals([at(0.2, 0.7), at(0.5, 0.7), at(0.2, 0.5), at(0.8, 0.7)], [9, 200, 200, 200]);
  });

  it("goes with the face where that is cut out and mirrored", () => {
    const view = { ...plainView({ width: 100, height: 100 }), crop: { x: 10, y: 20, width: 80, height: 60 } };
    const at = painted(rectangle(0.1, 0.5, 0.3, 0.8), { ...view, flip: true });
    assertEquals([at(0.9, 0.9), at(0.7, 0.9), at(0.9, 0.4), at(0.1, 0.9)], [9, 200, 200, 200]);
  });

  it("shows coarse squares of what is behind it as a mosaic", () => {
    const pixels = Float32Array.from({ length: 3 * size * size }, (_, i) => Math.floor(i / 3) % size * 4);
    const cover: Cover = { ...MASK, surface: "mosaic", grain: 0.1 };
    applyCover(pixels, size, cover, plainView({ width: 100, height: 100 }), { width: 100, height: 100 });
    const row = Array.from({ length: size }, (_, x) => pixels[3 * (40 * size + x)]);
    assertEquals(new Set(row).size, size / 5); // squares of 5 pixels
    assertEquals(pixels[3 * 7], 28);
  });

  it("is drawn alike from the same stream, and is of every kind of surface", () => {
    assertEquals(drawCover(randomStream(1, 2)), drawCover(randomStream(1, 2)));
    const drawn = Array.from({ length: 300 }, (_, i) => drawCover(randomStream(3, i)));
    const surfaces = new Set(drawn.map(({ surface }) => surface));
    assertEquals([...surfaces].sort(), ["folds", "mosaic", "plain", "spots", "stripes"]);
    const hides = drawn.map(shares);
    for (const place of PLACES) {
      const hidden = hides.filter((share) => share[place] > 0.7).length;
      assert(hidden > 15 && hidden < 150, `${place} is hidden by ${hidden} of 300`);
    }
  });

  it("comes in the share that is asked for, and leaves every other draw as it is", () => {
    const image = { width: 100, height: 100 };
    const draw = (covers: number, i: number) =>
      drawView(randomStream(5, i), image, { views: "adverse", cropScale: [0.8, 1], size, covers });
    let covered = 0;
    for (let i = 0; i < 400; i++) {
      const { cover, ...rest } = draw(0.25, i);
      assertEquals(rest, draw(0, i));
      if (cover) covered++;
    }
    assert(covered > 70 && covered < 130, `${covered} of 400`);
  });

  it("is part of what the network sees", () => {
    const image = { width: 100, height: 100, data: new Uint8Array(30000).fill(128) };
    const out = new Float32Array(2 * 3 * size * size);
    renderView(image, whole(MASK), size, out, 0);
    renderView(image, plainView(image), size, out, 3 * size * size);
    const at = (x: number, y: number) => 3 * (y * size + x);
    assertEquals(out[at(25, 10)], out[3 * size * size + at(25, 10)]);
    assert(out[at(25, 40)] < out[3 * size * size + at(25, 40)] - 1);
  });
});

describe("a turned view", () => {
  const size = 4, image = { width: 4, height: 4, data: new Uint8Array(48).fill(0) };
  image.data[0] = 255; // red in the left top corner
  const corner = (turn?: number) => {
    const out = new Float32Array(3 * size * size);
    renderView(image, { ...plainView(image), turn }, size, out, 0);
    return [0, 3, 15, 12].findIndex((at) => out[3 * at] > out[3 * 5]); // clockwise from the left top
  };

  it("is turned clockwise by its quarters", () => {
    assertEquals([undefined, 1, 2, 3].map(corner), [0, 1, 2, 3]);
  });

  it("comes in the share that is asked for, by every number of quarters", () => {
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 300; i++) {
      const { turn = 0 } = drawView(randomStream(6, i), image, {
        views: "adverse",
        cropScale: [0.8, 1],
        size,
        turns: 0.3,
      });
      counts[turn]++;
    }
    assert(counts[0] > 180 && counts[0] < 240 && counts.every((count) => count > 15), `${counts}`);
  });

  it("teaches that nothing can be seen, and nothing else", () => {
    const placements = Float32Array.from([...placementOf({ ...plainView(image), turn: 2 })]);
    assertEquals([...sharesOf(placements, 0)], PLACES.map(() => 1));
    assertEquals(seenRows([[1, 0, 0.4]], [1, 5, 12], placements), [[undefined, undefined, undefined]]);
    const known = {
      emotions: Float32Array.of(0, 1, 0, 0, 0, 0, 0),
      geometry: [new Float32Array(GEOMETRY_SIZE).fill(1)],
      visible: Float32Array.of(1, 1, NaN),
      units: 3,
    };
    const batch = {
      indices: Int32Array.of(0),
      placements,
      viewQ: new Float32Array(),
      viewK: new Float32Array(),
    };
    const fed = headFeeds(known, batch, [1, 5, 12]);
    assertEquals([...fed.visible.values], [0, 0, 0]);
    assertEquals([...fed.visibleLabelled.values], [1, 1, 1]);
    assertEquals(fed.emotions.values.some(Boolean), false);
    assertEquals(fed.geometryLabelled.values.some(Boolean), false);
    placements[5] = 0;
    assertEquals(headFeeds(known, batch, [1, 5, 12]).geometryLabelled.values.some(Boolean), true);
  });
});

describe("labels of covered faces", () => {
  const AUS = [1, 5, 12];
  const placements = Float32Array.from([MASK, undefined, HALF].flatMap((cover) => [
    ...placementOf({ ...plainView({ width: 100, height: 100 }), cover }),
  ]));

  it("keep only what can be seen", () => {
    assertEquals(placements.length, 3 * PLACEMENT);
    assertEquals([...sharesOf(placements, 0)], [...hiddenShares(MASK)]);
    const rows = seenRows([[1, 0, 0.4], [1, 0, 0.4], [1, 0, 0.4]], AUS, placements);
    assertEquals(rows, [[1, 0, undefined], [1, 0, 0.4], [1, 0, 0.4]]);
  });

  it("say what cannot be seen, also of faces of which nobody has said it", () => {
    const visible = Float32Array.of(1, 0, 1, NaN, NaN, NaN);
    const known = {
      emotions: new Float32Array(2 * 6),
      geometry: [[], []].map(() => new Float32Array(200).fill(NaN)),
      visible,
      units: 3,
    };
    const asked = (indices: number[], aus?: number[]) => {
      const batch = {
        indices: Int32Array.from(indices),
        placements: placements.slice(0, indices.length * PLACEMENT),
        viewQ: new Float32Array(),
        viewK: new Float32Array(),
      };
      const { visible, visibleLabelled } = headFeeds(known, batch, aus);
      return Array.from(visible.values, (value, i) => visibleLabelled.values[i] ? value : undefined);
    };
    const none = undefined;
    assertEquals(asked([0, 1], AUS), [1, 0, 0, none, none, none]); // masked; not covered
    assertEquals(asked([1, 0], AUS), [1, 1, 0, 1, 0, 1]); // the same faces the other way round
    assertEquals(asked([1, 1, 1], AUS).slice(6), [1, none, 1]); // half of the eyes
    assertEquals(asked([0, 1]), [1, 0, 1, none, none, none]); // nobody lays covers
  });
});
