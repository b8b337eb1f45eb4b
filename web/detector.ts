/**
 * From a picture to the action units of every face in it: find, align, run.
 * @module
 */
import type { FollowingFinder } from "./following_finder.ts";
import { checkModel } from "./check_model.ts";
import { type DetectedUnit, readUnit } from "./detected_unit.ts";
import type { Emotion } from "./facs.ts";
import type { FaceFinder, FoundFace } from "./face_finder.ts";
import { type FaceReadings, readOutputs } from "./face_readings.ts";
import { type FaceWarning, warningsOf } from "./face_warnings.ts";
import { alignmentTransform, type Pixels, toTensor, warp } from "./image.ts";
import { loadModel, type Model, type OrtLike, type SessionOptions, type Values } from "./inference.ts";
import { type ModelCard, parseModelCard } from "./model_card.ts";
import { asPicture, fromLayer, partUnder, type Picture } from "./picture.ts";
import { standingFaces } from "./standing_faces.ts";

export type { DetectedUnit, FaceReadings, FaceWarning };
export { FACE_WARNINGS } from "./face_warnings.ts";
export type { Gaze, Openness, Pose } from "./face_readings.ts";

/** A face with what it does; box and points are in pixels of the picture. */
export interface DetectedFace extends FoundFace, FaceReadings {
  /** In the model's order, which the card gives. */
  readonly aus: readonly DetectedUnit[];
  /** Probabilities that sum to 1; absent where the model knows no emotions. */
  readonly emotions?: Readonly<Partial<Record<Emotion, number>>>;
  /** Its number in a video, from 1 on; absent in a picture. */
  readonly id?: number;
  /** What makes the readings less sure; absent where there is nothing to say. */
  readonly warnings?: readonly FaceWarning[];
}

/** What the detector says of one picture. */
export interface Detection {
  readonly width: number;
  readonly height: number;
  /** Largest first; no face is an empty list. */
  readonly faces: readonly DetectedFace[];
  /** Milliseconds a stage, without what a picture spends on fetching its pixels. */
  readonly timings: { readonly find: number; readonly align: number; readonly run: number };
}

/** What a detector is made of. */
export interface DetectorParts {
  /** The bytes of the model file. */
  readonly model: Uint8Array;
  /** `emoco.json`, parsed or as bytes. */
  readonly card: unknown;
  readonly finder: FaceFinder;
  /** The onnxruntime that runs the model. */
  readonly ort: OrtLike;
}

/** The crop is the mean of so many of a layer's pixels along each side, or of more, unless the picture has no more. */
const FINENESS = 1.5;

/** Finds faces and names their action units with one model file. */
export class AuDetector {
  private constructor(
    /** What the model file is and how it is used. */
    readonly card: ModelCard,
    /** The name by which the card lists the model file. */
    readonly file: string,
    private readonly model: Model,
    private readonly finder: FaceFinder,
  ) {}

  /**
   * Loads a model; throws a TypeError that says which field of the card is wrong, that the file is not the one the
   * card vouches for, or where the model's inputs and outputs do not fit the card.
   */
  static async load(parts: DetectorParts, options: SessionOptions = {}): Promise<AuDetector> {
    const card = parseModelCard(parts.card instanceof Uint8Array ? parseJson(parts.card) : parts.card);
    const file = await findFile(parts.model, card);
    const model = await loadModel(parts.ort, parts.model, "The model file", options);
    try {
      await checkModel(model, card);
    } catch (error) {
      await model.release();
      throw error;
    }
    return new AuDetector(card, file, model, parts.finder);
  }

  /**
   * The action units of every face; all faces go through the model in one run.
   * @param finder stands in for the detector's own, such as one that follows the faces of a video
   */
  async detect(image: Pixels | Picture, signal?: AbortSignal, finder = this.finder): Promise<Detection> {
    const picture = asPicture(image), timings = { find: 0, align: 0, run: 0 };
    const start = performance.now() - picture.spent;
    const found = await finder.find(image, signal);
    timings.find += performance.now() - picture.spent - start;
    let faces = await this.readStanding(picture, found, timings, !isFollowing(finder), signal);
    if (isFollowing(finder)) {
      const answers = await finder.review(image, faces, signal);
      const again = answers.filter((answer) => typeof answer !== "string");
      faces = faces.filter((_, i) => answers[i] === "right");
      if (again.length > 0) faces.push(...await this.readStanding(picture, again, timings, false, signal));
      faces = finder.learn(faces);
    }
    faces.sort((one, other) => area(other) - area(one));
    return { width: picture.width, height: picture.height, faces, timings };
  }

