/** Where a view lies in its picture, so that what is known of places in the picture can be told of the view. */
import type { View } from "./augment.ts";

/** Numbers of a placement: left, top, width and height of the crop in pixels of the picture; 1 if mirrored. */
export const PLACEMENT = 5;

/** The placement of a view in its picture. */
export function placementOf({ crop, flip }: View): readonly number[] {
  return [crop.x, crop.y, crop.width, crop.height, Number(flip)];
}
