import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import sharp from "sharp";
import { drawView } from "../../../train/input/augment.ts";
import { type Face, readManifest } from "../../../train/input/data.ts";
import { PLACEMENT, placementOf } from "../../../train/input/placement.ts";
import { ViewLoader, type ViewOptions } from "../../../train/input/views.ts";
import { Walk } from "../../../train/input/walk.ts";
import { PURPOSE, randomStream } from "../../../train/runs/random.ts";
import {
  GEOMETRY_SIZE,
  geometryFeeds,
  geometryOf,
  geometryUnits,
} from "../../../train/units/face_geometry.ts";
import { writeManifest } from "../toy_faces.ts";

type Place = [number, number];

const SIDE = 96, SIZE = 64;
const OPTIONS: ViewOptions = {
  size: SIZE,
  batchSize: 38,
  seed: 6,
  views: "adverse",
  cropScale: [0.7, 1],
  skipBroken: false,
};

/** A face turned a little every way, whose two sides differ in all that can: what a label says, the points show. */
const SAID = {
  pose: { yaw: 8, pitch: 3, roll: 10 },
  gaze: { left: [12, 6], right: [-5, -9] },
  openness: { leftEye: 0.24, rightEye: 0.12, mouth: 0.2 },
};
const EYES_APART = 30, GAZE = 0.3, NOSE = 0.5; // pixels; pixels a degree
const LEFT_EYE = [42, 43, 44, 45, 46, 47], RIGHT_EYE = [36, 37, 38, 39, 40, 41];

/** iBUG's 68 points on a head of no roll, its middle between the eyes; the subject's left is the picture's right. */
function upright(yaw: number, openness: { leftEye: number; rightEye: number; mouth: number }): Place[] {
  const points: Place[] = [];
  for (let i = 0; i < 17; i++) {
    points.push([-31 * Math.cos(Math.PI * i / 16), 8 + 34 * Math.sin(Math.PI * i / 16)]);
  }
  for (let i = 0; i < 10; i++) points.push([-25.7 + 4.6 * i + (i > 4 ? 10 : 0), -10 - Math.min(i, 9 - i)]);
  for (let i = 0; i < 4; i++) points.push([NOSE * yaw * i / 3, 2 + 4 * i]);
  for (let i = -2; i <= 2; i++) points.push([NOSE * yaw + 3 * i, 18]);
  for (const [side, open] of [[-1, openness.rightEye], [1, openness.leftEye]]) {
    const lid = open * EYES_APART / 2, middle = side * EYES_APART / 2;
    const corners: Place[] = [[-6, 0], [-2, -lid], [2, -lid], [6, 0], [2, lid], [-2, lid]];
    for (const [x, y] of corners) points.push([middle + x, y]);
  }
  for (const [count, width, height] of [[12, 12, 7], [8, 8, openness.mouth * EYES_APART / 2]]) {
    for (let i = 0; i < count; i++) {
      const turn = Math.PI * (1 - 2 * i / count);
      points.push([width * Math.cos(turn), 28 - height * Math.sin(turn)]);
    }
  }
  return points;
}

/** Onto the picture: the crown falls to the subject's left, the picture's right. */
function onPicture([x, y]: Place): Place {
  const roll = SAID.pose.roll * Math.PI / 180, cos = Math.cos(roll), sin = Math.sin(roll);
  return [48 + cos * x - sin * y, 38 + sin * x + cos * y];
}

const POINTS = upright(SAID.pose.yaw, SAID.openness).map(onPicture);
/** Of each point the one that lies where it does in a mirror, on a face that is its own mirror image. */
const PARTNERS = upright(0, { leftEye: 0.2, rightEye: 0.2, mouth: 0.2 }).map(([x, y], _, all) => {
  const away = all.map((other) => Math.hypot(-x - other[0], y - other[1]));
  return away.indexOf(Math.min(...away));
});
/** Middles of the irises, which no point marks: of the subject's left eye, then of the right one. */
const IRISES = ([[1, SAID.gaze.left], [-1, SAID.gaze.right]] as const).map(([side, [yaw, pitch]]) =>
  onPicture([side * EYES_APART / 2 + GAZE * yaw, -GAZE * pitch])
);

/** A grey picture with a light spot, or with none. */
async function drawSpot(path: string, spot?: Place): Promise<void> {
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < pixels.length; i++) {
    const at = Math.floor(i / 3), x = at % SIDE + 0.5, y = Math.floor(at / SIDE) + 0.5;
    const away = spot ? Math.hypot(x - spot[0], y - spot[1]) : Infinity;
    pixels[i] = 70 + 150 * Math.exp(-0.5 * (away / 2.2) ** 2);
  }
  await sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).png().toFile(path);
}

