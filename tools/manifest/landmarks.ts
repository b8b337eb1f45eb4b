/**
 * From a set's own landmarks to the points that align a face.
 * @module
 */
import type { FacePoints, Point } from "@emoco/web/image";

/**
 * The usual 68 landmarks (iBUG's 300-W scheme), x and y in turn: 36-41 are the subject's right eye, 42-47 the left one,
 * 30 is the tip of the nose, 48 and 54 are the mouth's corners. Nothing where they are not 68 numbers.
 */
export function pointsOf68(values: ArrayLike<number>): FacePoints | undefined {
  if (values.length !== 136 || !Array.from(values).every(Number.isFinite)) return undefined;
  const at = (i: number): Point => [values[2 * i], values[2 * i + 1]];
  return {
    rightEye: mean([36, 37, 38, 39, 40, 41].map(at)),
    leftEye: mean([42, 43, 44, 45, 46, 47].map(at)),
    nose: at(30),
    mouth: mean([at(48), at(54)]),
  };
}

/** Five landmarks: the eyes in any order, the tip of the nose, the mouth's corners. The face stands upright. */
export function pointsOf5(points: readonly Point[]): FacePoints | undefined {
  if (points.length < 5 || !points.flat().every(Number.isFinite)) return undefined;
  const [one, other, nose, ...corners] = points;
  const [rightEye, leftEye] = one[0] < other[0] ? [one, other] : [other, one];
  return { rightEye, leftEye, nose, mouth: mean(corners.slice(0, 2)) };
}

function mean(points: readonly Point[]): Point {
  const sum = (axis: 0 | 1) => points.reduce((total, point) => total + point[axis], 0);
  return [sum(0) / points.length, sum(1) / points.length];
}
