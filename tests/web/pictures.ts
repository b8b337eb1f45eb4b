/** Pictures and faces made by formula, for the tests of whatever reads pixels. */
import { assertEquals } from "@std/assert";
import type { FacePoints, Pixels, Point } from "@emoco/web/image";
import { ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";

/** A grey picture whose value is a function of the pixel's centre. */
export function paint(width: number, height: number, value: (x: number, y: number) => number): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let j = 0, at = 0; j < height; j++) {
    for (let i = 0; i < width; i++, at += 4) {
      data.fill(Math.round(value(i + 0.5, j + 0.5)), at, at + 3);
      data[at + 3] = 255;
    }
  }
  return { width, height, data };
}

/** Bytes from a fixed linear congruential generator. */
export function noise(width: number, height: number): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  let state = 7;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return { width, height, data };
}

/** Points that put the crop's square at (x, y) with this side, turned by an angle about its middle. */
export function square(x: number, y: number, side: number, angle = 0): FacePoints {
  const cos = Math.cos(angle), sin = Math.sin(angle);
  const [leftEye, rightEye, nose, mouth] = ALIGNMENT_TEMPLATE.map(([u, v]): Point => {
    const dx = (u - 0.5) * side, dy = (v - 0.5) * side;
    return [x + side / 2 + cos * dx - sin * dy, y + side / 2 + sin * dx + cos * dy];
  });
  return { leftEye, rightEye, nose, mouth };
}

/** The largest difference between two bytes of pictures of one size. */
export function largestDifference(a: Pixels, b: Pixels): number {
  assertEquals([a.width, a.height], [b.width, b.height]);
  let most = 0;
  for (let i = 0; i < a.data.length; i++) most = Math.max(most, Math.abs(a.data[i] - b.data[i]));
  return most;
}

/** The picture with left and right exchanged. */
export function mirror({ width, height, data }: Pixels): Pixels {
  const out = new Uint8ClampedArray(data.length);
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      out.set(data.subarray((j * width + i) * 4, (j * width + i + 1) * 4), (j * width + width - 1 - i) * 4);
    }
  }
  return { width, height, data: out };
}
