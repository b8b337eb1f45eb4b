/**
 * Frames in, faces out, in a worker of its own: what a site needs that brings its own page. Bundlers find the worker, the
 * models and onnxruntime's wasm by their addresses.
 * @module
 */
import type { Detection } from "./detector.ts";
import type { ModelCard } from "./model_card.ts";

/** How a frame is searched: thoroughly when it stands alone, else near the faces of the frame before. */
export interface FrameKind {
  /** A picture; true unless given. */
  readonly isStill?: boolean;
  /** Whether it begins a video. */
  readonly isFirst?: boolean;
  /** Seconds of a video's frame; a thirtieth after the one before unless given. */
  readonly time?: number;
}

/** What a reader is opened with. */
export interface ReaderOptions {
  /** Another model: the bytes of emoco.json and of one of the files that it lists; the one that comes along unless given. */
  readonly model?: { readonly card: Uint8Array; readonly model: Uint8Array };
}

/** What the reader asks of its worker. */
export type ReaderRequest =
  | ({ readonly kind: "open" } & ReaderOptions)
  /** The frame is handed over. */
  | {
    readonly kind: "read";
    readonly frame: ImageBitmap;
    readonly isStill: boolean;
    readonly isFirst: boolean;
    readonly time?: number;
  };

/** What the worker answers, in the order of the requests. */
export type ReaderReply =
  | { readonly kind: "opened"; readonly card: ModelCard }
  | { readonly kind: "read"; readonly detection: Detection }
  | { readonly kind: "failed"; readonly message: string };

/** Reads action units from frames. */
export class Reader {
  readonly #worker = new Worker(new URL("./reader_worker.ts", import.meta.url), { type: "module" });
  readonly #waiting: PromiseWithResolvers<ReaderReply>[] = [];
  #card!: ModelCard;

  private constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<ReaderReply>) => {
      if (data.kind === "failed") this.#waiting.shift()?.reject(new Error(data.message));
      else this.#waiting.shift()?.resolve(data);
    };
    this.#worker.onerror = ({ message }) =>
      this.#fail(new Error(message || "The worker could not be started."));
  }

  /**
   * Starts a worker and loads the models into it.
   * @throws {Error} that says what could not be loaded
   */
  static async open(options: ReaderOptions = {}): Promise<Reader> {
    const reader = new Reader();
    try {
      const opened = await reader.#ask({ kind: "open", ...options });
      if (opened.kind === "opened") reader.#card = opened.card;
      return reader;
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** What the model is and what it was tested on. */
  get card(): ModelCard {
    return this.#card;
  }

  /** The faces of a picture, or of the frame that a video shows now, with their action units. */
  async read(
    source: ImageBitmapSource,
    { isStill = true, isFirst = true, time }: FrameKind = {},
  ): Promise<Detection> {
    const frame = await createImageBitmap(source);
    const reply = await this.#ask({ kind: "read", frame, isStill, isFirst, time }, [frame]);
    if (reply.kind !== "read") throw new Error(`The worker answered ${reply.kind} to a frame.`);
    return reply.detection;
  }

  /** Ends the worker and all it holds; what is under way fails. */
  close(): void {
    this.#worker.terminate();
    this.#fail(new DOMException("The reader was closed.", "AbortError"));
  }

  #ask(request: ReaderRequest, transfer: Transferable[] = []): Promise<ReaderReply> {
    const waiting = Promise.withResolvers<ReaderReply>();
    this.#waiting.push(waiting);
    this.#worker.postMessage(request, transfer);
    return waiting.promise;
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}
