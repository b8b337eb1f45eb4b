import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { drawView, MEAN, plainView, renderView, STD, type View } from "../../../train/input/augment.ts";
import type { RgbImage } from "../../../train/input/filters.ts";
import { randomStream } from "../../../train/runs/random.ts";
import { readFixture } from "../../helpers.ts";

type Picture = number[][][]; // [y][x][channel], 0-255

const { tensors } = readFixture("pictures");
const random = randomStream(21);
const noise = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, () => Math.floor(256 * random())),
});
const plain = (image: RgbImage, changes: Partial<View> = {}): View => ({ ...plainView(image), ...changes });

/** A rendered view, back in 0-255. */
function render(image: RgbImage, view: View, size: number): Picture {
  const out = new Float32Array(size * size * 3 + 2).fill(NaN);
  renderView(image, view, size, out, 1);
  assert(Number.isNaN(out[0]) && Number.isNaN(out.at(-1)), "a view stays inside its place");
  return toPicture(size, (i) => (out[1 + i] * STD[i % 3] + MEAN[i % 3]) * 255);
}

function toPicture(size: number, at: (index: number) => number): Picture {
  const line = Array.from({ length: size }, (_, i) => i);
  return line.map((y) => line.map((x) => [0, 1, 2].map((c) => at((y * size + x) * 3 + c))));
}

function assertClose(one: Picture, other: Picture, tolerance = 0.01) {
  one.flat(2).forEach((value, i) => assertAlmostEquals(value, other.flat(2)[i], tolerance, `value ${i}`));
}

/** Crop and resize by the definition: each output is the mean of all pixels, weighted by a tent around its centre. */
function slowResize(image: RgbImage, { x, y, width, height }: View["crop"], size: number): Picture {
  const tent = (start: number, length: number, i: number, pixel: number) => {
    const radius = Math.max(1, length / size), centre = start + (i + 0.5) * length / size;
    return Math.max(0, 1 - Math.abs(pixel + 0.5 - centre) / radius);
  };
  const line = Array.from({ length: size }, (_, i) => i);
  return line.map((v) =>
    line.map((u) => {
      const sum = [0, 0, 0];
      let total = 0;
      for (let py = 0; py < image.height; py++) {
        for (let px = 0; px < image.width; px++) {
          const weight = tent(x, width, u, px) * tent(y, height, v, py);
          total += weight;
          for (let c = 0; c < 3; c++) sum[c] += weight * image.data[(py * image.width + px) * 3 + c];
        }
      }
      return sum.map((value) => value / total);
    })
  );
}

/** Hue shift through the textbook conversion, RGB to HSV by cases and back by sectors. */
function slowHue([r, g, b]: number[], turn: number): number[] {
  const v = Math.max(r, g, b), c = v - Math.min(r, g, b), s = v === 0 ? 0 : c / v;
  let h = 0;
  if (c > 0) {
    h = v === r ? (60 * (g - b) / c + 360) % 360 : v === g ? 60 * (b - r) / c + 120 : 60 * (r - g) / c + 240;
  }
  h = ((h + 360 * turn) % 360 + 360) % 360;
  const sector = Math.floor(h / 60), f = h / 60 - sector;
  const [p, q, t] = [v * (1 - s), v * (1 - s * f), v * (1 - s * (1 - f))];
  return [[v, t, p], [q, v, p], [p, v, t], [p, q, v], [t, p, v], [v, p, q]][sector];
}

const grey = ([r, g, b]: number[]) => 0.299 * r + 0.587 * g + 0.114 * b;

