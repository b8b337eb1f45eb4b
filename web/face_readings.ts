/**
 * What a model says of a face beside its action units: 68 points, pose, gaze, openness. The model sees the aligned crop;
 * here its answers are led back to the picture.
 * @module
 */
import type { Values } from "./inference.ts";
import type { FaceOutput, ModelCard } from "./model_card.ts";
import { invert, type Point, type Similarity, transformPoint } from "./similarity.ts";

/** The head's turn in degrees: yaw and roll to the subject's left, pitch up. */
export interface Pose {
  readonly yaw: number;
  readonly pitch: number;
  readonly roll: number;
}

/** Where each eye looks against the camera, in degrees: [yaw, pitch], yaw to the subject's left, pitch up. */
export interface Gaze {
  readonly left: readonly [yaw: number, pitch: number];
  readonly right: readonly [yaw: number, pitch: number];
}

/** Gaps between the lids and between the lips, as shares of the eyes' distance. */
export interface Openness {
  readonly leftEye: number;
  readonly rightEye: number;
  readonly mouth: number;
}

/** What a model may know of a face, each where it does; left and right are the subject's. */
export interface FaceReadings {
  /** iBUG's 68 points (Sagonas et al. 2013) in its order, in pixels of the picture. */
  readonly points68?: readonly Point[];
  readonly pose?: Pose;
  readonly gaze?: Gaze;
  readonly openness?: Openness;
}

/** What is a handful of numbers a face, and how those are named in tables, in the order of the tables. */
const COLUMNS = {
  pose: ["yaw", "pitch", "roll"],
  gaze: ["gaze_left_yaw", "gaze_left_pitch", "gaze_right_yaw", "gaze_right_pitch"],
  openness: ["open_left_eye", "open_right_eye", "open_mouth"],
} as const;
const PARTS = ["pose", "gaze", "openness"] as const;

/** The columns that a model's outputs fill in a table: pose, gaze and openness, those it has. */
export function readingColumns(outputs: ModelCard["outputs"] = []): string[] {
  return PARTS.flatMap((part) => outputs.includes(part) ? COLUMNS[part] : []);
}

/** Writes a face's numbers in the order of `readingColumns`, NaN where the face has none; no list is made on the way. */
export function writeReadings(
  { pose, gaze, openness }: FaceReadings,
  outputs: ModelCard["outputs"] = [],
  into: { [index: number]: number },
  at = 0,
): void {
  if (outputs.includes("pose")) {
    into[at++] = pose?.yaw ?? NaN;
    into[at++] = pose?.pitch ?? NaN;
    into[at++] = pose?.roll ?? NaN;
  }
  if (outputs.includes("gaze")) {
    for (let i = 0; i < 2; i++) into[at++] = gaze?.left[i] ?? NaN;
    for (let i = 0; i < 2; i++) into[at++] = gaze?.right[i] ?? NaN;
  }
  if (outputs.includes("openness")) {
    into[at++] = openness?.leftEye ?? NaN;
    into[at++] = openness?.rightEye ?? NaN;
    into[at++] = openness?.mouth ?? NaN;
  }
}

/** What `writeReadings` wrote. */
export function parseReadings(
  numbers: ArrayLike<number>,
  outputs: ModelCard["outputs"] = [],
  at = 0,
): Omit<FaceReadings, "points68"> {
  const take = (): number => numbers[at++];
  return {
    ...outputs.includes("pose") && { pose: { yaw: take(), pitch: take(), roll: take() } },
    ...outputs.includes("gaze") && {
      gaze: { left: [take(), take()] as const, right: [take(), take()] as const },
    },
    ...outputs.includes("openness") && {
      openness: { leftEye: take(), rightEye: take(), mouth: take() },
    },
  };
}

/**
 * The readings of one face of a run.
 * @param toCrop from pixels of the picture to the aligned crop, whose side is 1
 * @throws {Error} naming the output in which a number is not finite
 */
export function readOutputs(
  outputs: Readonly<Record<string, Values>>,
  names: ModelCard["outputs"],
  index: number,
  toCrop: Similarity,
): FaceReadings {
  const row = (name: FaceOutput): Float32Array | undefined => {
    if (!names?.includes(name)) return undefined;
    const { data, dims } = outputs[name], length = data.length / dims[0];
    const values = data.subarray(index * length, (index + 1) * length);
    if (!values.every(Number.isFinite)) {
      throw new Error(
        `The model's output "${name}" holds numbers that are not finite: the model file is broken.`,
      );
    }
    return values;
  };
  const points = row("points"), pose = row("pose"), gaze = row("gaze"), openness = row("openness");
  const back = invert(toCrop), turned = Math.atan2(toCrop.b, toCrop.a);
  return {
    ...points && {
      points68: Array.from(
        { length: points.length / 2 },
        (_, i) => transformPoint(back, [points[2 * i], points[2 * i + 1]]),
      ),
    },
    // The crop is the picture turned clockwise, which is a roll to the subject's left: it has that much too much.
    ...pose && { pose: { yaw: pose[0], pitch: pose[1], roll: wrap(pose[2] - turned * 180 / Math.PI) } },
    ...gaze && {
      gaze: { left: turnBack(gaze[0], gaze[1], turned), right: turnBack(gaze[2], gaze[3], turned) },
    },
    ...openness && { openness: { leftEye: openness[0], rightEye: openness[1], mouth: openness[2] } },
  };
}

/** A direction seen in a crop that was turned clockwise by an angle, as it is in the picture; degrees. */
function turnBack(yaw: number, pitch: number, angle: number): [yaw: number, pitch: number] {
  const [y, p] = [yaw * Math.PI / 180, pitch * Math.PI / 180], c = Math.cos(angle), s = Math.sin(angle);
  const across = Math.sin(y) * Math.cos(p), up = Math.sin(p), ahead = Math.cos(y) * Math.cos(p);
  const x = c * across - s * up, h = s * across + c * up;
  return [Math.atan2(x, ahead) * 180 / Math.PI, Math.asin(Math.max(-1, Math.min(1, h))) * 180 / Math.PI];
}

/** An angle in degrees within half a turn of 0. */
function wrap(degrees: number): number {
  return degrees - 360 * Math.round(degrees / 360);
}
