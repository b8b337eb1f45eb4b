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
 * A face of which less than this is seen, a level or a lying one, is partly hidden. What is left of it is seen clearly where
 * the crop is right, and less so where it is not: its third unit by `visible` tells. The bounds are those that part right
 * from wrong among 2,184 pictures of 91 people with masks, sheets, bars and glasses laid over them, turned by quarters.
 */
const PARTLY_SEEN = { level: 0.75, lying: 0.88 }, CLEAR = { hardly: 0.9, level: 0.85, lying: 0.97 };
/**
 * A face that the model's points turn by this, in radians, was found too level or too steep. Of 664 rendered heads at
 * twelve turns, the finder was off by more than 6 degrees from them in 25, and the model was closer in all 25.
 */
const TILTED = 6 * Math.PI / 180;
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

/** A face whose points are to be told. */
interface Seen {
  readonly aus: readonly DetectedUnit[];
  readonly points: FacePoints;
}

/** Whether a face seems to stand, rather than to lie or to stand on its head. */
export function isLevel({ points: { leftEye, rightEye } }: Pick<Seen, "points">): boolean {
  return leftEye[0] - rightEye[0] >= Math.abs(leftEye[1] - rightEye[1]);
}

/** Whether something of a face cannot be seen. */
export function isPartlyHidden(aus: readonly DetectedUnit[]): boolean {
  return seenShare(aus) < PARTLY_SEEN.lying;
}

/**
 * What may be told of a face: all that is seen of it; only that it is there, where that is not clear; or not even that, where
 * its points may be anywhere.
 */
export function clarityOf(face: Seen): "clear" | "unclear" | "nothing" {
  const { aus } = face, seen = seenShare(aus);
  if (aus.length < ENOUGH) return "clear";
  const third = aus.map(({ visible = 1 }) => visible).sort((one, other) => other - one)[2];
  if (!isLevel(face)) return seen < PARTLY_SEEN.lying && third < CLEAR.lying ? "nothing" : "clear";
  if (seen < HARDLY_SEEN && third < CLEAR.hardly) return "nothing";
  return seen < PARTLY_SEEN.level && third < CLEAR.level ? "unclear" : "clear";
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
    return { ...face, points: pointsAt(places) };
  });
}

/** How much farther the model's points say that a face is turned than those that it was found by: radians, -pi to pi. */
export function tiltOf(found: FacePoints, seen: FacePoints): number {
  const turn = rollOf(seen) - rollOf(found);
  return Math.atan2(Math.sin(turn), Math.cos(turn));
}

/** Whether a face stands so far otherwise than it was found that it is looked at again. */
export function isTilted(tilt: number): boolean {
  return Math.abs(tilt) >= TILTED;
}

/** The points turned about their middle. @param tilt radians, clockwise in the picture */
export function tilted(points: FacePoints, tilt: number): FacePoints {
  const all = ALIGNMENT_POINTS.map((name) => points[name]), [a, b] = [Math.cos(tilt), Math.sin(tilt)];
  const [x, y] = [0, 1].map((axis) => all.reduce((sum, point) => sum + point[axis], 0) / all.length);
  const turn = { a, b, x: x - a * x + b * y, y: y - b * x - a * y };
  return pointsAt(all.map((point) => transformPoint(turn, point)));
}

/** How far the eyes' line is turned, clockwise in the picture: radians. */
export function rollOf({ leftEye, rightEye }: FacePoints): number {
  return Math.atan2(leftEye[1] - rightEye[1], leftEye[0] - rightEye[0]);
}

/** The alignment's points, of their places in its order. */
function pointsAt(places: readonly Point[]): FacePoints {
  return Object.fromEntries(ALIGNMENT_POINTS.map((name, i) => [name, places[i]])) as unknown as FacePoints;
}

/** A place in a square of side 1 after so many quarters of a turn. */
function turned([x, y]: Point, quarters: number): Point {
  return quarters === 0 ? [x, y] : turned([1 - y, x], quarters - 1);
}
