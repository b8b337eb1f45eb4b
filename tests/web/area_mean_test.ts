import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { shrinkRows } from "../../web/area_mean.ts";
import type { Pixels } from "@emoco/web/image";

function noise(width: number, height: number): Pixels {
  let state = 7;
  const data = Uint8ClampedArray.from({ length: width * height * 4 }, () => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return state >>> 24;
  });
  return { width, height, data };
}

/** The mean of a channel over a rectangle, pixel by pixel with the share of each that lies within. */
function meanOver(
  { width, height, data }: Pixels,
  c: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
) {
  let sum = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const across = Math.max(0, Math.min(x + 1, x1) - Math.max(x, x0));
      const down = Math.max(0, Math.min(y + 1, y1) - Math.max(y, y0));
      sum += data[(y * width + x) * 4 + c] * across * down;
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

describe("shrinkRows", () => {
  it("is the mean over each pixel's area, without rounding", () => {
    for (
      const [w, h, width, height] of [[64, 40, 16, 10], [61, 43, 25, 17], [30, 20, 30, 7], [9, 5, 8, 5], [
        9,
        9,
        1,
        1,
      ]]
    ) {
      const image = noise(w, h), sx = w / width, sy = h / height;
      let rows = 0;
      shrinkRows(image, width, height, (y, row) => {
        assertEquals([y, row.length], [rows++, width * 3]);
        for (let i = 0; i < row.length; i++) {
          const x = Math.floor(i / 3);
          const wanted = meanOver(image, i % 3, x * sx, y * sy, (x + 1) * sx, (y + 1) * sy);
          assertAlmostEquals(row[i], wanted, 1e-9, `${w} x ${h} to ${width} x ${height}, row ${y}, ${i}`);
        }
      });
      assertEquals(rows, height);
    }
  });

  it("keeps what is full white at full white in the widest rows", () => {
    const image: Pixels = { width: 8192, height: 2, data: new Uint8ClampedArray(8192 * 2 * 4).fill(255) };
    for (const width of [1, 31, 256]) {
      shrinkRows(image, width, 1, (_, row) => row.forEach((value) => assertAlmostEquals(value, 255, 1e-9)));
    }
  });

  it("enlarges nothing", () => {
    assertThrows(() => shrinkRows(noise(4, 4), 5, 4, () => {}), RangeError, "Cannot shrink 4 x 4 to 5 x 4");
  });
});
