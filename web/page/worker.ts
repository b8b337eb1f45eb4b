/**
 * The page's worker: loads the models once and analyses frames, one at a time. Here the page loads its onnxruntime.
 * @module
 */
import { AuDetector } from "../detector.ts";
import { BlazeFace } from "../face_finder.ts";
import { FaceFollower } from "../face_follower.ts";
import type { OrtLike, SessionOptions } from "../inference.ts";
import { fetchFile } from "./fetch_file.ts";
import type { Engine, ModelFiles, Opened, PageFile, WorkerReply, WorkerRequest } from "./messages.ts";
import { readPixels } from "./read_pixels.ts";

declare const self: DedicatedWorkerGlobalScope;

/** More threads than these make a model as small as ours slower. */
const MOST_THREADS = 4;

/** A runtime with the finder loaded into it. */
interface Runtime {
  readonly engine: Engine;
  readonly ort: OrtLike;
  readonly sessions: SessionOptions;
  readonly threads: number;
  readonly finder: BlazeFace;
  /** Whether half-precision models run on it. */
  readonly hasFloat16: boolean;
}

let request: Extract<WorkerRequest, { kind: "open" }>;
let runtime: Runtime | undefined;
let detector: AuDetector | undefined;
/** Finds the faces of videos. */
let follower: FaceFollower | undefined;

self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    await answer(data);
  } catch (error) {
    if (data.kind === "analyse") data.frame.close();
    post({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};

async function answer(data: WorkerRequest): Promise<void> {
  if (data.kind === "open") {
    request = data;
    for (const name of ["blazeface.onnx", "emoco.json"]) fetchModel(name).catch(() => {}); // who uses it is told
    post({ kind: "opened", ...await open(data.engine, data.own) });
  } else if (data.kind === "model") {
    if (!runtime) throw new Error("The engine is not open yet.");
    post({ kind: "opened", ...await loadDetector(runtime, data.own) });
  } else {
    if (!detector) throw new Error("The model is not loaded yet.");
    const start = performance.now();
    const pixels = readPixels(data.frame);
    const read = performance.now() - start;
    if (data.isFirst) follower?.restart();
    if (data.time !== undefined) follower?.at(data.time);
    const detection = await detector.detect(pixels, undefined, data.isStill ? undefined : follower);
    post({ kind: "analysed", frame: data.frame, detection, read }, [data.frame]);
  }
}

function post(reply: WorkerReply, transfer: Transferable[] = []): void {
  self.postMessage(reply, transfer);
}

async function open(wanted: Engine | "auto", own?: ModelFiles): Promise<Opened> {
  let note: string | undefined;
  if (wanted !== "wasm") {
    try {
      runtime = await openWebGpu();
      return await loadDetector(runtime, own);
    } catch (error) {
      note = `WebGPU is not in use: ${(error as Error).message}`;
      await runtime?.finder.release();
    }
  }
  runtime = await openWasm();
  return { ...await loadDetector(runtime, own), note };
}

/** Throws where this browser has no WebGPU, or where the session would run on the processor after all. */
async function openWebGpu(): Promise<Runtime> {
  if (!navigator.gpu) throw new Error("this browser does not offer it.");
  const adapter = await navigator.gpu.requestAdapter();
  if (!adapter) throw new Error("no graphics processor is offered.");
  const { InferenceSession, Tensor, env } = await import("onnxruntime-web/webgpu");
  env.logLevel = "error";
  env.wasm.numThreads = 1; // the processor only hands over work
  env.wasm.wasmBinary = await takeFile("engine-webgpu.wasm");
  const ort = { InferenceSession, Tensor } as unknown as OrtLike;
  const sessions: SessionOptions = { executionProviders: ["webgpu"] };
  const finder = await BlazeFace.load({ model: await fetchModel("blazeface.onnx"), ort }, sessions);
  // onnxruntime falls back without a word; that the device is given work shows what really runs.
  const device = await env.webgpu.device as GPUDevice | undefined;
  const submitted = device &&
    await countSubmissions(device, () => finder.with({ thorough: false }).find(black(64)));
  if (!submitted) throw new Error("onnxruntime gave the graphics processor nothing to do.");
  return {
    engine: "webgpu",
    ort,
    sessions,
    threads: 1,
    finder,
    hasFloat16: adapter.features.has("shader-f16"),
  };
}

async function countSubmissions(device: GPUDevice, job: () => Promise<unknown>): Promise<number> {
  const submit = device.queue.submit.bind(device.queue);
  let count = 0;
  device.queue.submit = (buffers) => {
    count++;
    return submit(buffers);
  };
  await job();
  device.queue.submit = submit;
  return count;
}

async function openWasm(): Promise<Runtime> {
  const { InferenceSession, Tensor, env } = await import("onnxruntime-web/wasm");
  const threads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  env.logLevel = "error";
  env.wasm.numThreads = threads;
  env.wasm.wasmBinary = await takeFile("engine-wasm.wasm");
  const ort = { InferenceSession, Tensor } as unknown as OrtLike;
  const sessions: SessionOptions = { executionProviders: ["wasm"] };
  const finder = await BlazeFace.load({ model: await fetchModel("blazeface.onnx"), ort }, sessions);
  return { engine: "wasm", ort, sessions, threads, finder, hasFloat16: false };
}

/** Loads the model into the runtime, then lets go of the one before. */
async function loadDetector(
  { ort, sessions, engine, threads, finder, hasFloat16 }: Runtime,
  own?: ModelFiles,
) {
  const half = "emoco.f16.onnx";
  const name = hasFloat16 && half in request.files ? half : "emoco.onnx";
  const files = own ?? { card: await fetchModel("emoco.json"), model: await fetchModel(name) };
  const loaded = await AuDetector.load({ ...files, finder, ort }, sessions);
  follower = new FaceFollower(finder.with({ thorough: false }), loaded.card.alignment.template);
  await detector?.release();
  detector = loaded;
  return { engine, threads, precision: loaded.card.files[loaded.file].precision, card: loaded.card };
}

const fetching = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
const arrived = new Map<string, number>();

/** A file of the page; one that is asked for twice is kept. */
function fetchModel(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = request.files[name];
  const bytes = fetching.get(name) ?? fetchFile(addressOf(file), file, (bytes) => {
    arrived.set(name, bytes);
    const total = [...arrived.keys()].reduce((sum, name) => sum + request.files[name].bytes, 0);
    post({ kind: "progress", loaded: [...arrived.values()].reduce((sum, bytes) => sum + bytes), total });
  });
  fetching.set(name, bytes);
  return bytes;
}

/** A file of the page that nobody asks for again. */
async function takeFile(name: string): Promise<ArrayBuffer> {
  const { buffer } = await fetchModel(name);
  fetching.delete(name);
  return buffer;
}

function addressOf({ url }: PageFile): string {
  return new URL(url, request.base).href;
}

function black(side: number) {
  return { width: side, height: side, data: new Uint8ClampedArray(side * side * 4) };
}
