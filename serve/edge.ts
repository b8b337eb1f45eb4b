/**
 * The server for hosts that run a `fetch` handler: wasm only, no native code, nothing written. One picture at a time.
 * @module
 */
import { BlazeFace } from "@emoco/web/face-finder";
import type { OrtLike } from "@emoco/web/inference";
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { type AppOptions, createApp } from "./app.ts";
import { openDecoder, type WasmCodecs } from "./decode.ts";
import { LocalDetector, type ModelFiles } from "./image_detector.ts";

export type { AppOptions, ModelFiles, WasmCodecs };

/** What the edge is made of, where the host hands it over. */
export interface EdgeFiles extends ModelFiles {
  /** The bytes of blazeface.onnx. */
  readonly finder: Uint8Array;
  /** Else the codecs fetch their own, beside the code. */
  readonly codecs?: WasmCodecs;
  /**
   * The module whose default export starts onnxruntime's wasm (as `ort-wasm-simd-threaded.mjs` does), by the name under
   * which the host knows it. For hosts that compile no wasm: it has the compiled one. Else the bundled one fetches it.
   */
  readonly engine?: string;
}

/** How the edge serves. */
export interface EdgeOptions extends AppOptions {
  /**
   * A folder with emoco.onnx, emoco.json and blazeface.onnx that `fetch` reads, or what hands the files over; the
   * committed model unless given.
   */
  readonly model?: URL | (() => Promise<EdgeFiles>);
}

/** A module as edge hosts expect it. */
export interface EdgeHandler {
  fetch(request: Request): Promise<Response>;
}

/** A handler that loads the model with its first request, and again after a failure. */
export function createEdge({ model, ...options }: EdgeOptions = {}): EdgeHandler {
  let app: ReturnType<typeof open> | undefined;
  return {
    async fetch(request) {
      try {
        app ??= open(model, options);
        return await (await app).fetch(request);
      } catch (error) {
        app = undefined;
        const entry = { event: "error", message: `${(error as Error).stack ?? error}` };
        (options.log ?? console.error)(entry);
        const message = "The model cannot be loaded; the server's log says why.";
        const requestId = crypto.randomUUID();
        const isProtocol = /^\/v2(\/|$)/.test(new URL(request.url).pathname);
        const told = isProtocol ? message : { code: "not-ready", message, requestId };
        return Response.json({ error: told }, { status: 503 });
      }
    },
  };
}

async function open(model: EdgeOptions["model"], options: AppOptions): Promise<ReturnType<typeof createApp>> {
  const { codecs, engine, finder, ...files } = typeof model === "function"
    ? await model()
    : await fetchFiles(model ?? new URL("../web/model/", import.meta.url));
  env.wasm.numThreads = 1; // threads would need workers
  env.logLevel = "error";
  if (engine) env.wasm.wasmPaths = { mjs: engine };
  const ort = { InferenceSession, Tensor } as unknown as OrtLike;
  const sessions = { executionProviders: ["wasm"] as const };
  const parts = {
    ...files,
    ort,
    decoder: await openDecoder("wasm", { codecs }),
    engine: "wasm" as const,
    finder: await BlazeFace.load({ model: finder, ort }, sessions),
  };
  return createApp(await LocalDetector.open(parts, sessions), options);
}

async function fetchFiles(folder: URL): Promise<EdgeFiles> {
  const [model, card, finder] = await Promise.all(
    ["emoco.onnx", "emoco.json", "blazeface.onnx"].map((name) => read(new URL(name, folder))),
  );
  return { model, card, finder };
}

async function read(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be read: status ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The edge with the committed model. */
const edge: EdgeHandler = createEdge();
export default edge;
