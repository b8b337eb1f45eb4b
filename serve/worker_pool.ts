/**
 * Detectors in worker threads, so that the thread that answers HTTP is never busy with a picture.
 *
 * Faces of different requests are not put into one run of the model: that run takes 2 of a photo's 40 ms of processor
 * time (decoding 5, finding 23, HTTP and hand-over the rest), so that even a run that cost nothing would gain 5 %; and the
 * finder, where the time goes, takes one picture at a time.
 * @module
 */
import type { Values } from "@emoco/web/inference";
import { type ModelCard, parseModelCard } from "@emoco/web/model-card";
import type { Answer, Engine, ImageDetector, Inference, ModelFiles } from "./image_detector.ts";
import { WorkerThread } from "./worker_thread.ts";

/** What a pool is made of. */
export interface PoolOptions {
  readonly workers: number;
  /** "auto" takes native code where it can be loaded. */
  readonly engine: Engine | "auto";
  /** Threads that one run of the model may use, in native code. */
  readonly threads: number;
  /** `blazeface.onnx` */
  readonly finder: Uint8Array;
  /** Called when a worker was lost and replaced, or could not be. */
  readonly report: (message: string) => void;
}

/** What a worker says of itself once it is open. */
export interface WorkerGreeting {
  readonly engine: Engine;
  readonly decoder: Engine;
  /** Why native code was not taken, where it was asked for by "auto". */
  readonly note?: string;
}

/** The detectors of all workers as one. */
export class WorkerPool implements ImageDetector {
  readonly #films = new Map<string, WorkerThread>();
  #closed = false;
  #replacing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly options: PoolOptions,
    private readonly threads: WorkerThread[],
    /** What the first worker said of itself. */
    readonly greeting: WorkerGreeting,
    private files: ModelFiles,
    private currentCard: ModelCard,
  ) {
    for (const thread of threads) this.#watch(thread);
  }

  /** Starts the workers; throws what the first of them stumbles over. */
  static async open(files: ModelFiles, options: PoolOptions): Promise<WorkerPool> {
    const threads: WorkerThread[] = [];
    try {
      const greetings: WorkerGreeting[] = [];
      for (let i = 0; i < options.workers; i++) { // one after another: the first shows whether the model is good
        const thread = new WorkerThread();
        threads.push(thread);
        greetings.push(await openThread(thread, files, options));
      }
      return new WorkerPool(options, threads, greetings[0], files, readCard(files));
    } catch (error) {
      for (const thread of threads) thread.end();
      throw error;
    }
  }

  get engine(): Engine {
    return this.greeting.engine;
  }

  get card(): ModelCard {
    return this.currentCard;
  }

  get concurrency(): number {
    return this.options.workers;
  }

  detect(
    images: readonly Uint8Array<ArrayBuffer>[],
    signal?: AbortSignal,
    film?: string,
  ): Promise<Answer> {
    const thread = film === undefined ? this.#leastBusy() : this.#threadOf(film);
    return thread.call({ kind: "detect", images, ...film !== undefined && { film } }, signal) as Promise<
      Answer
    >;
  }

  forget(film: string): void {
    this.#films.get(film)?.call({ kind: "forget", film }).catch(() => undefined); // a lost worker has forgotten
    this.#films.delete(film);
  }

  infer(image: Values, signal?: AbortSignal): Promise<Inference> {
    return this.#leastBusy().call({ kind: "infer", image }, signal) as Promise<Inference>;
  }

  /**
   * Exchanges the model: every worker loads it beside the old one, and only when all of them could do they change over,
   * each between two requests. Throws what was wrong with the new one; the old one goes on answering then.
   */
  replaceModel(files: ModelFiles): Promise<ModelCard> {
    const result = this.#replacing.then(async () => {
      const threads = [...this.threads];
      const prepared = await Promise.allSettled(
        threads.map((thread) => thread.call({ kind: "prepare", files })),
      );
      const bad = prepared.find((result) => result.status === "rejected");
      if (bad) {
        await Promise.allSettled(threads.map((thread) => thread.call({ kind: "discard" })));
        throw bad.reason;
      }
      this.files = files;
      await Promise.all(threads.map((thread) => thread.call({ kind: "commit" })));
      return this.currentCard = readCard(files);
    });
    this.#replacing = result.catch(() => undefined);
    return result;
  }

  /** Ends all workers; what they still work on is lost. */
  close(): void {
    this.#closed = true;
    for (const thread of this.threads) thread.end();
  }

  /** The frames of a film go to one worker, which knows those before; to another one where that was lost. */
  #threadOf(film: string): WorkerThread {
    const known = this.#films.get(film);
    if (known && this.threads.includes(known)) return known;
    const thread = this.#leastBusy();
    this.#films.set(film, thread);
    return thread;
  }

  #leastBusy(): WorkerThread {
    return this.threads.reduce((best, thread) => thread.open < best.open ? thread : best);
  }

  /** Puts another worker in the place of one that dies: out of memory, or stuck in a codec. */
  #watch(thread: WorkerThread): void {
    thread.lost.then(async (reason) => {
      if (this.#closed) return;
      this.options.report(`A worker was lost and is replaced: ${reason}`);
      const fresh = new WorkerThread();
      this.threads[this.threads.indexOf(thread)] = fresh; // calls wait in it until it is open
      this.#watch(fresh);
      try {
        await openThread(fresh, this.files, this.options);
      } catch (error) {
        this.options.report(`The new worker cannot be opened: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 1000));
        fresh.lose("it could not be opened");
      }
    });
  }
}

function openThread(
  thread: WorkerThread,
  files: ModelFiles,
  { engine, threads, finder }: PoolOptions,
): Promise<WorkerGreeting> {
  return thread.call({ kind: "open", files, finder, engine, threads }) as Promise<WorkerGreeting>;
}

function readCard({ card }: ModelFiles): ModelCard {
  return parseModelCard(JSON.parse(new TextDecoder().decode(card)));
}
