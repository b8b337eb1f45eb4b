/**
 * What is told of a candidate: which is the one that was looked for, whether it may stand otherwise, how it is turned.
 * @module
 */
import type { Candidate } from "./blazeface_output.ts";
import type { FoundFace } from "./face_finder.ts";
import type { Point } from "./image.ts";

/**
 * Below this score a face may stand otherwise than its points say: upside down or lying, the finder takes eyes for mouths.
 * Of 10 rendered heads each, those upright scored 0.83 to 0.90, those turned by 135 degrees and more and taken wrong 0.66
 * to 0.81; looked at as they stand, 0.8 to 0.92.
 */
const DOUBTED = 0.82;
/** The same for a face whose eyes stand more above one another than side by side, which few do. */
const DOUBTED_LYING = 0.9;
/** Of what a close-up shows, the face that it was made for: the one nearest to its middle, if any is near. */
export function nearest(
  { width, points: [center] }: Candidate,
  seen: readonly Candidate[],
): Candidate | undefined {
  const distance = ({ points: [[x, y]] }: Candidate) => Math.hypot(x - center[0], y - center[1]);
  const [best] = [...seen].sort((one, other) => distance(one) - distance(other));
  return best && distance(best) < width / 2 ? best : undefined;
}

export function doubtOf(face: Candidate): number {
  return Math.cos(rollOf(face)) < Math.SQRT1_2 ? DOUBTED_LYING : DOUBTED;
}

/** The angle of the line through the eyes. */
export function rollOf({ points: [, [rx, ry], [lx, ly]] }: Candidate): number {
  return Math.atan2(ly - ry, lx - rx);
}

/** Steps a pixel. Engines differ by some 1e-4 of a pixel: in such steps they give the same points, and the same crop. */
const STEPS = 64;

export function toFace({ score, width, height, points }: Candidate): FoundFace {
  const [[cx, cy], rightEye, leftEye, nose, mouth] = points.map(([x, y]): Point =>
    [x, y].map((value) => Math.round(value * STEPS) / STEPS) as [number, number]
  );
  return {
    box: { x: cx - width / 2, y: cy - height / 2, width, height },
    score,
    points: { leftEye, rightEye, nose, mouth },
  };
}
