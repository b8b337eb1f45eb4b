/**
 * What makes a face's readings less sure, as codes.
 * @module
 */
import type { DetectedUnit } from "./detected_unit.ts";
import type { FoundFace } from "./face_finder.ts";
import type { FaceReadings } from "./face_readings.ts";

/** `cut-off`: the picture's edge cuts the face; `turned-away`: too far from the camera; `covered`: units are hidden. */
export type FaceWarning = "covered" | "cut-off" | "turned-away";

/** All warnings, in the order in which they are given. */
export const FACE_WARNINGS = Object.freeze(["cut-off", "turned-away", "covered"] as const);

/** What people are told. */
export const WARNING_SENTENCES: Readonly<Record<FaceWarning, string>> = {
  "cut-off": "a part of the face is outside of the picture",
  "turned-away": "the face is turned far away",
  "covered": "a part of the face is covered",
};

/**
 * How far the tip of the nose may lie beyond an eye, along the line of the eyes and in parts of their distance, where the
 * model knows no pose. On rendered heads it lies between the eyes up to a yaw of 30 degrees, 0.04 from the farther one.
 */
const MOST_BEYOND = 0.05;
/** Beyond these degrees half of the face is out of sight; models are trained to 45 degrees of yaw at most. */
const TURNED = { yaw: 40, pitch: 35 } as const;
/** Part of the box's area that may lie outside: boxes reach a little over faces. */
const MOST_OUTSIDE = 0.15;
/** The share of the points that may lie outside of the picture. */
const OUTSIDE = 0.05;

/** What is to be said of a face, each only where it is known; the list is empty where there is nothing. */
export function warningsOf(
  { box, points, points68, pose, aus = [] }: FoundFace & FaceReadings & {
    readonly aus?: readonly DetectedUnit[];
  },
  { width, height }: { readonly width: number; readonly height: number },
): FaceWarning[] {
  const warnings: FaceWarning[] = [], seen = points68 ?? Object.values(points);
  const outside = seen.filter(([x, y]) => x < 0 || y < 0 || x > width || y > height).length;
  const along = (from: number, length: number, limit: number) =>
    Math.max(0, Math.min(limit, from + length) - Math.max(0, from)) / length;
  const inside = along(box.x, box.width, width) * along(box.y, box.height, height);
  if (outside > OUTSIDE * seen.length || inside < 1 - MOST_OUTSIDE) warnings.push("cut-off");
  const isTurned = pose
    ? Math.abs(pose.yaw) > TURNED.yaw || Math.abs(pose.pitch) > TURNED.pitch
    : isNoseBeyond(points);
  if (isTurned) warnings.push("turned-away");
  if (warnings.length === 0 && aus.some(({ present }) => present === null)) warnings.push("covered");
  return warnings;
}

function isNoseBeyond({ leftEye, rightEye, nose }: FoundFace["points"]): boolean {
  const [ex, ey] = [leftEye[0] - rightEye[0], leftEye[1] - rightEye[1]];
  const place = ((nose[0] - rightEye[0]) * ex + (nose[1] - rightEye[1]) * ey) / (ex * ex + ey * ey);
  return !(place >= -MOST_BEYOND && place <= 1 + MOST_BEYOND);
}
