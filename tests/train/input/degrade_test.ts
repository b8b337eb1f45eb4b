import { assert, assertAlmostEquals, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { drawView, MEAN, plainView, renderView, STD, type ViewKind } from "../../../train/input/augment.ts";
import { type Degradation, degrade, drawDegradation } from "../../../train/input/degrade.ts";
import { randomStream } from "../../../train/runs/random.ts";

const SPARED: Degradation = {
  gamma: 1,
  cast: [1, 1, 1],
  resolution: 1,
  compression: 0,
  noise: 0,
  noiseSeed: 0,
  sharpening: 0,
};
const SIZE = 32;

/** Pixels of draws, far enough from black and white that little is cut off there. */
function texture(size = SIZE, least = 60, most = 190): Float32Array {
  const random = randomStream(5);
  return Float32Array.from({ length: size * size * 3 }, () => least + (most - least) * random());
}
const even = (value: number, size = SIZE) => new Float32Array(size * size * 3).fill(value);
const suffer = (pixels: Float32Array, changes: Partial<Degradation>, size = SIZE) =>
  degrade(pixels.slice(), size, { ...SPARED, ...changes });
const mean = (values: ArrayLike<number>) =>
  Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

/** Mean square of what a pixel differs from its four neighbours' mean by: the finest detail. */
function detail(pixels: Float32Array, size = SIZE): number {
  const squares: number[] = [];
  for (let y = 1; y < size - 1; y++) {
    for (let x = 1; x < size - 1; x++) {
      for (let c = 0; c < 3; c++) {
        const at = (v: number, h: number) => pixels[3 * (v * size + h) + c];
        const around = (at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1)) / 4;
        squares.push((at(y, x) - around) ** 2);
      }
    }
  }
  return mean(squares);
}

function assertClose(one: ArrayLike<number>, other: ArrayLike<number>, tolerance: number): void {
  assertEquals(one.length, other.length);
  for (let i = 0; i < one.length; i++) assertAlmostEquals(one[i], other[i], tolerance, `value ${i}`);
}

