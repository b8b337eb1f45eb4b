import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { alignmentTransform, cropFace, type Pixels, resize, warp } from "@emoco/web/image";
import { largestDifference, mirror, noise, paint, square } from "./pictures.ts";

describe("cropFace", () => {
  it("returns the same pixels when the transform is the identity", () => {
    const image = noise(64, 64);
    assertEquals(cropFace(image, square(0, 0, 64), 64).data, image.data);
  });

  it("cuts out the same pixels when the crop is a part of the picture", () => {
    const image = noise(90, 70), crop = cropFace(image, square(13, 5, 48), 48);
    for (let j = 0; j < 48; j++) {
      const start = ((j + 5) * 90 + 13) * 4;
      assertEquals(crop.data.slice(j * 48 * 4, (j + 1) * 48 * 4), image.data.slice(start, start + 48 * 4));
    }
  });

  it("turns by a right angle without touching a value", () => {
    const image = noise(32, 32), crop = cropFace(image, square(0, 0, 32, Math.PI / 2), 32);
    for (let j = 0; j < 32; j++) {
      for (let i = 0; i < 32; i++) { // a quarter turn: crop (i, j) shows picture (31 - j, i)
        assertEquals(crop.data[(j * 32 + i) * 4], image.data[(i * 32 + 31 - j) * 4]);
      }
    }
  });

  it("is the mean of whole blocks when it shrinks by a whole number", () => {
    for (const shrink of [2, 3, 4, 8, 9]) {
      const size = 20, image = noise(size * shrink, size * shrink);
      const crop = cropFace(image, square(0, 0, size * shrink), size);
      for (let j = 0; j < size; j++) {
        for (let i = 0; i < size; i++) {
          let sum = 0;
          for (let v = 0; v < shrink; v++) {
            for (let u = 0; u < shrink; u++) {
              sum += image.data[((j * shrink + v) * size * shrink + i * shrink + u) * 4 + 1];
            }
          }
          // Shrinking by 9 is 4 x 4 blocks and then 2.25: close to the mean, not equal to it.
          const allowed = shrink === 9 ? 25 : 1.01;
          assertAlmostEquals(crop.data[(j * size + i) * 4 + 1], sum / shrink ** 2, allowed, `${shrink}`);
        }
      }
    }
  });

  it("shrinks a fine checkerboard to even grey at any scale and angle", () => {
    const image = paint(900, 900, (x, y) => (Math.floor(x) + Math.floor(y)) % 2 * 255);
    const bounds: [shrink: number, angle: number, allowed: number][] = [
      [2, 0, 1],
      [2, 0.35, 18],
      [2.6, 0, 3],
      [3.4, 0.2, 7],
      [4.7, 0, 1],
      [7.3, 0.5, 2],
    ];
    for (const [shrink, angle, allowed] of bounds) {
      const crop = cropFace(image, square(150.3, 150.7, 80 * shrink, angle), 80);
      for (const value of crop.data.filter((_, i) => i % 4 === 0)) {
        assertAlmostEquals(value, 127.5, allowed + 0.5, `shrunk by ${shrink}, turned by ${angle}`);
      }
    }
  });

  it("keeps every point where the transform says, at all scales: a slope stays the slope", () => {
    const image = paint(1000, 1000, (x, y) => 20 + x * 0.1 + y * 0.12);
    for (const [side, angle] of [[60, 0.2], [112, 0], [150, -0.4], [300, 0.3], [500, 0], [620, 0.1]]) {
      const points = square(180.4, 170.9, side, angle), crop = cropFace(image, points, 112);
      const { a, b, x, y } = alignmentTransform(points, 112);
      let worst = 0;
      for (let j = 0; j < 112; j++) {
        for (let i = 0; i < 112; i++) {
          const dx = i + 0.5 - x, dy = j + 0.5 - y, square = a * a + b * b; // the inverse, written out
          const px = (a * dx + b * dy) / square, py = (a * dy - b * dx) / square;
          const expected = 20 + px * 0.1 + py * 0.12;
          worst = Math.max(worst, Math.abs(crop.data[(j * 112 + i) * 4] - expected));
        }
      }
      assertLess(worst, 1.3, `side ${side}`); // the picture's own rounding, the crop's, and 1/256 pixel
    }
  });

  it("keeps a symmetrical picture symmetrical", () => {
    const disc = paint(600, 400, (x, y) => Math.hypot(x - 300, y - 180) < 110 ? 230 : 25);
    for (const side of [57, 112, 171, 260, 400, 590]) {
      const crop = cropFace(disc, square(300 - side / 2, 180 - side / 2, side), 112);
      assert(largestDifference(crop, mirror(crop)) <= 2, `side ${side}`);
    }
  });

  it("does not jump in sharpness where the method changes", () => {
    const image = paint(700, 700, (x, y) => 128 + 90 * Math.sin(x / 2.3) * Math.cos(y / 2.9));
    for (const shrink of [1, 2, 3, 4, 6]) {
      const before = cropFace(image, square(20, 20, 90 * (shrink - 0.0005)), 90);
      const after = cropFace(image, square(20, 20, 90 * (shrink + 0.0015)), 90);
      assert(largestDifference(before, after) <= 12, `${shrink}: ${largestDifference(before, after)}`);
    }
  });

  it("repeats the picture's edge where the crop reaches outside", () => {
    const image = paint(50, 50, (x) => x < 25 ? 10 : 240);
    for (const size of [40, 10]) {
      const crop = cropFace(image, square(-30, -30, 110), size);
      for (let j = 0; j < size; j++) {
        assertEquals(crop.data[j * size * 4], 10);
        assertEquals(crop.data[(j * size + size - 1) * 4], 240);
      }
    }
    assertEquals([...cropFace(paint(1, 1, () => 77), square(0, 0, 30), 2).data.slice(0, 4)], [
      77,
      77,
      77,
      255,
    ]);
    const outside = cropFace(image, square(900, 900, 800), 12);
    assert(outside.data.every((value, i) => value === (i % 4 === 3 ? 255 : 240)));
  });

  it("makes the same bytes from a view that does not start on a word", () => {
    const image = noise(60, 60), shifted = new Uint8Array(image.data.length + 1);
    shifted.set(image.data, 1);
    const view = { ...image, data: shifted.subarray(1) };
    for (const side of [50, 300]) {
      assertEquals(cropFace(view, square(3, 2, side, 0.1), 48), cropFace(image, square(3, 2, side, 0.1), 48));
    }
  });

  it("refuses bytes that do not fit the dimensions, and a side that is no size", () => {
    const short = { width: 4, height: 4, data: new Uint8ClampedArray(63) };
    assertThrows(() => cropFace(short, square(0, 0, 4), 4), RangeError, "needs 64 bytes of RGBA, got 63");
    assertThrows(() => cropFace(noise(4, 4), square(0, 0, 4), 0), RangeError, "side must be 1 or more");
  });
});

