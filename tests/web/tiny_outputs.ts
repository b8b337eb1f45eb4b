/** Outputs of a tiny model that knows points, pose, gaze, openness and what can be seen. */
import type { Point } from "@emoco/web/image";
import type { TinyOutput } from "./tiny_model.ts";

/** 68 places in the crop that are all different. */
export const PLACES = Array.from(
  { length: 68 },
  (_, i): Point => [0.2 + 0.6 * (i % 9) / 8, 0.2 + 0.6 * (i / 67)],
);

/** The same numbers for every face. The second of two units cannot be seen. */
export const TINY_OUTPUTS: Record<"points" | "pose" | "gaze" | "openness" | "visible", TinyOutput> = {
  points: { shape: [68, 2], values: PLACES.flat() },
  pose: { shape: [3], values: [12, -7, 3] },
  gaze: { shape: [2, 2], values: [5, -4, 6, -3] },
  openness: { shape: [3], values: [0.16, 0.12, 0.3] },
  visible: { shape: [2], values: [0.9, 0.2] },
};