  /** What the model says of faces that were found, as they stand (`standing_faces.ts`). */
  private readStanding(
    picture: Picture,
    found: readonly FoundFace[],
    timings: { align: number; run: number },
    isStill: boolean,
    signal?: AbortSignal,
  ): Promise<DetectedFace[]> {
    const read = (faces: readonly FoundFace[]) => this.read(picture, faces, timings, signal);
    return standingFaces(found, { read, picture, template: this.card.alignment.template, isStill });
  }

  /** What the model says of faces that were found; all go through it in one run. */
  private async read(
    picture: Picture,
    found: readonly FoundFace[],
    timings: { align: number; run: number },
    signal?: AbortSignal,
  ): Promise<DetectedFace[]> {
    if (found.length === 0) return [];
    const start = performance.now() - picture.spent;
    const { input, alignment } = this.card;
    const length = 3 * input.size * input.size;
    const batch = new Float32Array(found.length * length);
    const toCrops = found.map(({ points }) => alignmentTransform(points, input.size, alignment.template));
    const layers = await picture.look(
      toCrops.map((toCrop) => partUnder(toCrop, input.size, 1 / (FINENESS * Math.hypot(toCrop.a, toCrop.b)))),
    );
    toCrops.forEach((toCrop, i) => {
      const crop = warp(layers[i].pixels, fromLayer(toCrop, layers[i]), input.size);
      batch.set(toTensor(crop, input), i * length);
    });
    const alignedAt = performance.now() - picture.spent;
    signal?.throwIfAborted();
    const outputs = await this.infer({ data: batch, dims: [found.length, 3, input.size, input.size] });
    timings.align += alignedAt - start;
    timings.run += performance.now() - picture.spent - alignedAt;
    return found.map((face, i) => this.readFace(face, outputs, i, picture));
  }

  /** Runs the model itself: [N, 3, S, S] as the card's `input` says, to its outputs by name. */
  infer(image: Values): Promise<Record<string, Values>> {
    const { size } = this.card.input, [count, ...rest] = image.dims;
    if (
      !(count >= 1) || rest.join() !== `3,${size},${size}` || image.data.length !== count * 3 * size * size
    ) {
      return Promise.reject(
        new TypeError(
          `The model reads [N, 3, ${size}, ${size}], got [${
            image.dims.join(", ")
          }] with ${image.data.length} numbers.`,
        ),
      );
    }
    return this.model.run(image);
  }

  /** Frees the model's memory; the finder belongs to whoever made it. */
  release(): Promise<void> {
    return this.model.release();
  }

  private readFace(
    found: FoundFace,
    outputs: Record<string, Values>,
    index: number,
    { width, height }: { readonly width: number; readonly height: number },
  ): DetectedFace {
    const { aus, emotions, target, alignment, outputs: names } = this.card;
    const numberOf = (output: string, i: number): number => {
      const value = outputs[output].data[index * aus.length + i];
      if (value >= 0 && value <= 1) return value;
      throw new Error(`The model's "${output}" of AU${aus[i].au} is ${value}: the model file is broken.`);
    };
    const units = aus.map((unit, i) => {
      const visible = names?.includes("visible") ? numberOf("visible", i) : undefined;
      return readUnit(unit, numberOf("probabilities", i), target, visible);
    });
    const row = emotions?.map((emotion, i) => [emotion, outputs.emotions.data[index * emotions.length + i]]);
    const toCrop = alignmentTransform(found.points, 1, alignment.template);
    const face: DetectedFace = {
      ...found,
      ...readOutputs(outputs, names, index, toCrop),
      aus: units,
      ...row && { emotions: Object.fromEntries(row) },
    };
    const warnings = warningsOf(face, { width, height });
    return warnings.length > 0 ? { ...face, warnings } : face;
  }
}

function isFollowing(finder: FaceFinder): finder is FollowingFinder {
  return "review" in finder && "learn" in finder;
}

function area({ box }: FoundFace): number {
  return box.width * box.height;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new TypeError(`Model card: is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

/** The file of the card that these bytes are. */
async function findFile(model: Uint8Array, card: ModelCard): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", model.slice()));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const files = Object.entries(card.files);
  const found = files.find(([, file]) => file.sha256 === sha256);
  if (!found) {
    throw new TypeError(
      `The model file's sha256 is ${sha256}, the card of ${card.name} ${card.version} lists ` +
        `${
          files.map(([name, file]) => `${file.sha256} for ${name}`).join(", ")
        }: they do not belong together.`,
    );
  }
  return found[0];
}
