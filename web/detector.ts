/**
 * From a picture to the action units of every face in it: find, align, run.
 * @module
 */
import { type DetectedUnit, readUnit } from "./detected_unit.ts";
import type { Emotion } from "./facs.ts";
import type { FaceFinder, FoundFace } from "./face_finder.ts";
import { type FaceWarning, warningsOf } from "./face_warnings.ts";
import { cropFace, type Pixels, toTensor } from "./image.ts";
import { loadModel, type Model, type OrtLike, type SessionOptions, type Values } from "./inference.ts";
import { type ModelCard, parseModelCard } from "./model_card.ts";

export type { DetectedUnit, FaceWarning };

/** A face with what it does; box and points are in pixels of the picture. */
export interface DetectedFace extends FoundFace {
  /** In the model's order, which the card gives. */
  readonly aus: readonly DetectedUnit[];
  /** Probabilities that sum to 1; absent where the model knows no emotions. */
  readonly emotions?: Readonly<Partial<Record<Emotion, number>>>;
  /** What speaks against trusting the action units; absent where nothing is known to. */
  readonly warnings?: readonly FaceWarning[];
}

/** What the detector says of one picture. */
export interface Detection {
  readonly width: number;
  readonly height: number;
  /** Largest first; no face is an empty list. */
  readonly faces: readonly DetectedFace[];
  /** Milliseconds a stage. */
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

  /** The action units of every face; all faces go through the model in one run. */
  async detect(image: Pixels, signal?: AbortSignal): Promise<Detection> {
    const start = performance.now();
    const found = [...await this.finder.find(image, signal)].sort((one, other) => area(other) - area(one));
    const foundAt = performance.now();
    const { input, alignment } = this.card;
    const length = 3 * input.size * input.size;
    const batch = new Float32Array(found.length * length);
    found.forEach((face, i) => {
      batch.set(toTensor(cropFace(image, face.points, input.size, alignment.template), input), i * length);
    });
    const alignedAt = performance.now();
    signal?.throwIfAborted();
    const outputs = found.length > 0
      ? await this.infer({ data: batch, dims: [found.length, 3, input.size, input.size] })
      : {};
    const faces = found.map((face, i): DetectedFace => {
      const warnings = warningsOf(face, image);
      return { ...face, ...this.readFace(outputs, i), ...warnings.length > 0 && { warnings } };
    });
    const timings = { find: foundAt - start, align: alignedAt - foundAt, run: performance.now() - alignedAt };
    return { width: image.width, height: image.height, faces, timings };
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

  private readFace(outputs: Record<string, Values>, index: number): Pick<DetectedFace, "aus" | "emotions"> {
    const { aus, emotions, target } = this.card;
    const units = aus.map(({ au, threshold }, i) => {
      const probability = outputs.probabilities.data[index * aus.length + i];
      if (!(probability >= 0 && probability <= 1)) {
        throw new Error(`The model's probability of AU${au} is ${probability}: the model file is broken.`);
      }
      return readUnit({ au, threshold }, probability, target);
    });
    if (!emotions) return { aus: units };
    const row = emotions.map((emotion, i) => [emotion, outputs.emotions.data[index * emotions.length + i]]);
    return { aus: units, emotions: Object.fromEntries(row) };
  }
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

/** Two empty faces through the model: their outputs show whether it fits the card, and the first run is over. */
async function checkModel(model: Model, { aus, emotions, input }: ModelCard): Promise<void> {
  if (model.inputs.join() !== "image") {
    throw new TypeError(`The model must have one input "image", has ${quote(model.inputs)}.`);
  }
  const expected: [name: string, columns: number | undefined][] = [
    ["probabilities", aus.length],
    ["features", undefined],
  ];
  if (emotions) expected.push(["emotions", emotions.length]);
  for (const [name] of expected) {
    if (!model.outputs.includes(name)) {
      throw new TypeError(`The model must have the output "${name}", has ${quote(model.outputs)}.`);
    }
  }
  if (!emotions && model.outputs.includes("emotions")) {
    throw new TypeError('The model has an output "emotions", but its card names no emotions.');
  }
  const dims = [2, 3, input.size, input.size];
  let outputs: Record<string, Values>;
  try {
    outputs = await model.run({ data: new Float32Array(2 * 3 * input.size * input.size), dims });
  } catch (error) {
    throw new TypeError(
      `The model does not run on [${dims.join(", ")}] as its card says: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
  for (const [name, columns] of expected) {
    const [rows, width, ...more] = outputs[name].dims;
    if (rows !== 2 || more.length > 0 || !(columns === undefined ? width >= 1 : width === columns)) {
      throw new TypeError(
        `The model's output "${name}" must be [N, ${columns ?? "F"}], is [${
          outputs[name].dims.join(", ")
        }] for N = 2.`,
      );
    }
  }
}

function quote(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
