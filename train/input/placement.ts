/** Where a view lies in its picture, so that what is known of places in the picture can be told of the view. */
import type { View } from "./augment.ts";
import { hiddenShares, PLACES } from "./cover.ts";

const CROP = 5, TURN = 1;

/**
 * Numbers of a placement: left, top, width and height of the crop in pixels of the picture; 1 if mirrored; quarters by which
 * it is turned; then the share of each of `PLACES` that cannot be seen: what a cover hides, and all of a turned face.
 */
export const PLACEMENT = CROP + TURN + PLACES.length;

/** The placement of a view in its picture. */
export function placementOf({ crop, flip, cover, turn = 0 }: View): readonly number[] {
  const hidden = turn === 0 ? hiddenShares(cover) : PLACES.map(() => 1);
  return [crop.x, crop.y, crop.width, crop.height, Number(flip), turn, ...hidden];
}

/** Whether the view of a batch's face `n` does not stand as the face does. @param placements [B, PLACEMENT] */
export function isTurned(placements: Float32Array, n: number): boolean {
  return placements[n * PLACEMENT + CROP] !== 0;
}

/** What is hidden in the view of a batch's face `n`, see `hiddenShares`. @param placements [B, PLACEMENT] */
export function sharesOf(placements: Float32Array, n: number): Float32Array {
  return placements.subarray(n * PLACEMENT + CROP + TURN, (n + 1) * PLACEMENT);
}
