/**
 * Pixels: alignment of a face by a similarity transform, the one crop that data preparation, server and page
 * share, resizing, and the tensor a model reads. Coordinates are pixels, x right, y down; the top-left corner of
 * the image is (0, 0), so the centre of its first pixel is (0.5, 0.5).
 * @module
 */
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE, type AlignmentTemplate } from "./model_card.ts";
import { checkPixels, type Pixels, warp } from "./resample.ts";
import { fitSimilarity, type Point, type Similarity } from "./similarity.ts";

export { type Pixels, resize, warp } from "./resample.ts";
export { fitSimilarity, invert, type Point, type Similarity, transformPoint } from "./similarity.ts";

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

/** The similarity from the picture to an aligned crop of `size` pixels a side. */
export function alignmentTransform(
  points: FacePoints,
  size: number,
  template: AlignmentTemplate = ALIGNMENT_TEMPLATE,
): Similarity {
  if (!(size > 0)) throw new RangeError(`A crop's side must be 1 or more, got ${size}.`);
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
  return warp(image, alignmentTransform(points, size, template), size);
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
