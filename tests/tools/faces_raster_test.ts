import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { DepthBuffer } from "../../tools/faces/raster.ts";

/** Corners as [x, y, depth]; the picture's y points down. */
function screen(...corners: [number, number, number][]): Float32Array {
  return Float32Array.from(corners.flat());
}

const count = (buffer: DepthBuffer, triangle: number) => buffer.triangle.filter((t) => t === triangle).length;

describe("DepthBuffer", () => {
  it("covers as many samples as a triangle's area when it is large", () => {
    const buffer = new DepthBuffer(400, 400);
    // Half of |u x v|, by hand: (300, 40) x (70, 330) = 96,200, halved 48,100. Front side: negative turn.
    buffer.draw(screen([20, 20, 1], [90, 350, 1], [320, 60, 1]), Int32Array.of(0, 1, 2), 0, 1);
    assertAlmostEquals(count(buffer, 0), 48_100, 48_100 * 0.002);
  });

  it("covers exactly the samples whose centres lie in a triangle", () => {
    const buffer = new DepthBuffer(23, 17);
    const [a, b, c] = [[1.3, 2.1], [6.2, 15.7], [20.9, 4.4]];
    buffer.draw(screen([1.3, 2.1, 1], [6.2, 15.7, 1], [20.9, 4.4, 1]), Int32Array.of(0, 1, 2), 0, 1);
    const turn = (p: number[], q: number[], x: number, y: number) =>
      (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
    for (let y = 0; y < 17; y++) {
      for (let x = 0; x < 23; x++) {
        const signs = [
          turn(a, b, x + 0.5, y + 0.5),
          turn(b, c, x + 0.5, y + 0.5),
          turn(c, a, x + 0.5, y + 0.5),
        ];
        assertEquals(buffer.triangle[y * 23 + x] === 0, signs.every((s) => s < 0), `sample ${x}, ${y}`);
      }
    }
  });

  it("leaves no hole along the seam of two triangles", () => {
    const buffer = new DepthBuffer(64, 64);
    const quad = screen([3.7, 5.2, 1], [9.1, 60.3, 1], [58.8, 55.5, 1], [50.2, 8.9, 1]);
    buffer.draw(quad, Int32Array.of(0, 1, 2, 0, 2, 3), 0, 2);
    for (let y = 0; y < 64; y++) {
      const row = buffer.triangle.subarray(y * 64, y * 64 + 64);
      const first = row.findIndex((t) => t >= 0), last = row.findLastIndex((t) => t >= 0);
      for (let x = first; x >= 0 && x <= last; x++) assert(row[x] >= 0, `hole at ${x}, ${y}`);
    }
  });

  it("shows the nearer surface whatever is drawn first", () => {
    const corners = screen(
      [0, 0, 5],
      [0, 40, 5],
      [40, 0, 5], // flat, at depth 5
      [0, 0, 1],
      [0, 40, 9],
      [40, 0, 9], // slanted through it
    );
    const near = new DepthBuffer(40, 40), far = new DepthBuffer(40, 40);
    near.draw(corners, Int32Array.of(0, 1, 2, 3, 4, 5), 0, 2);
    far.draw(corners, Int32Array.of(3, 4, 5, 0, 1, 2), 0, 2);
    for (let y = 0; y < 40; y++) {
      for (let x = 0; x + y < 38; x++) {
        // The slanted one's depth at a sample is 1 + 8 (x + y) / 40.
        const slanted = 1 + 8 * (x + y + 1) / 40 < 5;
        if (Math.abs(1 + 8 * (x + y + 1) / 40 - 5) < 0.01) continue;
        assertEquals(near.triangle[y * 40 + x], slanted ? 1 : 0);
        assertEquals(far.triangle[y * 40 + x], slanted ? 0 : 1);
      }
    }
  });

  it("hides triangles that turn their back, unless asked for both sides", () => {
    const corners = screen([0, 0, 1], [0, 9, 1], [9, 0, 1]);
    const buffer = new DepthBuffer(10, 10);
    buffer.draw(corners, Int32Array.of(0, 2, 1), 0, 1);
    assertEquals(count(buffer, 0), 0);
    buffer.draw(corners, Int32Array.of(0, 2, 1), 0, 1, true);
    assert(count(buffer, 0) > 30);
  });

  it("gives weights that rebuild each sample's place from the corners", () => {
    const buffer = new DepthBuffer(50, 50);
    buffer.draw(screen([2, 3, 1], [10, 47, 1], [45, 20, 1]), Int32Array.of(0, 1, 2), 0, 1);
    buffer.triangle.forEach((t, at) => {
      if (t < 0) return;
      const [w0, w1] = [buffer.first[at], buffer.second[at]], w2 = 1 - w0 - w1;
      assertAlmostEquals(w0 * 2 + w1 * 10 + w2 * 45, at % 50 + 0.5, 1e-3);
      assertAlmostEquals(w0 * 3 + w1 * 47 + w2 * 20, Math.floor(at / 50) + 0.5, 1e-3);
    });
  });

  it("leaves out the samples that accept refuses", () => {
    const buffer = new DepthBuffer(20, 20);
    const whole = screen([0, 0, 1], [0, 40, 1], [40, 0, 1]);
    buffer.draw(whole, Int32Array.of(0, 1, 2), 0, 1, false, (_t, _a, _b, _c, at) => at % 2 === 0);
    assertEquals(count(buffer, 0), 200);
  });
});
