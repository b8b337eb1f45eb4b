/**
 * A face is read as it stands. Where its mouth or eyes are covered, a finder may take it for one that is turned; a model
 * that knows what can be seen tells: of a face that lies or stands on its head, it sees nothing.
 * @module
 */
import { type DetectedUnit, judgeUnit } from "./detected_unit.ts";
import type { FoundFace } from "./face_finder.ts";
import { alignmentTransform, type FacePoints, invert, type Point, transformPoint } from "./image.ts";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE, type AlignmentTemplate } from "./model_card.ts";

/** A face of which less than this is seen is looked at otherwise turned: mean of the units' `visible`, 0-1. */
const HARDLY_SEEN = 0.3;
/** Another way to turn it is right where so much more is seen. */
const MORE = 0.3;

/**
 * A face of which less than this is seen is partly hidden. What is left of it is seen clearly where the crop is right, and
 * less so where it is not: its third unit by `visible` tells. Of 90 people with masks, sheets, bars and glasses laid over
 * them, and turned by quarters, 1,056 pictures were read before this doubt came in, 13 of them the wrong way up; with
 * these bounds it leaves 1 of the 13, and takes 25 of the 1,043 others for doubtful.
 */
const PARTLY_SEEN = 0.88, CLEAR = 0.96;
/** A model of fewer units has none to tell by. */
const ENOUGH = 8;

/** How much of a face the model sees: the mean of its units' `visible`, 0-1; 1 where it does not know. */
export function seenShare(aus: readonly DetectedUnit[]): number {
  return aus.reduce((sum, { visible = 1 }) => sum + visible, 0) / Math.max(1, aus.length);
}

/** Whether so little of a face is seen that it may stand otherwise. */
export function isHardlySeen(aus: readonly DetectedUnit[]): boolean {
  return aus.length > 0 && seenShare(aus) < HARDLY_SEEN;
}

/** Whether a face seems to stand, rather than to lie or to stand on its head. */
export function isLevel({ leftEye, rightEye }: FacePoints): boolean {
  return leftEye[0] - rightEye[0] >= Math.abs(leftEye[1] - rightEye[1]);
}

/** Whether something of a face cannot be seen. */
export function isPartlyHidden(aus: readonly DetectedUnit[]): boolean {
  return seenShare(aus) < PARTLY_SEEN;
}

/** Whether a face is partly hidden, and what is left of it is not seen clearly: its points may be anywhere. */
export function isDoubtful(aus: readonly DetectedUnit[]): boolean {
  if (aus.length < ENOUGH || !isPartlyHidden(aus)) return false;
  return aus.map(({ visible = 1 }) => visible).sort((one, other) => other - one)[2] < CLEAR;
}

/** The same units, none of which can be judged. */
export function unjudged(aus: readonly DetectedUnit[]): DetectedUnit[] {
  return aus.map((unit) => judgeUnit(unit, unit.probability, undefined, 0));
}

/** Of the same face read otherwise turned, the one that is right; undefined where none is. */
export function standing<Face extends { readonly aus: readonly DetectedUnit[] }>(
  now: Face,
  others: readonly Face[],
): Face | undefined {
  const [best] = [...others].sort((one, other) => seenShare(other.aus) - seenShare(one.aus));
  return best && seenShare(best.aus) >= seenShare(now.aus) + MORE ? best : undefined;
}

/** The same crop turned by one, two and three quarters: where a face's points would be that stood so. */
export function otherwiseTurned<Face extends FoundFace>(
  face: Face,
  template: AlignmentTemplate = ALIGNMENT_TEMPLATE,
): Face[] {
  const back = invert(alignmentTransform(face.points, 1, template));
  return [1, 2, 3].map((quarters) => {
    const places = template.map((place) => transformPoint(back, turned(place, quarters)));
    return {
      ...face,
      points: Object.fromEntries(
        ALIGNMENT_POINTS.map((name, i) => [name, places[i]]),
      ) as unknown as FacePoints,
    };
  });
}

/** A place in a square of side 1 after so many quarters of a turn. */
function turned([x, y]: Point, quarters: number): Point {
  return quarters === 0 ? [x, y] : turned([1 - y, x], quarters - 1);
}
