/**
 * The model card `emoco.json`: all that a program must know of a model file to run it. Training writes it, the
 * detector reads it; labels and preprocessing are written nowhere else.
 * @module
 */
import { actionUnit, type Emotion, EMOTIONS } from "./facs.ts";

/** The points that align a face, in the order of the template; left and right are the subject's own. */
export const ALIGNMENT_POINTS = Object.freeze(["leftEye", "rightEye", "nose", "mouth"] as const);

/** Where each alignment point lies in an aligned crop, [x, y] in units of the crop's side. */
export type AlignmentTemplate = readonly (readonly [x: number, y: number])[];

/**
 * The template of this project's crops: eye centres, nose tip, mouth centre. Derived from the mean head of
 * ICT-FaceKit, with room for the forehead's creases above and for an open jaw below.
 */
export const ALIGNMENT_TEMPLATE: AlignmentTemplate = Object.freeze([
  Object.freeze([0.685, 0.30] as const),
  Object.freeze([0.315, 0.30] as const),
  Object.freeze([0.5, 0.475] as const),
  Object.freeze([0.5, 0.70] as const),
]);

/** What a model may say of a face beside its action units and emotions, each an output of that name. */
export const FACE_OUTPUTS = Object.freeze(["points", "pose", "gaze", "openness", "visible"] as const);

/** A name of `FACE_OUTPUTS`. */
export type FaceOutput = (typeof FACE_OUTPUTS)[number];

/** Shape of one face's row of an output. @param units how many action units the card lists */
export function outputShape(output: FaceOutput, units: number): readonly number[] {
  return { points: [68, 2], pose: [3], gaze: [2, 2], openness: [3], visible: [units] }[output];
}

/** An action unit of a model. */
export interface CardUnit {
  readonly au: number;
  /** The probability from which it counts as present. */
  readonly threshold: number;
  /**
   * From the model's number p to the probability that the unit is present: sigmoid(slope logit(p) + offset) (Platt 1999),
   * with a slope above 0, so that the order of faces stays. Absent: p is the probability.
   */
  readonly calibration?: readonly [slope: number, offset: number];
}

/** How pixels become numbers: v/255 scaled into `range`, then minus `mean`, divided by `std`, per channel RGB. */
export interface ModelInput {
  /** Side of the square crop in pixels. */
  readonly size: number;
  readonly layout: "NCHW";
  readonly channels: "RGB";
  readonly range: readonly [low: number, high: number];
  readonly mean: readonly [red: number, green: number, blue: number];
  readonly std: readonly [red: number, green: number, blue: number];
}

/** A model file that the card vouches for. */
export interface ModelFile {
  /** Lower-case hexadecimal SHA-256 of the file. */
  readonly sha256: string;
  readonly precision: "float32" | "float16";
  /** Present where a float32 model keeps its weights in float16. */
  readonly weights?: "float16";
}

/** The content of `emoco.json`. */
export interface ModelCard {
  readonly format: 1;
  readonly name: string;
  readonly version: string;
  /** What the labels of training were: occurrence (0/1), or intensity (0-5), of which the output is a fifth. */
  readonly target: "occurrence" | "intensity";
  /** The model's AUs in output order. */
  readonly aus: readonly CardUnit[];
  /** The emotions in output order, or null where the model has no emotion output. */
  readonly emotions: readonly Emotion[] | null;
  /** What else the model says of a face; absent where it is action units and emotions only. */
  readonly outputs?: readonly FaceOutput[];
  readonly input: ModelInput;
  readonly alignment: { readonly points: typeof ALIGNMENT_POINTS; readonly template: AlignmentTemplate };
  readonly training: { readonly data: string; readonly subjectsSha256: string };
  readonly metrics: Readonly<Record<string, unknown>>;
  /** Model files by name; `emoco.onnx` is always among them. */
  readonly files: Readonly<Record<string, ModelFile>>;
  readonly licence: string;
  readonly limits: string;
}

/** Checks what `emoco.json` holds and returns it typed; throws a TypeError that names the first wrong field. */
export function parseModelCard(json: unknown): ModelCard {
  const card = record(json, "");
  oneOf(card.format, "format", [1] as const);
  const alignment = record(card.alignment, "alignment");
  const training = record(card.training, "training");
  return {
    format: 1,
    name: text(card.name, "name"),
    version: text(card.version, "version"),
    target: oneOf(card.target, "target", ["occurrence", "intensity"] as const),
    aus: parseActionUnits(card.aus),
    emotions: parseEmotions(card.emotions),
    ...card.outputs !== undefined && { outputs: parseOutputs(card.outputs) },
    input: parseInput(card.input),
    alignment: {
      points: parsePoints(alignment.points),
      template: list(alignment.template, "alignment.template", ALIGNMENT_POINTS.length)
        .map((point, i) => numbers(point, `alignment.template[${i}]`, 2) as [number, number]),
    },
    training: {
      data: text(training.data, "training.data"),
      subjectsSha256: sha256(training.subjectsSha256, "training.subjectsSha256"),
    },
    metrics: record(card.metrics, "metrics"),
    files: parseFiles(card.files),
    licence: text(card.licence, "licence"),
    limits: text(card.limits, "limits"),
  };
}