describe("degrade", () => {
  const pixels = texture();

  it("leaves a picture that is spared everything, and does the same to the same picture each time", () => {
    assertClose(suffer(pixels, {}), pixels, 1e-4);
    for (let stream = 0; stream < 20; stream++) {
      const one = degrade(pixels.slice(), SIZE, drawDegradation(randomStream(9, stream)));
      assertEquals(degrade(pixels.slice(), SIZE, drawDegradation(randomStream(9, stream))), one);
      assert(one.every((value) => value >= 0 && value <= 255));
    }
  });

  it("bends tones by a power, black and white standing still", () => {
    for (const gamma of [0.6, 1.6]) {
      const bytes = Float32Array.from({ length: SIZE * SIZE * 3 }, (_, i) => i % 256);
      assertClose(suffer(bytes, { gamma }), bytes.map((value) => 255 * Math.pow(value / 255, gamma)), 0.01);
      assertClose(suffer(pixels, { gamma }), pixels.map((value) => 255 * Math.pow(value / 255, gamma)), 0.2);
    }
  });

  it("casts a colour: each channel times its own factor, no brighter than white", () => {
    const cast = [1.2, 0.95, 0.8] as const;
    assertClose(suffer(pixels, { cast }), pixels.map((value, i) => Math.min(255, value * cast[i % 3])), 1e-3);
    assertEquals(suffer(even(250), { cast })[0], 255);
  });

  it("shades from side to side, from top to bottom and from the middle outwards", () => {
    const at = (lit: Float32Array, x: number, y: number) => lit[3 * (y * SIZE + x)] / 100;
    const far = SIZE - 1, half = far >> 1;
    const slope = suffer(even(100), { shading: { x: 0.3, y: 0, bow: 0 } });
    for (const y of [0, 9, far]) {
      assertAlmostEquals(at(slope, 0, y), 0.7, 1e-5);
      assertAlmostEquals(at(slope, far, y), 1.3, 1e-5);
    }
    const fall = suffer(even(100), { shading: { x: 0, y: -0.2, bow: 0 } });
    for (const x of [0, 9, far]) {
      assertAlmostEquals(at(fall, x, 0), 1.2, 1e-5);
      assertAlmostEquals(at(fall, x, far), 0.8, 1e-5);
    }
    const bow = suffer(even(100), { shading: { x: 0, y: 0, bow: -0.3 } });
    assertLess(at(bow, 0, 0), at(bow, half, 0));
    assertLess(at(bow, half, 0), at(bow, half, half));
    assertAlmostEquals(mean(bow), 100, 2); // neither lighter nor darker on the whole
  });

  it("keeps the level and loses the finer detail the lower the resolution, and gains it by sharpening", () => {
    const soft = [0.9, 0.6, 0.3].map((resolution) => suffer(pixels, { resolution }));
    const details = [pixels, ...soft].map((one) => detail(one));
    for (let i = 1; i < details.length; i++) assertLess(details[i], 0.7 * details[i - 1]);
    for (const one of soft) assertAlmostEquals(mean(one), mean(pixels), 1);
    // What a picture of a third of the side still shows, broad waves, is left nearly as it was.
    const wave = Float32Array.from(
      pixels,
      (_, i) => 128 + 60 * Math.sin(2 * Math.PI * (Math.floor(i / 3) % SIZE) / SIZE),
    );
    assertClose(suffer(wave, { resolution: 0.3 }).subarray(12, 84), wave.subarray(12, 84), 6);

    const sharp = [0.3, 1].map((sharpening) => suffer(texture(SIZE, 100, 150), { sharpening }));
    const gained = [texture(SIZE, 100, 150), ...sharp].map((one) => detail(one));
    assertLess(1.3 * gained[0], gained[1]);
    assertLess(1.3 * gained[1], gained[2]);
    assertClose(suffer(even(77), { sharpening: 1 }), even(77), 1e-3);
  });

  it("adds noise of the given deviation, of mean 0, new at every pixel and channel, by its seed", () => {
    const grain = (noiseSeed: number) =>
      suffer(even(128, 64), { noise: 12, noiseSeed }, 64).map((value) => value - 128);
    const one = grain(1), other = grain(2);
    assertEquals(grain(1), one);
    const product = (a: Float32Array, b: Float32Array) =>
      mean(Array.from(a, (value, i) => value * b[i])) / 144;
    assertAlmostEquals(Math.sqrt(product(one, one)), 1, 0.02);
    assertAlmostEquals(mean(one) / 12, 0, 0.03);
    const later = (shift: number) => Float32Array.from(one, (_, i) => one[(i + shift) % one.length]);
    for (const unlike of [other, later(1), later(3), later(64 * 3)]) {
      assertAlmostEquals(product(one, unlike), 0, 0.04);
    }
  });

  it("rounds the cosine transform of every whole block of 8 by 8, the more the higher the frequency", () => {
    const size = 20, before = texture(size), step = 9, after = suffer(before, { compression: step }, size);
    /** The transform of a block by its definition, in two dimensions at once. */
    const coefficient = (of: Float32Array, top: number, left: number, c: number, v: number, h: number) => {
      let sum = 0;
      for (let y = 0; y < 8; y++) {
        for (let x = 0; x < 8; x++) {
          const wave = Math.cos((2 * y + 1) * v * Math.PI / 16) * Math.cos((2 * x + 1) * h * Math.PI / 16);
          sum += of[3 * ((top + y) * size + left + x) + c] * wave;
        }
      }
      return sum / 4 * (v ? 1 : Math.SQRT1_2) * (h ? 1 : Math.SQRT1_2);
    };
    for (const [top, left, c] of [[0, 0, 0], [0, 8, 1], [8, 0, 2], [8, 8, 0]]) {
      for (let v = 0; v < 8; v++) {
        for (let h = 0; h < 8; h++) {
          const grain = step * (1 + 0.6 * (v + h)), kept = coefficient(after, top, left, c, v, h);
          const expected = grain * Math.round(coefficient(before, top, left, c, v, h) / grain);
          assertAlmostEquals(kept, expected, 0.02, `${v}, ${h} of the block at ${top}, ${left}`);
        }
      }
    }
    for (let y = 0; y < size; y++) {
      for (let x = y < 16 ? 16 : 0; x < size; x++) {
        assertAlmostEquals(after[3 * (y * size + x)], before[3 * (y * size + x)], 1e-4);
      }
    }
    const smooth = suffer(before, { compression: 28 }, size);
    assertLess(detail(smooth, 16), 0.7 * detail(before, 16));
  });

  it("puts an ellipse of one colour before the face, and touches nothing beside it", () => {
    const patch = { x: 0.55, y: 0.4, a: 0.25, b: 0.1, turn: 0.5, colour: [200, 30, 90] as const };
    const covered = suffer(pixels, { patch });
    // A point is in an ellipse if its ways to the two foci are together no longer than the long axis.
    const reach = Math.sqrt(patch.a ** 2 - patch.b ** 2);
    const foci = [-1, 1].map((side) => [
      patch.x + side * reach * Math.cos(patch.turn),
      patch.y + side * reach * Math.sin(patch.turn),
    ]);
    let inside = 0;
    for (let i = 0; i < pixels.length; i += 3) {
      const x = i / 3 % SIZE / SIZE, y = Math.floor(i / 3 / SIZE) / SIZE;
      const ways = foci.reduce((sum, [fx, fy]) => sum + Math.hypot(x - fx, y - fy), 0);
      const isIn = ways <= 2 * patch.a;
      assertClose(covered.subarray(i, i + 3), isIn ? patch.colour : pixels.subarray(i, i + 3), 1e-4);
      inside += Number(isIn);
    }
    assertAlmostEquals(inside / SIZE ** 2, Math.PI * patch.a * patch.b, 0.01);
  });
});

