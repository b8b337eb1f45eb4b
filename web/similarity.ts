/**
 * Points and the transforms of alignment: rotation, scale and shift.
 * @module
 */

/** A place in a picture, in pixels. */
export type Point = readonly [x: number, y: number];

/** Rotation, scale and shift: x' = a x - b y + x0, y' = b x + a y + y0, where x0, y0 are the fields `x`, `y`. */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly x: number;
  readonly y: number;
}

/** The similarity that leads back. */
export function invert({ a, b, x, y }: Similarity): Similarity {
  const square = a * a + b * b;
  return { a: a / square, b: -b / square, x: -(a * x + b * y) / square, y: (b * x - a * y) / square };
}

/** Where a similarity takes a point. */
export function transformPoint({ a, b, x, y }: Similarity, [px, py]: Point): Point {
  return [a * px - b * py + x, b * px + a * py + y];
}

/**
 * The similarity that takes `from` nearest to `to` in least squares: Umeyama 1991 in two dimensions, where
 * leaving out reflections makes the solution closed. Throws a RangeError when it is not determined.
 */
export function fitSimilarity(from: readonly Point[], to: readonly Point[]): Similarity {
  if (from.length !== to.length || from.length < 2) {
    throw new RangeError(
      `A similarity needs two or more pairs of points, got ${from.length} and ${to.length}.`,
    );
  }
  const [fx, fy] = mean(from);
  const [tx, ty] = mean(to);
  let spread = 0, dot = 0, cross = 0;
  for (let i = 0; i < from.length; i++) {
    const px = from[i][0] - fx, py = from[i][1] - fy;
    const qx = to[i][0] - tx, qy = to[i][1] - ty;
    spread += px * px + py * py;
    dot += px * qx + py * qy;
    cross += px * qy - py * qx;
  }
  const a = dot / spread, b = cross / spread;
  if (!(a * a + b * b > 0 && a * a + b * b < Infinity)) {
    throw new RangeError("No similarity fits these points: they coincide, cancel out or are not finite.");
  }
  return { a, b, x: tx - a * fx + b * fy, y: ty - b * fx - a * fy };
}

function mean(points: readonly Point[]): Point {
  let x = 0, y = 0;
  for (const point of points) {
    x += point[0] / points.length;
    y += point[1] / points.length;
  }
  return [x, y];
}
