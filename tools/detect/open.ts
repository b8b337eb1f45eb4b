/**
 * The detector that programs use: the model of a folder, native code where it can be loaded, else wasm.
 * @module
 */
import { type ImageDecoder, openDecoder } from "@emoco/serve/decode";
import { AuDetector } from "@emoco/web/detector";
import { BlazeFace } from "@emoco/web/face-finder";
import { FaceFollower } from "@emoco/web/face-follower";
import type { OrtLike } from "@emoco/web/inference";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the committed model. */
export const COMMITTED = fileURLToPath(new URL("../../web/model", import.meta.url));

/** A detector with what it takes to feed it. */
export interface OpenDetector {
  readonly detector: AuDetector;
  readonly decoder: ImageDecoder;
  /** What runs the models. */
  readonly engine: "native" | "wasm";
}

/** A detector for the frames of films. */
export interface OpenFilmDetector {
  readonly detector: AuDetector;
  readonly follower: FaceFollower;
  /** The one that the follower asks. */
  readonly finder: BlazeFace;
  readonly engine: "native" | "wasm";
}

/** Opens the model of a folder for films, whose faces are followed. */
export async function openFilmDetector(folder = COMMITTED): Promise<OpenFilmDetector> {
  const [model, card] = [read(folder, "emoco.onnx"), read(folder, "emoco.json")];
  const { ort, engine } = await openRuntime();
  const blazeFace = Deno.readFileSync(join(COMMITTED, "blazeface.onnx"));
  // Half of the cores: ffmpeg decodes meanwhile, and threads that wait for one another on a busy core cost more than they do.
  const threads = { intraOpNumThreads: Math.max(1, navigator.hardwareConcurrency >> 1) };
  const finder = await BlazeFace.load({ model: blazeFace, ort }, { thorough: false, ...threads });
  const follower = new FaceFollower(finder);
  const detector = await AuDetector.load({ model, card, finder: follower, ort }, threads);
  return { detector, follower, finder, engine };
}

/** Opens the model of a folder; throws an Error with one sentence where it is missing or does not fit its card. */
export async function openDetector(folder = COMMITTED): Promise<OpenDetector> {
  const [model, card] = [read(folder, "emoco.onnx"), read(folder, "emoco.json")];
  const { ort, engine } = await openRuntime();
  const blazeFace = Deno.readFileSync(join(COMMITTED, "blazeface.onnx"));
  const finder = await BlazeFace.load({ model: blazeFace, ort });
  const detector = await AuDetector.load({ model, card, finder, ort });
  return { detector, decoder: await openDecoder(engine, { isLocal: true }), engine };
}

async function openRuntime(): Promise<{ ort: OrtLike; engine: "native" | "wasm" }> {
  try {
    return { ort: await import("onnxruntime-node"), engine: "native" };
  } catch {
    return { ort: await import("onnxruntime-web"), engine: "wasm" };
  }
}

function read(folder: string, name: string): Uint8Array {
  try {
    return Deno.readFileSync(join(folder, name));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new Error(
      `There is no model in ${folder}: ${name} is missing. Name the folder of an exported one: --model=runs/<name>.`,
    );
  }
}
