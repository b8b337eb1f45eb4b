/**
 * The page's side of the worker: one frame at a time goes in, what it shows comes out.
 * @module
 */
import type {
  Analysed,
  Engine,
  FrameKind,
  ModelFiles,
  Opened,
  PageFiles,
  WorkerReply,
  WorkerRequest,
} from "./messages.ts";

/** What the worker is asked for. */
export interface AnalyserOptions {
  readonly files: PageFiles;
  readonly engine: Engine | "auto";
  /** Told what has arrived of the files, in bytes. */
  readonly onProgress: (loaded: number, total: number) => void;
}

/** Runs the models in a worker of its own. */
export class Analyser {
  #worker?: Worker;
  #waiting?: PromiseWithResolvers<WorkerReply>;

  constructor(private readonly options: AnalyserOptions) {}

  /** Whether a frame is being analysed, or a model loaded: a live frame that comes now is dropped. */
  get isBusy(): boolean {
    return this.#waiting !== undefined;
  }

  /** Starts a worker, in place of one that runs; throws an Error that says what could not be loaded. */
  async open(engine: Engine | "auto" = this.options.engine, own?: ModelFiles): Promise<Opened> {
    this.close();
    const { files } = this.options, base = document.baseURI;
    this.#worker = new Worker(new URL(files["worker.js"].url, base), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<WorkerReply>) => this.#receive(data);
    this.#worker.onerror = ({ message }) =>
      this.#answered()?.reject(new Error(message || "The worker of this page could not be started."));
    return await this.#ask({ kind: "open", base, files, engine, own }) as Opened & WorkerReply;
  }

  /** Takes another model, or ours; the one in use stays where the other cannot be loaded. */
  async setModel(own?: ModelFiles): Promise<Opened> {
    return await this.#ask({ kind: "model", own }) as Opened & WorkerReply;
  }

  /** Analyses a frame, which is handed over and handed back. */
  analyse(frame: ImageBitmap, { isStill, isFirst, time }: FrameKind): Promise<Analysed> {
    return this.#ask({ kind: "analyse", frame, isStill, isFirst, time }, [frame]) as Promise<
      Analysed & WorkerReply
    >;
  }

  /** Ends the worker and all it holds. */
  close(): void {
    this.#worker?.terminate();
    this.#answered()?.reject(new DOMException("The engine was stopped.", "AbortError"));
  }

  /** One request at a time; a second one waits for the first. */
  async #ask(request: WorkerRequest, transfer: Transferable[] = []): Promise<WorkerReply> {
    while (this.#waiting) await this.#waiting.promise.catch(() => {});
    this.#waiting = Promise.withResolvers<WorkerReply>();
    this.#worker?.postMessage(request, transfer);
    return this.#waiting.promise;
  }

  #receive(reply: WorkerReply): void {
    if (reply.kind === "progress") this.options.onProgress(reply.loaded, reply.total);
    else if (reply.kind === "failed") this.#answered()?.reject(new Error(reply.message));
    else this.#answered()?.resolve(reply);
  }

  /** The request that is under way, which no longer is. */
  #answered(): PromiseWithResolvers<WorkerReply> | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}
