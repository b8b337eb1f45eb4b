/**
 * The onnxruntime that is there: native code, or wasm, which runs anywhere.
 * @module
 */
import type { OrtLike } from "@emoco/web/inference";
import type { Engine } from "./image_detector.ts";

/** What was loaded. */
export interface Runtime {
  readonly ort: OrtLike;
  readonly engine: Engine;
  /** Why it is not native code although that was wished for. */
  readonly note?: string;
}

/**
 * Loads an onnxruntime: "native" needs onnxruntime-node and the permission to load it, "wasm" onnxruntime-web; "auto"
 * takes the first that loads.
 * @throws {Error} when the native one was asked for and cannot be loaded
 */
export async function openRuntime(engine: Engine | "auto"): Promise<Runtime> {
  let note: string | undefined;
  if (engine !== "wasm") {
    try {
      const { InferenceSession, Tensor, env } = await import("onnxruntime-node");
      env.logLevel = "error"; // it warns of BlazeFace's unused constants
      return { ort: { InferenceSession, Tensor } as unknown as OrtLike, engine: "native" };
    } catch (error) {
      note = (error as Error).message;
      if (engine === "native") {
        throw new Error(`The native onnxruntime cannot be loaded: ${note}`, { cause: error });
      }
    }
  }
  const { InferenceSession, Tensor, env } = await import("onnxruntime-web");
  env.wasm.numThreads = 1; // a server's pool has a worker for each processor
  env.logLevel = "error";
  return { ort: { InferenceSession, Tensor } as unknown as OrtLike, engine: "wasm", note };
}
