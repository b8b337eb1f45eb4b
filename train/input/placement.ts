/** Where a view lies in its picture, so that what is known of places in the picture can be told of the view. */
import type { View } from "./augment.ts";
import { hiddenShares, PLACES } from "./cover.ts";

const CROP = 5;

/**
 * Numbers of a placement: left, top, width and height of the crop in pixels of the picture; 1 if mirrored; then the share
 * of each of `PLACES` that a cover hides.
 */
export const PLACEMENT = CROP + PLACES.length;

/** The placement of a view in its picture. */
export function placementOf({ crop, flip, cover }: View): readonly number[] {
  return [crop.x, crop.y, crop.width, crop.height, Number(flip), ...hiddenShares(cover)];
}

/** What a cover hides of the view of a batch's face `n`, see `hiddenShares`. @param placements [B, PLACEMENT] */
export function sharesOf(placements: Float32Array, n: number): Float32Array {
  return placements.subarray(n * PLACEMENT + CROP, (n + 1) * PLACEMENT);
}