/** Where two views of the same draw differ, as shares of the view; how much they do is the spot. */
function findSpot(view: Float32Array, bare: Float32Array): Place {
  const weights = Array.from({ length: SIZE * SIZE }, (_, at) => {
    let sum = 0;
    for (let c = 0; c < 3; c++) sum += Math.abs(view[3 * at + c] - bare[3 * at + c]);
    return sum;
  });
  const least = 0.4 * Math.max(...weights);
  let total = 0, x = 0, y = 0;
  weights.forEach((weight, at) => {
    if (weight <= least) return;
    total += weight;
    x += weight * (at % SIZE + 0.5);
    y += weight * (Math.floor(at / SIZE) + 0.5);
  });
  return [x / total / SIZE, y / total / SIZE];
}

/** A spot in a view: where the view shows it, and the labels of that view. */
interface Sighting {
  /** Which spot of `POINTS` and, behind them, `IRISES` was drawn. */
  spot: number;
  found: Place;
  /** Left, top, width, height, mirrored. */
  placement: number[];
  points: Place[];
  pose: number[];
  gaze: number[];
  openness: number[];
}

describe("views of a face whose 68 points are drawn, with the labels that training is fed", () => {
  let folder: string, faces: Face[];
  const sightings: Sighting[] = [];
  const spots = [...POINTS, ...IRISES, ...IRISES, ...IRISES, ...IRISES];

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawSpot(join(folder, "bare.png"));
    await Promise.all(spots.map((spot, i) => drawSpot(join(folder, `${i}.png`), spot)));
    const lines = spots.map((_, i) => ({ image: `${i}.png`, subject: "s", landmarks: POINTS, ...SAID }));
    await writeManifest(folder, lines);
    faces = readManifest(join(folder, "manifest.jsonl"));
    const known = faces.map(geometryOf), units = geometryUnits();
    const bareFaces = faces.map((face) => ({ ...face, image: join(folder, "bare.png") }));

    using loader = new ViewLoader(faces, OPTIONS, 2), bareLoader = new ViewLoader(bareFaces, OPTIONS, 1);
    const walk = new Walk(faces.length, OPTIONS.seed), steps = 8;
    const bare = bareLoader.randomViews(walk, 0, steps, { kind: "single" });
    let step = 0;
    for await (const batch of loader.randomViews(walk, 0, steps, { kind: "single" })) {
      const other = (await bare.next()).value!;
      const { values } = geometryFeeds(Array.from(batch.indices, (i) => known[i]), batch.placements);
      batch.indices.forEach((spot, slot) => {
        const { epoch } = walk.at(step * OPTIONS.batchSize + slot);
        const stream = randomStream(OPTIONS.seed, PURPOSE.view, epoch, spot, 0);
        const view = drawView(stream, { width: SIDE, height: SIDE }, OPTIONS);
        const placement = [...batch.placements.subarray(slot * PLACEMENT, (slot + 1) * PLACEMENT)];
        assertEquals(placement, [...placementOf(view)]);
        const pixels = SIZE * SIZE * 3, slice = [slot * pixels, (slot + 1) * pixels] as const;
        const labels = Array.from(
          values.subarray(slot * GEOMETRY_SIZE, (slot + 1) * GEOMETRY_SIZE),
          (value, i) => value * units[i],
        );
        const [left, top, width, height, flip] = placement;
        const across = (spots[spot][0] - left) / width;
        const truth: Place = [flip ? 1 - across : across, (spots[spot][1] - top) / height];
        const isNear = ({ x, y, a, b }: { x: number; y: number; a: number; b: number }) =>
          Math.hypot(x - truth[0], y - truth[1]) < Math.max(a, b) + 0.1;
        const { patch } = view.degradation!;
        const isHidden = truth.some((share) => share < 0.05 || share > 0.95) || (patch && isNear(patch));
        if (isHidden) return;
        sightings.push({
          spot,
          found: findSpot(batch.viewQ.subarray(...slice), other.viewQ.subarray(...slice)),
          placement,
          points: Array.from({ length: 68 }, (_, i) => [labels[2 * i], labels[2 * i + 1]]),
          pose: labels.slice(136, 139),
          gaze: labels.slice(139, 143),
          openness: labels.slice(143),
        });
      });
      step++;
    }
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  /** Middle of the eye with these points, in pixels of the picture from the view's edge. */
  const middle = ({ points, placement: [, , width, height] }: Sighting, eye: number[]): Place => [
    width * eye.reduce((sum, i) => sum + points[i][0], 0) / 6,
    height * eye.reduce((sum, i) => sum + points[i][1], 0) / 6,
  ];
  /** From the right eye to the left one. */
  const eyeLine = (sighting: Sighting): Place => {
    const [left, right] = [LEFT_EYE, RIGHT_EYE].map((eye) => middle(sighting, eye));
    return [left[0] - right[0], left[1] - right[1]];
  };

  it("show each point where its label says, a mirrored one under the name of its partner", () => {
    const away: Place[] = [], seen = [new Set<number>(), new Set<number>()];
    for (const { spot, found, points, placement } of sightings.filter(({ spot }) => spot < 68)) {
      const [x, y] = points[placement[4] ? PARTNERS[spot] : spot];
      away.push([SIZE * (found[0] - x), SIZE * (found[1] - y)]);
      assertLess(Math.hypot(...away.at(-1)!), 1.5, `point ${spot} at ${placement}`);
      seen[placement[4]].add(spot);
    }
    assertLess(55, Math.min(seen[0].size, seen[1].size), "most points are seen both ways round");
    for (const axis of [0, 1]) {
      const bias = away.reduce((sum, one) => sum + one[axis], 0) / away.length;
      assertAlmostEquals(bias, 0, 0.1, `pixels of the view along axis ${axis}`);
    }
  });

  it("show each iris where the gaze of the eye that it lies in says, mirrored or not", () => {
    const seen = new Set<string>();
    for (const sighting of sightings.filter(({ spot }) => spot >= 68)) {
      const { spot, found, placement: [, , width, height, flip], pose, gaze } = sighting;
      const from = [LEFT_EYE, RIGHT_EYE].map((eye) => middle(sighting, eye))
        .map(([x, y]) => [width * found[0] - x, height * found[1] - y]);
      const eye = Math.hypot(...from[0]) < Math.hypot(...from[1]) ? 0 : 1; // left, right: of the face that is seen
      const drawn = (spot - 68) % 2;
      assertEquals(eye, flip ? 1 - drawn : drawn);
      const roll = pose[2] * Math.PI / 180, [x, y] = from[eye];
      const across = Math.cos(roll) * x + Math.sin(roll) * y, down = Math.cos(roll) * y - Math.sin(roll) * x;
      assertAlmostEquals(across, GAZE * gaze[2 * eye], 0.75, `iris ${spot}, mirrored: ${flip}`);
      assertAlmostEquals(down, -GAZE * gaze[2 * eye + 1], 0.75);
      seen.add(`${drawn} ${flip}`);
    }
    assertEquals(seen.size, 4);
  });

  it("are turned as the pose says: the crown along the line of the eyes, the nose to the side of the yaw", () => {
    for (const sighting of sightings) {
      const { points, placement: [, , width, height, flip], pose: [yaw, pitch, roll] } = sighting;
      const [x, y] = eyeLine(sighting), sign = flip ? -1 : 1;
      assertAlmostEquals(Math.atan2(y, x) * 180 / Math.PI, roll, 1e-2);
      const [left, right] = [LEFT_EYE, RIGHT_EYE].map((eye) => middle(sighting, eye));
      const nose = [
        width * points[30][0] - (left[0] + right[0]) / 2,
        height * points[30][1] - (left[1] + right[1]) / 2,
      ];
      assertAlmostEquals((nose[0] * x + nose[1] * y) / Math.hypot(x, y), NOSE * yaw, 1e-2);
      assertEquals([yaw, pitch, roll].map(Math.round), [
        sign * SAID.pose.yaw,
        SAID.pose.pitch,
        sign * SAID.pose.roll,
      ]);
    }
  });

  it("open each eye as far as the openness under its name says, and the mouth", () => {
    const bySide = new Set<string>();
    for (const sighting of sightings) {
      const { points, placement: [, , width, height, flip], openness } = sighting;
      const apart = Math.hypot(...eyeLine(sighting));
      const gap = (one: number, other: number) =>
        Math.hypot(
          width * (points[one][0] - points[other][0]),
          height * (points[one][1] - points[other][1]),
        ) / apart;
      assertAlmostEquals(gap(43, 47), openness[0], 1e-3);
      assertAlmostEquals(gap(37, 41), openness[1], 1e-3);
      assertAlmostEquals(gap(62, 66), openness[2], 1e-3);
      bySide.add(`${flip} ${openness[0] > openness[1]}`);
    }
    assertEquals(bySide, new Set(["0 true", "1 false"]));
  });
});
