/**
 * Files in, action units out: what the app asks, and the detector that answers in the same thread.
 * @module
 */
import { AuDetector, type DetectedFace } from "@emoco/web/detector";
import { BlazeFace, type FaceFinder } from "@emoco/web/face-finder";
import { FaceFollower } from "@emoco/web/face-follower";
import type { OrtLike, SessionOptions, Values } from "@emoco/web/inference";
import type { ModelCard } from "@emoco/web/model-card";
import { type ImageDecoder, ImageError, type PictureWarning } from "./decode.ts";
import type { FilePicture } from "./file_picture.ts";

/** What runs the model: native code, or wasm, which runs anywhere. */
export type Engine = "native" | "wasm";

/** Which model answered. */
export interface ModelName {
  readonly name: string;
  readonly version: string;
}

/** What the detector says of one picture; one that is refused has a size of 0 and no faces. */
export interface SeenImage {
  readonly width: number;
  readonly height: number;
  /** Largest first. */
  readonly faces: readonly DetectedFace[];
  /** `damaged`: some of the file's pixels are; absent where there is nothing to say. */
  readonly warnings?: readonly PictureWarning[];
  /** Why it is refused, where others of its request are not. */
  readonly error?: { readonly code: ImageError["code"]; readonly message: string };
}

/** What the detector says of the pictures of one request. */
export interface Answer {
  readonly model: ModelName;
  readonly engine: Engine;
  /** In the order of the request. */
  readonly images: readonly SeenImage[];
  /** Milliseconds a stage, over all pictures. */
  readonly timings: {
    readonly decode: number;
    readonly find: number;
    readonly align: number;
    readonly run: number;
  };
}

/** What the model itself says of ready-made crops. */
export interface Inference {
  readonly model: ModelName;
  readonly outputs: Readonly<Record<string, Values>>;
}

/** What the app asks; here, or in workers. */
export interface ImageDetector {
  readonly engine: Engine;
  /** The card of the model that answers now. */
  readonly card: ModelCard;
  /** Requests that are worked on at one time. */
  readonly concurrency: number;
  /**
   * The faces of each picture, whose bytes it takes for itself. A picture that is refused carries its error beside the
   * others; where none is left, the ImageError of the first says why.
   */
  detect(images: readonly Uint8Array<ArrayBuffer>[], signal?: AbortSignal, film?: string): Promise<Answer>;
  /** Forgets a film whose frames came with its name; absent where nothing is kept of films. */
  forget?(film: string): void;
  /** Runs the model on [N, 3, S, S]. */
  infer(image: Values, signal?: AbortSignal): Promise<Inference>;
}

/** A model with its card, as read from files. */
export interface ModelFiles {
  readonly model: Uint8Array;
  readonly card: Uint8Array;
}

/** What a detector in this thread is made of. */
export interface LocalParts extends ModelFiles {
  readonly engine: Engine;
  readonly ort: OrtLike;
  readonly decoder: ImageDecoder;
  readonly finder: FaceFinder;
}

/** The detector in this thread; one request after another. */
export class LocalDetector implements ImageDetector {
  readonly concurrency = 1;
  #last: Promise<unknown> = Promise.resolve();
  #next?: AuDetector;
  readonly #films = new Map<string, FaceFollower>();

  private constructor(
    private readonly parts: Omit<LocalParts, keyof ModelFiles>,
    private readonly sessions: SessionOptions,
    private detector: AuDetector,
  ) {}

  /** Loads the model; throws what `AuDetector.load` throws. */
  static async open({ model, card, ...parts }: LocalParts, sessions: SessionOptions): Promise<LocalDetector> {
    const { ort, finder } = parts;
    return new LocalDetector(parts, sessions, await AuDetector.load({ model, card, ort, finder }, sessions));
  }

  get engine(): Engine {
    return this.parts.engine;
  }

  get card(): ModelCard {
    return this.detector.card;
  }

  /** Loads another model beside the present one, which goes on answering; throws when the other is bad. */
  async prepare({ model, card }: ModelFiles): Promise<void> {
    const { ort, finder } = this.parts;
    const next = await AuDetector.load({ model, card, ort, finder }, this.sessions);
    await this.discard();
    this.#next = next;
  }

  /** Lets the prepared model answer from the next request on. */
  commit(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#next) return;
      const old = this.detector;
      this.detector = this.#next;
      this.#next = undefined;
      await old.release();
    });
  }

  /** Forgets the prepared model. */
  async discard(): Promise<void> {
    const next = this.#next;
    this.#next = undefined;
    await next?.release();
  }

  detect(
    images: readonly Uint8Array<ArrayBuffer>[],
    signal?: AbortSignal,
    film?: string,
  ): Promise<Answer> {
    return this.#inTurn(async () => {
      const follower = film === undefined ? undefined : this.#followerOf(film);
      const { detector, parts: { decoder, engine } } = this;
      const timings = { decode: 0, find: 0, align: 0, run: 0 };
      const answered: SeenImage[] = [], refused: ImageError[] = [];
      for (const bytes of images) {
        signal?.throwIfAborted();
        let picture: FilePicture | undefined;
        try {
          const start = performance.now();
          picture = decoder.open(bytes);
          const opened = performance.now();
          const { width, height, faces, timings: spent } = await detector.detect(picture, signal, follower);
          timings.decode += opened - start + picture.spent;
          for (const stage of ["find", "align", "run"] as const) timings[stage] += spent[stage];
          const { warnings } = picture;
          answered.push({ width, height, faces, ...warnings && { warnings } });
        } catch (error) {
          if (!(error instanceof ImageError)) throw error;
          const { code, message } = error;
          refused.push(error);
          answered.push({ width: 0, height: 0, faces: [], error: { code, message } });
        } finally {
          picture?.close();
        }
      }
      if (refused.length > 0 && refused.length === images.length) throw ofAll(refused);
      return { model: nameOf(detector.card), engine, images: answered, timings };
    });
  }

  infer(image: Values, signal?: AbortSignal): Promise<Inference> {
    return this.#inTurn(async () => {
      signal?.throwIfAborted();
      return { model: nameOf(this.card), outputs: await this.detector.infer(image) };
    });
  }

  forget(film: string): void {
    this.#films.delete(film);
  }

  /** Who follows the faces of a film; nobody where the finder cannot. */
  #followerOf(film: string): FaceFollower | undefined {
    const { finder } = this.parts;
    if (!(finder instanceof BlazeFace)) return undefined;
    const follower = this.#films.get(film) ??
      new FaceFollower(finder.with({ thorough: false }), this.card.alignment.template);
    this.#films.set(film, follower);
    return follower;
  }

  /** The model is exchanged between two requests, never during one. */
  #inTurn<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#last.then(job);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

function nameOf({ name, version }: ModelCard): ModelName {
  return { name, version };
}

/** The error of a request without a picture that could be read. */
function ofAll([first, ...others]: readonly ImageError[]): ImageError {
  if (others.length === 0) return first;
  return new ImageError(first.code, `Image 1 of ${1 + others.length}: ${first.message}`, { cause: first });
}