describe("renderView", () => {
  const image = noise(31, 26);
  const whole = plainView(image).crop;

  for (
    const [name, crop, size] of [
      ["shrinking", { x: 3, y: 2, width: 25, height: 22 }, 9],
      ["enlarging", { x: 5, y: 7, width: 8, height: 6 }, 20],
      ["at the picture's corner", { x: 0, y: 0, width: 12, height: 26 }, 10],
      ["at its far corner", { x: 21, y: 14, width: 10, height: 12 }, 8],
    ] as const
  ) {
    it(`crops as a slow tent filter does, ${name}`, () => {
      assertClose(render(image, plain(image, { crop }), size), slowResize(image, crop, size));
    });
  }

  for (const name of ["shrink", "enlarge"]) {
    it(`resizes as torchvision does with antialiasing (${name})`, () => {
      const { values, shape: [height, width] } = tensors[`${name}.image`],
        expected = tensors[`${name}.resized`];
      const picture = { width, height, data: Uint8Array.from(values) };
      const size = expected.shape[0];
      assertClose(
        render(picture, plainView(picture), size),
        toPicture(size, (i) => 255 * expected.values[i]),
      );
    });
  }

  it("flips left and right", () => {
    const straight = render(image, plain(image, { crop: { x: 2, y: 3, width: 20, height: 17 } }), 11);
    const flipped = render(
      image,
      plain(image, { crop: { x: 2, y: 3, width: 20, height: 17 }, flip: true }),
      11,
    );
    assertClose(flipped, straight.map((row) => row.toReversed()), 1e-3);
  });

  const { values, shape: [side] } = tensors["colour.image"];
  const colours = { width: side, height: side, data: Uint8Array.from(values) };
  for (
    const [name, changes] of [
      ["brightness", { jitter: [{ kind: "brightness", amount: 1.35 }] }],
      ["contrast", { jitter: [{ kind: "contrast", amount: 1.3 }] }],
      ["saturation", { jitter: [{ kind: "saturation", amount: 0.62 }] }],
      ["hue", { jitter: [{ kind: "hue", amount: -0.09 }] }],
      ["grey", { grey: true }],
    ] as const
  ) {
    it(`changes ${name} as torchvision does`, () => {
      const view = plain(colours, { ...changes, jitter: "jitter" in changes ? [...changes.jitter] : [] });
      const expected = tensors[`colour.${name}`].values;
      // torchvision's luma has one digit more: 0.2989, 0.587, 0.114.
      assertClose(render(colours, view, side), toPicture(side, (i) => 255 * expected[i]), 0.05);
    });
  }

  it("turns the hue as a plain HSV conversion does, for turns over the red end too", () => {
    const before = render(colours, plainView(colours), side);
    for (const amount of [-0.4, -0.1, 0.07, 0.4]) {
      const turned = render(colours, plain(colours, { jitter: [{ kind: "hue", amount }] }), side);
      assertClose(turned, before.map((row) => row.map((pixel) => slowHue(pixel, amount))));
    }
  });

  it("applies the jitter in the drawn order, grey before it or after", () => {
    const clip = (value: number) => Math.min(255, Math.max(0, value));
    const brighten = (p: number[]) => p.map((value) => clip(1.4 * value));
    const saturate = (p: number[]) => p.map((value) => clip(1.4 * value - 0.4 * grey(p)));
    const toGrey = (p: number[]) => [grey(p), grey(p), grey(p)];
    const brightness = { kind: "brightness", amount: 1.4 } as const;
    const saturation = { kind: "saturation", amount: 1.4 } as const;
    const hue = { kind: "hue", amount: 0.1 } as const;
    const before = render(colours, plainView(colours), side);
    for (
      const [changes, apply] of [
        [{ jitter: [brightness, saturation] }, (p: number[]) => saturate(brighten(p))],
        [{ jitter: [saturation, brightness] }, (p: number[]) => brighten(saturate(p))],
        [{ jitter: [brightness, hue], grey: true, greyFirst: true }, (p: number[]) => brighten(toGrey(p))],
        [{ jitter: [brightness, hue], grey: true }, (p: number[]) => toGrey(slowHue(brighten(p), 0.1))],
      ] as const
    ) {
      const view = plain(colours, { ...changes, jitter: [...changes.jitter] });
      assertClose(render(colours, view, side), before.map((row) => row.map(apply)));
    }
  });

  for (const deviation of [0.3, 1.2]) {
    it(`blurs as the two-dimensional sum does, deviation ${deviation}`, () => {
      const size = 12,
        sharp = render(image, plain(image, { crop: whole }), size),
        reach = Math.ceil(3 * deviation);
      const inside = (i: number) => Math.max(0, Math.min(size - 1, i));
      const expected = sharp.map((row, y) =>
        row.map((_, x) => {
          const sum = [0, 0, 0];
          let total = 0;
          for (let dy = -reach; dy <= reach; dy++) {
            for (let dx = -reach; dx <= reach; dx++) {
              const weight = Math.exp(-(dx * dx + dy * dy) / (2 * deviation ** 2));
              total += weight;
              for (let c = 0; c < 3; c++) sum[c] += weight * sharp[inside(y + dy)][inside(x + dx)][c];
            }
          }
          return sum.map((value) => value / total);
        })
      );
      assertClose(render(image, plain(image, { blur: deviation }), size), expected);
    });
  }
});