describe("warp, quick", () => {
  it("equals the exact one where nothing is averaged", () => {
    const image = noise(200, 200);
    for (const shrink of [0.4, 0.9, 1]) {
      const toCrop = { a: 1 / shrink, b: 0.1 / shrink, x: -20 / shrink, y: -31.3 / shrink };
      assert(Math.hypot(toCrop.a, toCrop.b) > 1);
      assertEquals(warp(image, toCrop, 120, "quick"), warp(image, toCrop, 120));
    }
  });

  it("keeps every point where the transform says, at all scales: a slope stays the slope", () => {
    const image = paint(1000, 1000, (x, y) => 20 + x * 0.1 + y * 0.12);
    for (const shrink of [0.6, 1.4, 1.6, 2.4, 2.6, 6.3]) {
      const a = Math.cos(0.3) / shrink, b = Math.sin(0.3) / shrink;
      const x = 50 - a * 500 + b * 500, y = 50 - b * 500 - a * 500; // (500, 500) comes to lie in the middle
      const { data } = warp(image, { a, b, x, y }, 100, "quick");
      for (const [i, j] of [[0, 0], [99, 3], [50, 50], [7, 98]]) {
        const dx = (i + 0.5 - 50) * shrink, dy = (j + 0.5 - 50) * shrink;
        const px = 500 + Math.cos(0.3) * dx + Math.sin(0.3) * dy,
          py = 500 + Math.cos(0.3) * dy - Math.sin(0.3) * dx;
        assertAlmostEquals(data[(j * 100 + i) * 4], 20 + px * 0.1 + py * 0.12, 1.3, `shrunk by ${shrink}`);
      }
    }
  });

  it("shrinks fine grain to even grey as far as its blocks reach", () => {
    const image = paint(900, 900, (x, y) => (Math.floor(x) + Math.floor(y)) % 2 * 255);
    for (const shrink of [2, 4, 6]) {
      const { data } = warp(image, { a: 1 / shrink, b: 0, x: 0, y: 0 }, 100, "quick");
      for (const value of data.filter((_, i) => i % 4 === 0)) assertAlmostEquals(value, 127.5, 0.6);
    }
  });
});

describe("resize", () => {
  it("returns the same pixels at the same size", () => {
    const image = noise(31, 17);
    assertEquals(resize(image, 31, 17).data, image.data);
  });

  it("weighs each source pixel by the area it covers when shrinking", () => {
    const image = noise(25, 14), small = resize(image, 10, 4);
    for (let j = 0; j < 4; j++) {
      for (let i = 0; i < 10; i++) {
        let sum = 0;
        const fine = 20; // the oracle counts points of a fine grid: 2.5 and 3.5 pixels fall on it exactly
        for (let v = 0; v < 3.5 * fine; v++) {
          for (let u = 0; u < 2.5 * fine; u++) {
            const x = Math.floor(i * 2.5 + (u + 0.5) / fine), y = Math.floor(j * 3.5 + (v + 0.5) / fine);
            sum += image.data[(y * 25 + x) * 4 + 2];
          }
        }
        assertAlmostEquals(small.data[(j * 10 + i) * 4 + 2], sum / (3.5 * 2.5 * fine * fine), 1.5);
      }
    }
  });

  it("interpolates between the pixels' centres when enlarging", () => {
    const row: Pixels = { width: 2, height: 1, data: new Uint8Array([0, 0, 0, 255, 200, 100, 40, 255]) };
    assertEquals([...resize(row, 4, 1).data], [
      0,
      0,
      0,
      255,
      50,
      25,
      10,
      255,
      150,
      75,
      30,
      255,
      200,
      100,
      40,
      255,
    ]);
  });

  it("refuses a size that is none", () => {
    assertThrows(() => resize(noise(4, 4), 0, 3), RangeError, "Cannot resize to 0 x 3");
    assertThrows(() => resize(noise(4, 4), 2.5, 3), RangeError, "2.5 x 3");
  });
});
