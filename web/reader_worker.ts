/**
 * The worker of a reader: loads the models once and reads frames, one at a time. onnxruntime runs in this one thread,
 * which needs no headers of the site.
 * @module
 */
import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { AuDetector } from "./detector.ts";
import { BlazeFace } from "./face_finder.ts";
import { FaceFollower } from "./face_follower.ts";
import type { OrtLike, SessionOptions } from "./inference.ts";
import { readPixels } from "./page/read_pixels.ts";
import type { ReaderOptions, ReaderReply, ReaderRequest } from "./reader.ts";

declare const self: DedicatedWorkerGlobalScope;

/** Finds the faces of videos. */
let follower: FaceFollower | undefined;
let detector: AuDetector | undefined;
let last: Promise<unknown> = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ReaderRequest>) => {
  last = last.then(() => answer(data)).then(
    (reply) => self.postMessage(reply),
    (error) => self.postMessage({ kind: "failed", message: messageOf(error) } satisfies ReaderReply),
  );
};

async function answer(request: ReaderRequest): Promise<ReaderReply> {
  if (request.kind === "open") {
    detector = await open(request);
    return { kind: "opened", card: detector.card };
  }
  try {
    if (!detector) throw new Error("The models are not loaded.");
    if (request.isFirst) follower?.restart();
    if (request.time !== undefined) follower?.at(request.time);
    const finder = request.isStill ? undefined : follower;
    return { kind: "read", detection: await detector.detect(readPixels(request.frame), undefined, finder) };
  } finally {
    request.frame.close();
  }
}

async function open({ model }: ReaderOptions): Promise<AuDetector> {
  env.logLevel = "error";
  env.wasm.numThreads = 1;
  const ort = { InferenceSession, Tensor } as unknown as OrtLike;
  const sessions: SessionOptions = { executionProviders: ["wasm"] };
  const [files, blazeFace] = await Promise.all([
    model ?? readModel(),
    read(new URL("./model/blazeface.onnx", import.meta.url)),
  ]);
  const finder = await BlazeFace.load({ model: blazeFace, ort }, sessions);
  const loaded = await AuDetector.load({ ...files, finder, ort }, sessions);
  follower = new FaceFollower(finder.with({ thorough: false }), loaded.card.alignment.template);
  return loaded;
}

async function readModel() {
  const [card, model] = await Promise.all([
    read(new URL("./model/emoco.json", import.meta.url)),
    read(new URL("./model/emoco.onnx", import.meta.url)),
  ]);
  return { card, model };
}

async function read(address: URL): Promise<Uint8Array> {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be read: status ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
