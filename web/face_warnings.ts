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

/** Beyond these degrees half of the face is out of sight; models are trained to 45 degrees of yaw at most. */
const TURNED = { yaw: 40, pitch: 35 } as const;
/** The share of the points that may lie outside of the picture. */
const OUTSIDE = 0.05;

/** What is to be said of a face, each only where it is known; the list is empty where there is nothing. */
export function warningsOf(
  { points, points68, pose, aus }: FoundFace & FaceReadings & { readonly aus: readonly DetectedUnit[] },
  width: number,
  height: number,
): FaceWarning[] {
  const warnings: FaceWarning[] = [], seen = points68 ?? Object.values(points);
  const outside = seen.filter(([x, y]) => x < 0 || y < 0 || x > width || y > height).length;
  if (outside > OUTSIDE * seen.length) warnings.push("cut-off");
  if (pose && (Math.abs(pose.yaw) > TURNED.yaw || Math.abs(pose.pitch) > TURNED.pitch)) {
    warnings.push("turned-away");
  }
  if (warnings.length === 0 && aus.some(({ present }) => present === null)) warnings.push("covered");
  return warnings;
}
