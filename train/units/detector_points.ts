/** How far off the points are that a detector finds itself. */
import { type Tensor4D, tf } from "../engine/backend.ts";
import type { ViewLoader } from "../input/views.ts";
import type { Detector } from "../detectors/detector.ts";
import { runDetector } from "../detectors/detector_step.ts";
import { detectorOf } from "../detectors/index.ts";
import type { AuModel } from "./au_model.ts";
import { viewPoints } from "./detector_model.ts";
import { takeValues } from "./features.ts";

/** Errors of points. */
export interface PointsError {
  /** Mean distance from the points of the lines, as a share of that between the middles of the eyes. */
  mean: number;
  /** The mean of half the faces is below this. */
  median: number;
  /** How many points a face, and of how many faces: those whose lines have the 68. */
  points: number;
  faces: number;
}

/** Of the loader's faces, on their plain views; `undefined` for a model that finds none itself, or no face has points. */
export async function pointsErrorOf(
  { detector: model, backbone }: AuModel,
  loader: ViewLoader,
): Promise<PointsError | undefined> {
  const detector: Detector | undefined = model && detectorOf(model.name);
  if (!model || !detector?.finds) return undefined;
  const { finds } = detector, { size } = loader.options, errors: number[] = [];
  for await (const batch of loader.plainViews(Int32Array.from(loader.faces, (_, i) => i))) {
    const { indices, viewQ, placements } = batch;
    const found = takeValues(tf.tidy(() => {
      const images = tf.tensor4d(viewQ, [indices.length, size, size, 3]) as Tensor4D;
      return runDetector(detector, model.shape, backbone, { images }).inner.points;
    }));
    const truth = viewPoints(Array.from(indices, (i) => loader.faces[i]), placements);
    indices.forEach((_, n) => {
      const error = meanDistance(
        found.subarray(n * 2 * finds.length, (n + 1) * 2 * finds.length),
        truth.subarray(n * 2 * 68, (n + 1) * 2 * 68),
        finds,
      );
      if (!Number.isNaN(error) && !loader.skipped.has(indices[n])) errors.push(error);
    });
  }
  if (!errors.length) return undefined;
  errors.sort((one, other) => one - other);
  const mean = errors.reduce((sum, error) => sum + error) / errors.length;
  return { mean, median: errors[errors.length >> 1], points: finds.length, faces: errors.length };
}

/**
 * Mean distance of found points from true ones, over that between the middles of the eyes.
 * @param found x and y in turn, of the points named by `finds`
 * @param truth x and y in turn, of all 68
 */
export function meanDistance(found: Float32Array, truth: Float32Array, finds: readonly number[]): number {
  const middle = (from: number, axis: number) =>
    [0, 1, 2, 3, 4, 5].reduce((sum, i) => sum + truth[2 * (from + i) + axis], 0) / 6;
  const eyes = Math.hypot(middle(42, 0) - middle(36, 0), middle(42, 1) - middle(36, 1));
  const off = finds.reduce(
    (sum, point, i) =>
      sum + Math.hypot(found[2 * i] - truth[2 * point], found[2 * i + 1] - truth[2 * point + 1]),
    0,
  );
  return off / finds.length / eyes;
}
