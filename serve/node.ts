/**
 * Photos in, action units out, on Node from 20 on, Bun and Deno: the model comes along, native code is used where it is
 * installed.
 * @module
 */
import type { DetectedFace } from "@emoco/web/detector";
import { BlazeFace } from "@emoco/web/face-finder";
import type { ModelCard } from "@emoco/web/model-card";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { type ImageDecoder, openDecoder } from "./decode.ts";
import {
  type Answer,
  type Engine,
  type ImageDetector,
  LocalDetector,
  type SeenImage,
} from "./image_detector.ts";
import { openRuntime } from "./runtime.ts";

export type { Answer, DetectedFace, Engine, ImageDetector, ModelCard };
export { ImageError } from "@emoco/web/image-header";

/** What a detector is opened with. */
export interface PhotoDetectorOptions {
  /** The folder of emoco.onnx and emoco.json; the model that comes along unless given. */
  readonly model?: string | URL;
  /**
   * "native" runs models with onnxruntime-node and decodes with sharp, "wasm" needs neither; "auto", the default, takes
   * what is installed.
   */
  readonly engine?: Engine | "auto";
}

/** What is seen in a photo: its size, its faces, largest first, and milliseconds a stage. */
export type SeenPhoto = Omit<SeenImage, "error"> & Pick<Answer, "timings">;

const MODEL = new URL("../web/model/", import.meta.url);

/** Finds the faces of photos and names their action units. */
export class PhotoDetector {
  private constructor(
    /** The same for many photos at a time, as `createApp` takes it. */
    readonly images: ImageDetector,
  ) {}

  /**
   * Loads the models.
   * @throws {TypeError} that says what is wrong with a model or its card
   * @throws {Error} when a file cannot be read, or native code that was asked for cannot be loaded
   */
  static async open({ model, engine = "auto" }: PhotoDetectorOptions = {}): Promise<PhotoDetector> {
    const folder = model === undefined ? MODEL : folderOf(model);
    const [bytes, card, blazeFace, runtime] = await Promise.all([
      readFile(new URL("emoco.onnx", folder)),
      readFile(new URL("emoco.json", folder)),
      readFile(new URL("blazeface.onnx", MODEL)),
      openRuntime(engine),
    ]);
    const finder = await BlazeFace.load({ model: blazeFace, ort: runtime.ort });
    const parts = { ...runtime, model: bytes, card, finder, decoder: await openFileDecoder(engine) };
    return new PhotoDetector(await LocalDetector.open(parts, {}));
  }

  /** What runs the models. */
  get engine(): Engine {
    return this.images.engine;
  }

  /** What the model is and what it was tested on. */
  get card(): ModelCard {
    return this.images.card;
  }

  /**
   * The faces of a photo and their action units.
   * @param photo a file's path or address, or the bytes of a JPEG, PNG or WebP
   * @throws {ImageError} that says why a picture is refused
   */
  async detect(photo: string | URL | Uint8Array, signal?: AbortSignal): Promise<SeenPhoto> {
    const bytes = photo instanceof Uint8Array ? photo.slice() : new Uint8Array(await readFile(photo));
    const { images: [image], timings } = await this.images.detect([bytes], signal);
    return { ...image, timings };
  }
}

/** Opens a detector with the model that comes along: `PhotoDetector.open`, in one word. */
export function openDetector(options?: PhotoDetectorOptions): Promise<PhotoDetector> {
  return PhotoDetector.open(options);
}

/** A decoder; the codecs' wasm is read from their packages, since Node fetches no files. */
async function openFileDecoder(engine: Engine | "auto"): Promise<ImageDecoder> {
  const compile = async (specifier: string) =>
    await WebAssembly.compile(await readFile(new URL(import.meta.resolve(specifier))));
  const [jpeg, webp] = await Promise.all([
    compile("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"),
    compile("@jsquash/webp/codec/dec/webp_dec.wasm"),
  ]);
  return await openDecoder(engine, { codecs: { jpeg, webp } });
}

function folderOf(model: string | URL): URL {
  const { href } = typeof model === "string" ? pathToFileURL(model) : model;
  return new URL(href.endsWith("/") ? href : `${href}/`);
}