describe("an adverse view", () => {
  const size = { width: 100, height: 100 }, count = 3000;
  const draw = (views: ViewKind, stream: number) =>
    drawView(randomStream(8, stream), size, { views, cropScale: [0.7, 1], size: 64 });
  const views = Array.from({ length: count }, (_, i) => draw("adverse", i));
  const drawn = views.map(({ degradation }) => degradation!);

  it("is drawn by its stream alone, and is the only kind that degrades", () => {
    for (let stream = 0; stream < 20; stream++) {
      assertEquals(draw("adverse", stream), draw("adverse", stream));
    }
    assertNotEquals(draw("adverse", 1), draw("adverse", 2));
    for (const kind of ["moco-v1", "moco-v2", "finetune", "clip"] as const) {
      for (let stream = 0; stream < 20; stream++) assertEquals(draw(kind, stream).degradation, undefined);
    }
  });

  it("keeps the face's shape within a finder's error: crops are square to five hundredths", () => {
    const aspects = views.map(({ crop }) => crop.width / crop.height);
    assert(Math.min(...aspects) > 1 / 1.07 && Math.max(...aspects) < 1.07); // 1.05 and a pixel's rounding
    assertLess(1.03, Math.max(...aspects));
  });

  it("draws each fault for the share of pictures that it is meant for, over its whole range", () => {
    const shares: [string, number, (one: Degradation) => boolean][] = [
      ["gamma", 0.5, ({ gamma }) => gamma !== 1],
      ["cast", 0.3, ({ cast }) => cast.some((factor) => factor !== 1)],
      ["shading", 0.4, ({ shading }) => shading !== undefined],
      ["resolution", 0.3, ({ resolution }) => resolution < 1],
      ["compression", 0.3, ({ compression }) => compression > 0],
      ["noise", 0.4, ({ noise }) => noise > 0],
      ["sharpening", 0.2, ({ sharpening }) => sharpening > 0],
      ["patch", 0.15, ({ patch }) => patch !== undefined],
    ];
    for (const [name, share, suffers] of shares) {
      const deviation = Math.sqrt(share * (1 - share) / count);
      assertAlmostEquals(drawn.filter(suffers).length / count, share, 4 * deviation, name);
    }
    // Each by itself: as many pictures suffer two given ones as their shares make together.
    const both = drawn.filter((one) => one.noise > 0 && one.compression > 0).length / count;
    assertAlmostEquals(both, 0.12, 4 * Math.sqrt(0.12 * 0.88 / count));
    const within = (values: number[], least: number, most: number) => {
      const room = 0.05 * (most - least), [low, high] = [Math.min(...values), Math.max(...values)];
      assert(low >= least && low < least + room && high <= most && high > most - room, `${low} to ${high}`);
    };
    within(drawn.map(({ gamma }) => Math.log(gamma)), -0.5, 0.5);
    within(drawn.map(({ resolution }) => resolution).filter((value) => value < 1), 0.3, 0.9);
    within(drawn.map(({ compression }) => compression).filter((value) => value > 0), 4, 28);
    within(drawn.map(({ noise }) => noise), 0, 18);
    within(drawn.flatMap(({ patch }) => patch ? [patch.a, patch.b] : []), 0.05, 0.22);
    assertEquals(new Set(drawn.map(({ noiseSeed }) => noiseSeed)).size, count);
  });

  it("that is grey stays grey under light, blur and compression; a cast makes it a faded print", () => {
    const image = { ...size, data: Uint8Array.from(texture(100)) };
    const render = (degradation: Partial<Degradation>) => {
      const out = new Float32Array(SIZE * SIZE * 3);
      const view = { ...plainView(image), grey: true, degradation: { ...SPARED, ...degradation } };
      renderView(image, view, SIZE, out, 0);
      return out.map((value, i) => 255 * (value * STD[i % 3] + MEAN[i % 3]));
    };
    const shading = { x: 0.2, y: -0.1, bow: 0.1 };
    const grey = render({ gamma: 0.8, shading, resolution: 0.5, compression: 12, sharpening: 0.5 });
    for (let i = 0; i < grey.length; i += 3) {
      assertAlmostEquals(grey[i + 1], grey[i], 0.01);
      assertAlmostEquals(grey[i + 2], grey[i], 0.01);
    }
    assert(Math.max(...grey) - Math.min(...grey) > 5);
    const faded = render({ cast: [1.2, 1, 0.8] });
    for (let i = 0; i < faded.length; i += 3) assertAlmostEquals(faded[i] / faded[i + 2], 1.5, 0.01);
  });
});
