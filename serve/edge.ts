/**
 * The server for hosts that run a `fetch` handler: wasm only, no native code, nothing written. One picture at a time.
 * @module
 */
import { BlazeFace } from "@emoco/web/face-finder";
import type { OrtLike } from "@emoco/web/inference";
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { type AppOptions, createApp } from "./app.ts";
import { openDecoder } from "./decode.ts";
import { LocalDetector } from "./image_detector.ts";

/** How the edge serves. */
export interface EdgeOptions extends AppOptions {
  /** Where emoco.onnx, emoco.json and blazeface.onnx are; the committed model unless given. */
  readonly model?: URL;
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
        app ??= open(model ?? new URL("../web/model/", import.meta.url), options);
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

async function open(folder: URL, options: AppOptions): Promise<ReturnType<typeof createApp>> {
  env.wasm.numThreads = 1; // threads would need workers
  env.logLevel = "error";
  const ort = { InferenceSession, Tensor } as unknown as OrtLike;
  const sessions = { executionProviders: ["wasm"] as const };
  const [model, card, finder, decoder] = await Promise.all([
    read(new URL("emoco.onnx", folder)),
    read(new URL("emoco.json", folder)),
    read(new URL("blazeface.onnx", folder)),
    openDecoder("wasm"),
  ]);
  const parts = {
    model,
    card,
    ort,
    decoder,
    engine: "wasm" as const,
    finder: await BlazeFace.load({ model: finder, ort }, sessions),
  };
  return createApp(await LocalDetector.open(parts, sessions), options);
}

async function read(url: URL): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be read: status ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

export default createEdge();
