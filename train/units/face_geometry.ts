/**
 * What is known of a face's geometry, as numbers that a head learns: 68 points, pose, gaze, openness of eyes and mouth.
 *
 * Every number may be unlabelled. Points are those of the view, so they move with its crop; a mirrored view changes
 * sides: left and right points, yaw, roll and the eyes change places.
 */
import type { Face } from "../input/data.ts";
import { isTurned, PLACEMENT } from "../input/placement.ts";

/** Parts of the geometry in the order of its numbers, each with its count and the unit that training divides by. */
export const GEOMETRY = {
  /** x and y of iBUG's 68 points in units of the crop: a tenth of its side. */
  points: { count: 136, unit: 0.1 },
  /** Yaw and roll to the subject's left, pitch up; degrees. */
  pose: { count: 3, unit: 15 },
  /** Yaw and pitch of the left eye, then of the right one, against the camera; degrees. */
  gaze: { count: 4, unit: 10 },
  /** Left eye, right eye, mouth, as shares of the eyes' distance. */
  openness: { count: 3, unit: 0.1 },
} as const;

/** A part of the geometry. */
export type GeometryPart = keyof typeof GEOMETRY;

/** The parts in order. */
export const GEOMETRY_PARTS = Object.keys(GEOMETRY) as GeometryPart[];

/** How many numbers a face's geometry has. */
export const GEOMETRY_SIZE = GEOMETRY_PARTS.reduce((sum, part) => sum + GEOMETRY[part].count, 0);

/** Where a part begins. */
export function geometryStart(part: GeometryPart): number {
  return GEOMETRY_PARTS.slice(0, GEOMETRY_PARTS.indexOf(part)).reduce(
    (sum, before) => sum + GEOMETRY[before].count,
    0,
  );
}

/** Of each of iBUG's 68 points the one that takes its place in a mirror. */
export const MIRRORED_POINTS: readonly number[] = [
  ...Array.from({ length: 17 }, (_, i) => 16 - i),
  ...Array.from({ length: 10 }, (_, i) => 26 - i),
  ...[27, 28, 29, 30, 35, 34, 33, 32, 31],
  ...[45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
  ...[54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55],
  ...[64, 63, 62, 61, 60, 67, 66, 65],
];

/** The geometry of a face as its line gives it, points in pixels of the picture; NaN where it says nothing. */
export function geometryOf({ other }: Face): Float32Array<ArrayBuffer> {
  const values = new Float32Array(GEOMETRY_SIZE).fill(NaN);
  const put = (part: GeometryPart, numbers: unknown[]) => {
    const start = geometryStart(part);
    numbers.slice(0, GEOMETRY[part].count).forEach((value, i) => {
      if (typeof value === "number" && Number.isFinite(value)) values[start + i] = value;
    });
  };
  const { landmarks, pose, gaze, openness } = other as {
    landmarks?: [number, number][];
    pose?: { yaw: number; pitch: number; roll: number };
    gaze?: { left: number[]; right: number[] };
    openness?: { leftEye: number; rightEye: number; mouth: number };
  };
  if (Array.isArray(landmarks)) put("points", landmarks.flat());
  if (pose) put("pose", [pose.yaw, pose.pitch, pose.roll]);
  if (gaze) put("gaze", [...gaze.left ?? [NaN, NaN], ...gaze.right ?? []]);
  if (openness) put("openness", [openness.leftEye, openness.rightEye, openness.mouth]);
  return values;
}

/** The geometry as a view shows it, points in units of the view. @param placement see `placementOf` */
export function placeGeometry(
  whole: Float32Array,
  placement: ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const [left, top, width, height, flip] = Array.from(placement);
  const placed = Float32Array.from(whole);
  for (let point = 0; point < 68; point++) {
    const from = flip ? MIRRORED_POINTS[point] : point;
    const x = (whole[2 * from] - left) / width;
    placed[2 * point] = flip ? 1 - x : x; // a mirrored crop begins at its right edge
    placed[2 * point + 1] = (whole[2 * from + 1] - top) / height;
  }
  if (!flip) return placed;
  const pose = geometryStart("pose"), gaze = geometryStart("gaze"), open = geometryStart("openness");
  placed[pose] = -whole[pose];
  placed[pose + 2] = -whole[pose + 2];
  placed.set([-whole[gaze + 2], whole[gaze + 3], -whole[gaze], whole[gaze + 1]], gaze);
  placed.set([whole[open + 1], whole[open]], open);
  return placed;
}

/** Geometry of a batch of views and which of it is labelled, both [B, GEOMETRY_SIZE], in training's units. */
export function geometryFeeds(
  wholes: readonly Float32Array[],
  placements: Float32Array,
): { values: Float32Array<ArrayBuffer>; labelled: Float32Array<ArrayBuffer> } {
  const values = new Float32Array(wholes.length * GEOMETRY_SIZE), labelled = new Float32Array(values.length);
  const units = geometryUnits();
  wholes.forEach((whole, n) => {
    if (isTurned(placements, n)) return;
    const placed = placeGeometry(whole, placements.subarray(n * PLACEMENT, (n + 1) * PLACEMENT));
    for (let i = 0; i < GEOMETRY_SIZE; i++) {
      if (Number.isNaN(placed[i])) continue;
      values[n * GEOMETRY_SIZE + i] = placed[i] / units[i];
      labelled[n * GEOMETRY_SIZE + i] = 1;
    }
  });
  return { values, labelled };
}

/** The unit of every number. */
export function geometryUnits(): Float32Array<ArrayBuffer> {
  return Float32Array.from(
    GEOMETRY_PARTS.flatMap((part) => new Array<number>(GEOMETRY[part].count).fill(GEOMETRY[part].unit)),
  );
}

/**
 * Means over what is labelled, in training's units: where the head starts. 0 where nothing is.
 * @param placements of the whole pictures
 */
export function meanGeometry(
  wholes: readonly Float32Array[],
  placements: Float32Array,
): Float32Array<ArrayBuffer> {
  const { values, labelled } = geometryFeeds(wholes, placements);
  return Float32Array.from({ length: GEOMETRY_SIZE }, (_, i) => {
    let sum = 0, count = 0;
    for (let at = i; at < values.length; at += GEOMETRY_SIZE) {
      sum += values[at];
      count += labelled[at];
    }
    return count ? sum / count : 0;
  });
}
