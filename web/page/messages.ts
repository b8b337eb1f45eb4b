/**
 * What the page and its worker say to each other.
 * @module
 */
import type { Detection } from "../detector.ts";
import type { ModelCard } from "../model_card.ts";

/** What runs the models. */
export type Engine = "webgpu" | "wasm";

/** A file of the built page. */
export interface PageFile {
  /** Address relative to the page, with a hash of the content in its name. */
  readonly url: string;
  readonly bytes: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
}

/** The files of the built page by the names that the code knows them by; the build writes it into index.html. */
export type PageFiles = Readonly<Record<string, PageFile>>;

/** A model that the user brings: `emoco.json` and one of the model files it vouches for. */
export interface ModelFiles {
  readonly card: Uint8Array<ArrayBuffer>;
  readonly model: Uint8Array<ArrayBuffer>;
}

/** How a frame is searched: thoroughly when it stands alone, else near the faces of the frame before. */
export interface FrameKind {
  readonly isStill: boolean;
  /** Whether it begins a video. */
  readonly isFirst: boolean;
  /** Seconds of a video's frame. */
  readonly time?: number;
}

/** What the page asks of the worker. */
export type WorkerRequest =
  /** Load an engine and the models; `engine` "auto" takes WebGPU where it runs. `own` stands in for our model. */
  | {
    readonly kind: "open";
    readonly base: string;
    readonly files: PageFiles;
    readonly engine: Engine | "auto";
    readonly own?: ModelFiles;
  }
  /** Take another model, or our own again; the one in use stays where the other cannot be loaded. */
  | { readonly kind: "model"; readonly own?: ModelFiles }
  /** Analyse a frame, which is handed over. */
  | ({ readonly kind: "analyse"; readonly frame: ImageBitmap } & FrameKind);

/** What the worker has opened. */
export interface Opened {
  readonly engine: Engine;
  /** Threads of wasm; 1 where the page is not cross-origin isolated. */
  readonly threads: number;
  readonly precision: "float32" | "float16";
  readonly card: ModelCard;
  /** Why it is not the engine that was asked for. */
  readonly note?: string;
}

/** A frame that was analysed; the frame is handed back. */
export interface Analysed {
  readonly frame: ImageBitmap;
  readonly detection: Detection;
  /** Milliseconds from the frame to its pixels. */
  readonly read: number;
}

/** What the worker answers: progress any number of times, then one of the others per request, in order. */
export type WorkerReply =
  | { readonly kind: "progress"; readonly loaded: number; readonly total: number }
  | ({ readonly kind: "opened" } & Opened)
  | ({ readonly kind: "analysed" } & Analysed)
  | { readonly kind: "failed"; readonly message: string };
