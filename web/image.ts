/**
 * Pixels: alignment of a face by a similarity transform, the one crop that data preparation, server and page
 * share, resizing, and the tensor a model reads. Coordinates are pixels, x right, y down; the top-left corner of
 * the image is (0, 0), so the centre of its first pixel is (0.5, 0.5).
 * @module
 */

import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE, type AlignmentTemplate } from "./model_card.ts";
import { averageBlocks, checkPixels, clamp, type Pixels, warp } from "./resample.ts";

export { type Pixels, resize } from "./resample.ts";

/** A place in a picture, in pixels. */
export type Point = readonly [x: number, y: number];

/** The points that align a face; left and right are the subject's, so leftEye has the larger x when upright. */
export interface FacePoints {
  /** Centre of the eye. */
  readonly leftEye: Point;
  /** Centre of the eye. */
  readonly rightEye: Point;
  /** Tip of the nose. */
  readonly nose: Point;
  /** Mean of the mouth's corners. */
  readonly mouth: Point;
}

/** Rotation, scale and shift: x' = a x - b y + x0, y' = b x + a y + y0, where x0, y0 are the fields `x`, `y`. */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly x: number;
  readonly y: number;
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

/** The similarity from the picture to an aligned crop of `size` pixels a side. */
export function alignmentTransform(
  points: FacePoints,
  size: number,
  template: AlignmentTemplate = ALIGNMENT_TEMPLATE,
): Similarity {
  return fitSimilarity(
    ALIGNMENT_POINTS.map((name) => points[name]),
    template.map(([x, y]) => [x * size, y * size] as const),
  );
}

/**
 * The aligned face, `size` pixels a side: the mean over each pixel's area when it shrinks, bilinear when it
 * enlarges, edge pixels repeated outside the picture. The bytes are the same on every machine.
 */
export function cropFace(
  image: Pixels,
  points: FacePoints,
  size: number,
  template: AlignmentTemplate = ALIGNMENT_TEMPLATE,
): Pixels {
  checkPixels(image);
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`A crop's side must be 1 or more, got ${size}.`);
  }
  const { a, b, x, y } = alignmentTransform(points, size, template);
  const square = a * a + b * b;
  const back = { a: a / square, b: -b / square, x: -(a * x + b * y) / square, y: (b * x - a * y) / square };
  const shrink = 1 / Math.sqrt(square);
  if (shrink < 4) return warp(image, back, size, shrink);
  // A face much larger than the crop: whole k x k blocks are averaged first, so that the cost stays one look at
  // each pixel under the crop. 2 <= shrink / k < 3 remains, where the block's own width no longer shows.
  const k = Math.floor(shrink / 2);
  const reach = (Math.abs(back.a) + Math.abs(back.b)) * size / 2 + 2 * k;
  const [cx, cy] = transformPoint(back, [size / 2, size / 2]);
  const left = clamp(Math.floor(cx - reach), 0, image.width - 1);
  const top = clamp(Math.floor(cy - reach), 0, image.height - 1);
  const right = clamp(Math.ceil(cx + reach), left + 1, image.width);
  const bottom = clamp(Math.ceil(cy + reach), top + 1, image.height);
  const blocks = averageBlocks(image, left, top, right, bottom, k);
  const inBlocks = { a: back.a / k, b: back.b / k, x: (back.x - left) / k, y: (back.y - top) / k };
  return warp(blocks, inBlocks, size, shrink / k);
}

/** The crop as a model reads it, [3, size, size] RGB: v/255 into `range`, minus `mean`, divided by `std`. */
export function toTensor(
  crop: Pixels,
  { mean, std, range }: {
    readonly mean: readonly [number, number, number];
    readonly std: readonly [number, number, number];
    readonly range: readonly [low: number, high: number];
  },
): Float32Array<ArrayBuffer> {
  checkPixels(crop);
  const count = crop.width * crop.height;
  const tensor = new Float32Array(3 * count);
  for (let c = 0; c < 3; c++) {
    const scale = (range[1] - range[0]) / 255 / std[c];
    const shift = (range[0] - mean[c]) / std[c];
    for (let i = 0, at = c * count; i < count; i++) tensor[at + i] = crop.data[i * 4 + c] * scale + shift;
  }
  return tensor;
}

function mean(points: readonly Point[]): Point {
  let x = 0, y = 0;
  for (const point of points) {
    x += point[0] / points.length;
    y += point[1] / points.length;
  }
  return [x, y];
}
