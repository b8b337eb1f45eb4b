/**
 * The program of a worker thread: opens a detector and answers the pool.
 * @module
 */
import { BlazeFace } from "@emoco/web/face-finder";
import { type ImageDecoder, ImageError, openDecoder } from "./decode.ts";
import { LocalDetector } from "./image_detector.ts";
import { openRuntime } from "./runtime.ts";
import type { WorkerGreeting } from "./worker_pool.ts";
import type { WorkerReply, WorkerRequest, WorkerTask } from "./worker_thread.ts";

/** The worker's side of its messages; the types at hand describe the page's side only. */
const port = self as unknown as {
  onmessage: (event: MessageEvent<WorkerRequest>) => void;
  postMessage(reply: WorkerReply): void;
};

const aborts = new Map<number, AbortController>();
let detector: Promise<LocalDetector> | undefined;

port.onmessage = async ({ data }) => {
  if ("abort" in data) return aborts.get(data.abort)?.abort();
  const { id, task } = data;
  const controller = new AbortController();
  aborts.set(id, controller);
  try {
    port.postMessage({ id, value: await work(task, controller.signal) });
  } catch (error) {
    const { name, message } = error as Error;
    const code = error instanceof ImageError ? error.code : undefined;
    port.postMessage({ id, error: { name, message, code } });
  } finally {
    aborts.delete(id);
  }
};

async function work(task: WorkerTask, signal: AbortSignal): Promise<unknown> {
  if (task.kind === "open") {
    const opening = open(task);
    detector = opening.then(({ detector }) => detector);
    detector.catch(() => undefined); // whoever waits for it is told
    return (await opening).greeting;
  }
  const opened = await detector;
  if (!opened) throw new Error("The worker was asked before it was opened.");
  switch (task.kind) {
    case "detect":
      return await opened.detect(task.images, signal, task.film);
    case "forget":
      return opened.forget(task.film);
    case "infer":
      return await opened.infer(task.image, signal);
    case "prepare":
      return await opened.prepare(task.files);
    case "commit":
      return await opened.commit();
    case "discard":
      return await opened.discard();
  }
}

async function open(
  { files, finder, engine, threads }: Extract<WorkerTask, { kind: "open" }>,
): Promise<{ detector: LocalDetector; greeting: WorkerGreeting }> {
  const { ort, note, engine: opened } = await openRuntime(engine);
  const decoder: ImageDecoder = await openDecoder(engine);
  const sessions = opened === "native"
    ? { executionProviders: ["cpu"] as const, intraOpNumThreads: threads }
    : { executionProviders: ["wasm"] as const };
  const parts = {
    ...files,
    ort,
    decoder,
    engine: opened,
    finder: await BlazeFace.load({ model: finder, ort }, sessions),
  };
  return {
    detector: await LocalDetector.open(parts, sessions),
    greeting: { engine: opened, decoder: decoder.engine, note },
  };
}