function parseActionUnits(value: unknown): ModelCard["aus"] {
  const aus = list(value, "aus").map((item, i) => {
    const entry = record(item, `aus[${i}]`);
    const au = number(entry.au, `aus[${i}].au`);
    try {
      actionUnit(au);
    } catch (error) {
      refuse(`aus[${i}].au`, (error as RangeError).message);
    }
    const threshold = number(entry.threshold, `aus[${i}].threshold`);
    if (!(threshold > 0 && threshold < 1)) {
      refuse(`aus[${i}].threshold`, `must lie between 0 and 1, is ${threshold}`);
    }
    if (entry.calibration === undefined) return { au, threshold };
    const calibration = numbers(entry.calibration, `aus[${i}].calibration`, 2) as [number, number];
    if (!(calibration[0] > 0)) {
      refuse(`aus[${i}].calibration`, `must have a slope above 0, is [${calibration}]`);
    }
    return { au, threshold, calibration };
  });
  if (new Set(aus.map((entry) => entry.au)).size < aus.length) refuse("aus", "lists an action unit twice");
  return aus;
}

function parseEmotions(value: unknown): ModelCard["emotions"] {
  if (value === null) return null;
  const emotions = list(value, "emotions").map((item, i) => oneOf(item, `emotions[${i}]`, EMOTIONS));
  if (new Set(emotions).size < emotions.length) refuse("emotions", "lists an emotion twice");
  return emotions;
}

function parseOutputs(value: unknown): readonly FaceOutput[] {
  const outputs = list(value, "outputs").map((item, i) => oneOf(item, `outputs[${i}]`, FACE_OUTPUTS));
  if (new Set(outputs).size < outputs.length) refuse("outputs", "lists an output twice");
  return outputs;
}

function parseInput(value: unknown): ModelInput {
  const input = record(value, "input");
  const size = number(input.size, "input.size");
  if (!Number.isInteger(size) || size < 16 || size > 1024) {
    refuse("input.size", `must be a whole number of pixels from 16 to 1024, is ${size}`);
  }
  const range = numbers(input.range, "input.range", 2) as [number, number];
  if (!(range[0] < range[1])) refuse("input.range", `must rise, is [${range}]`);
  const std = numbers(input.std, "input.std", 3) as [number, number, number];
  if (std.some((value) => value <= 0)) refuse("input.std", `must be above 0, is [${std}]`);
  return {
    size,
    layout: oneOf(input.layout, "input.layout", ["NCHW"] as const),
    channels: oneOf(input.channels, "input.channels", ["RGB"] as const),
    range,
    mean: numbers(input.mean, "input.mean", 3) as [number, number, number],
    std,
  };
}

function parsePoints(value: unknown): typeof ALIGNMENT_POINTS {
  const points = list(value, "alignment.points", ALIGNMENT_POINTS.length);
  if (points.some((point, i) => point !== ALIGNMENT_POINTS[i])) {
    refuse("alignment.points", `must be ${ALIGNMENT_POINTS.join(", ")} in this order`);
  }
  return ALIGNMENT_POINTS;
}

function parseFiles(value: unknown): ModelCard["files"] {
  const files = record(value, "files");
  if (!("emoco.onnx" in files)) refuse('files["emoco.onnx"]', "is missing");
  return Object.fromEntries(
    Object.entries(files).map(([name, item]) => {
      const field = `files[${JSON.stringify(name)}]`;
      const file = record(item, field);
      return [name, {
        sha256: sha256(file.sha256, `${field}.sha256`),
        precision: oneOf(file.precision, `${field}.precision`, ["float32", "float16"] as const),
        ...file.weights !== undefined && {
          weights: oneOf(file.weights, `${field}.weights`, ["float16"] as const),
        },
      }];
    }),
  );
}

function refuse(field: string, problem: string): never {
  throw new TypeError(`Model card: ${field ? `"${field}" ${problem}` : problem}.`.replace(/\.\.$/, "."));
}

function present(value: unknown, field: string): void {
  if (value === undefined) refuse(field, "is missing");
}

function record(value: unknown, field: string): Record<string, unknown> {
  present(value, field);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(field, "must be a JSON object");
  }
  return value as Record<string, unknown>;
}

function list(value: unknown, field: string, length?: number): unknown[] {
  present(value, field);
  if (!Array.isArray(value) || value.length === 0) refuse(field, "must be a list that is not empty");
  if (length !== undefined && value.length !== length) {
    refuse(field, `must hold ${length} entries, has ${value.length}`);
  }
  return value;
}

function numbers(value: unknown, field: string, length: number): number[] {
  return list(value, field, length).map((item, i) => number(item, `${field}[${i}]`));
}

function number(value: unknown, field: string): number {
  present(value, field);
  if (typeof value !== "number" || !Number.isFinite(value)) refuse(field, "must be a finite number");
  return value;
}

function text(value: unknown, field: string): string {
  present(value, field);
  if (typeof value !== "string" || value.trim() === "") refuse(field, "must be text that is not empty");
  return value;
}

function sha256(value: unknown, field: string): string {
  const hex = text(value, field);
  if (!/^[0-9a-f]{64}$/.test(hex)) refuse(field, "must be 64 lower-case hexadecimal digits");
  return hex;
}

function oneOf<T extends string | number>(value: unknown, field: string, allowed: readonly T[]): T {
  present(value, field);
  if (!allowed.includes(value as T)) {
    refuse(field, `must be ${allowed.join(" or ")}, is ${JSON.stringify(value)}`);
  }
  return value as T;
}
