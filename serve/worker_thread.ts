/**
 * One worker thread and the calls that it has not answered yet.
 * @module
 */
import type { Values } from "@emoco/web/inference";
import { ImageError } from "./decode.ts";
import type { Engine, ModelFiles } from "./image_detector.ts";

/** What a worker is asked. */
export type WorkerTask =
  | {
    readonly kind: "open";
    readonly files: ModelFiles;
    readonly finder: Uint8Array;
    readonly engine: Engine | "auto";
    readonly threads: number;
  }
  | { readonly kind: "detect"; readonly images: readonly Uint8Array<ArrayBuffer>[]; readonly film?: string }
  | { readonly kind: "forget"; readonly film: string }
  | { readonly kind: "infer"; readonly image: Values }
  | { readonly kind: "prepare"; readonly files: ModelFiles }
  | { readonly kind: "commit" | "discard" };

/** A task with its number, or the wish to be spared the answer of one. */
export type WorkerRequest =
  | { readonly id: number; readonly task: WorkerTask }
  | { readonly abort: number };

/** A task's outcome. Errors do not travel between threads with their class, hence the parts. */
export type WorkerReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { name: string; message: string; code?: ImageError["code"] } };

/** A worker that does not answer for so long after its task was given up is stuck. */
const STUCK_MS = 30_000;

interface Call {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A worker thread; it takes tasks from the moment it is made and answers them when it can. */
export class WorkerThread {
  /** Resolves with the reason when the worker is lost; never when it is ended. */
  readonly lost: Promise<string>;
  #tellLost: (reason: string) => void;
  #lastId = 0;
  readonly #calls = new Map<number, Call>();
  readonly #worker: Worker;

  constructor() {
    ({ promise: this.lost, resolve: this.#tellLost } = Promise.withResolvers<string>());
    this.#worker = new Worker(new URL("./inference_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => {
      const call = this.#calls.get(data.id);
      this.#calls.delete(data.id);
      if ("error" in data) call?.reject(revive(data.error));
      else call?.resolve(data.value);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.lose(event.message);
    };
  }

  /** Tasks without an answer. */
  get open(): number {
    return this.#calls.size;
  }

  /** Gives the worker a task. It settles when the task is over, even where the signal has aborted before. */
  async call(task: WorkerTask, signal?: AbortSignal): Promise<unknown> {
    const id = ++this.#lastId;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const abort = () => {
      this.#post({ abort: id });
      timer = setTimeout(() => this.lose(`it did not answer for ${STUCK_MS / 1000} s`), STUCK_MS);
    };
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(id, { resolve, reject });
    signal?.addEventListener("abort", abort);
    try {
      this.#post({ id, task });
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Gives the worker up: what it was asked fails. */
  lose(reason: string): void {
    this.end();
    for (const call of this.#calls.values()) call.reject(new Error(`The worker was lost: ${reason}`));
    this.#calls.clear();
    this.#tellLost(reason);
  }

  /** Ends the worker. */
  end(): void {
    this.#worker.terminate();
  }

  #post(request: WorkerRequest): void {
    this.#worker.postMessage(request, "task" in request ? toHandOver(request.task) : []);
  }
}

/** Pictures are handed over, not copied: where they fill their memory alone, nobody else needs it. */
function toHandOver(task: WorkerTask): ArrayBuffer[] {
  if (task.kind !== "detect") return [];
  return task.images.filter(({ byteLength, buffer }) => byteLength === buffer.byteLength)
    .map(({ buffer }) => buffer);
}

function revive(
  { name, message, code }: { name: string; message: string; code?: ImageError["code"] },
): Error {
  if (code) return new ImageError(code, message);
  const error = name === "TypeError" ? new TypeError(message) : new Error(message);
  if (name !== error.name) error.name = name;
  return error;
}
