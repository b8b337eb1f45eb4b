/**
 * What the place of a face and of its points says against trusting its action units.
 * @module
 */
import type { FoundFace } from "./face_finder.ts";
import type { Pixels } from "./image.ts";

/**
 * `cut-off`: a part of the face lies outside of the picture; `turned-away`: it is turned so far that one half of it is
 * hardly seen. (`covered` needs a model that knows what it does not see.)
 */
export type FaceWarning = "cut-off" | "turned-away";

/** What people are told. */
export const FACE_WARNINGS: Readonly<Record<FaceWarning, string>> = {
  "cut-off": "a part of the face is outside of the picture",
  "turned-away": "the face is turned far to a side",
};

/** Part of the box's area that may lie outside: boxes reach a little over faces. */
const MOST_OUTSIDE = 0.15;
/**
 * How far the tip of the nose may lie beyond an eye, along the line of the eyes and in parts of their distance. On rendered
 * heads it lies between the eyes up to a yaw of 30 degrees, where it is 0.04 from the farther one.
 */
const MOST_BEYOND = 0.05;

/** The warnings of a face; none is an empty list. */
export function warningsOf(
  { box, points }: FoundFace,
  { width, height }: Pick<Pixels, "width" | "height">,
): FaceWarning[] {
  const warnings: FaceWarning[] = [];
  const along = (from: number, length: number, limit: number) =>
    Math.max(0, Math.min(limit, from + length) - Math.max(0, from)) / length;
  const seen = along(box.x, box.width, width) * along(box.y, box.height, height);
  const { leftEye, rightEye, nose, mouth } = points;
  const isOut = [leftEye, rightEye, nose, mouth].some(([x, y]) => x < 0 || y < 0 || x > width || y > height);
  if (isOut || seen < 1 - MOST_OUTSIDE) warnings.push("cut-off");
  const [ex, ey] = [leftEye[0] - rightEye[0], leftEye[1] - rightEye[1]];
  const place = ((nose[0] - rightEye[0]) * ex + (nose[1] - rightEye[1]) * ey) / (ex * ex + ey * ey);
  if (!(place >= -MOST_BEYOND && place <= 1 + MOST_BEYOND)) warnings.push("turned-away");
  return warnings;
}