describe("drawView", () => {
  const size = { width: 128, height: 100 }, count = 4000;
  const draw = (views: "moco-v1" | "moco-v2", side = 224) =>
    Array.from(
      { length: count },
      (_, i) => drawView(randomStream(3, i), size, { views, cropScale: [0.2, 1], size: side }),
    );
  const share = (drawn: View[], has: (view: View) => boolean) => drawn.filter(has).length / count;
  const near = (value: number, expected: number) =>
    assertAlmostEquals(value, expected, 4 * Math.sqrt(expected * (1 - expected) / count) + 1e-12);
  const v1 = draw("moco-v1"), v2 = draw("moco-v2");

  it("repeats a stream's view and draws another from another stream", () => {
    const options = { views: "moco-v2", cropScale: [0.2, 1], size: 96 } as const;
    assertEquals(drawView(randomStream(1, 2), size, options), drawView(randomStream(1, 2), size, options));
    assertNotEquals(drawView(randomStream(1, 2), size, options), drawView(randomStream(1, 3), size, options));
  });

  it("keeps crops whole, inside the picture, in the drawn scale and aspect, and uses that range", () => {
    const areas = v2.map(({ crop }) => crop.width * crop.height / 12_800);
    const aspects = v2.map(({ crop }) => crop.width / crop.height);
    for (const { crop: { x, y, width, height } } of v2) {
      assert([x, y, width, height].every(Number.isInteger));
      assert(x >= 0 && y >= 0 && x + width <= 128 && y + height <= 100);
    }
    assert(Math.min(...areas) > 0.195 && Math.min(...areas) < 0.21 && Math.max(...areas) > 0.93);
    assert(Math.min(...aspects) > 0.735 && Math.max(...aspects) < 1.36);
    assert(Math.min(...aspects) < 0.77 && Math.max(...aspects) > 1.3);
    const rights = v2.filter(({ crop }) => crop.x + crop.width === 128).length;
    const lefts = v2.filter(({ crop }) => crop.x === 0).length;
    assert(rights > 40 && lefts > 40, "both edges are reached");
  });

  it("follows MoCo v2's list: jitter 0.8, grey 0.2 after it, blur 0.5, flip 0.5", () => {
    near(share(v2, ({ jitter }) => jitter.length === 4), 0.8);
    near(share(v2, ({ jitter }) => jitter.length === 0), 0.2);
    near(share(v2, (view) => view.grey), 0.2);
    near(share(v2, ({ blur }) => blur > 0), 0.5);
    near(share(v2, ({ flip }) => flip), 0.5);
    assert(v2.every(({ greyFirst }) => !greyFirst));
    assertAmounts(v2, 0.4, 0.1);
  });

  it("follows MoCo v1's list: jitter always, grey 0.2 before it, no blur, flip 0.5", () => {
    assert(v1.every(({ jitter, blur, greyFirst }) => jitter.length === 4 && blur === 0 && greyFirst));
    near(share(v1, (view) => view.grey), 0.2);
    near(share(v1, ({ flip }) => flip), 0.5);
    assertAmounts(v1, 0.4, 0.4);
  });

  it("draws each of the four changes first equally often", () => {
    const kinds = ["brightness", "contrast", "saturation", "hue"];
    for (const kind of kinds) near(share(v1, ({ jitter }) => jitter[0].kind === kind), 0.25);
    for (const kind of kinds) near(share(v1, ({ jitter }) => jitter[3].kind === kind), 0.25);
  });

  it("draws blur of 0.1 to 2 pixels at 224, and in proportion at another size", () => {
    for (const [drawn, factor] of [[v2, 1], [draw("moco-v2", 112), 0.5]] as const) {
      const blurs = drawn.map(({ blur }) => blur).filter((blur) => blur > 0).sort((a, b) => a - b);
      assert(blurs[0] >= 0.1 * factor && blurs[0] < 0.13 * factor);
      assert(blurs.at(-1)! <= 2 * factor && blurs.at(-1)! > 1.97 * factor);
      assertAlmostEquals(blurs[blurs.length >> 1], 1.05 * factor, 0.1 * factor);
    }
  });

  function assertAmounts(drawn: View[], most: number, hue: number) {
    for (const kind of ["brightness", "contrast", "saturation", "hue"]) {
      const amounts = drawn.flatMap(({ jitter }) => jitter.filter((part) => part.kind === kind)).map((p) =>
        p.amount
      );
      const [middle, range] = kind === "hue" ? [0, hue] : [1, most];
      const [low, high] = [Math.min(...amounts), Math.max(...amounts)];
      assert(low >= middle - range && low < middle - 0.98 * range, `${kind}: ${low}`);
      assert(high <= middle + range && high > middle + 0.98 * range, `${kind}: ${high}`);
    }
  }
});
