/** Batches of views, made by workers ahead of the training step; memory is bounded by the batches in flight. */
import type { ViewKind } from "./augment.ts";
import type { Clips } from "./clips.ts";
import { type Face, ManifestError } from "./data.ts";
import { PLACEMENT } from "./placement.ts";
import type { Answer, Job, Start } from "./view_worker.ts";
import type { Walk } from "./walk.ts";
import { EMOTIONS } from "@emoco/web/facs";

/** How views are made; see `PretrainConfig`. */
export interface ViewOptions {
  size: number;
  batchSize: number;
  seed: number;
  views: ViewKind;
  cropScale: readonly [number, number];
  /** Share of random views over which something is laid; none unless given. */
  covers?: number;
  /** Share of random views that are turned by quarters; none unless given. */
  turns?: number;
  skipBroken: boolean;
  /** Pictures of a sample at most: two views, unless clips have more frames. */
  pictures?: number;
  /** Decoded pictures kept by all workers together; half a gigabyte unless given. */
  cacheBytes?: number;
}

/** One batch: indices of its faces and their views, [B, S, S, 3] each; of clips, `viewK` holds all frames but the first. */
export interface ViewBatch {
  indices: Int32Array;
  viewQ: Float32Array<ArrayBuffer>;
  viewK: Float32Array<ArrayBuffer>;
  /** Where each of `viewQ` lies in its picture, [B, PLACEMENT]. */
  placements: Float32Array<ArrayBuffer>;
}

/** Makes views of a fixed list of faces. Close it, or its workers keep the program alive. */
export class ViewLoader implements Disposable {
  /** Pictures that could not be decoded and were replaced (`skipBroken`), by index. */
  readonly skipped = new Map<number, string>();
  /** Time that callers have waited for views, ms. */
  waited = 0;

  readonly #workers: Worker[];
  /** Buffers that no batch is being made in. */
  readonly #free: SharedArrayBuffer[] = [];
  readonly #inFlight = new Map<number, { left: number; done: () => void; fail: (error: Error) => void }>();
  #jobs = 0;
  /** Why no further batch can be made: a worker that has stopped would never answer. */
  #failure?: Error;

  /** @param parts workers; the views are the same whatever their number */
  constructor(
    readonly faces: readonly Face[],
    readonly options: ViewOptions,
    parts = Math.min(navigator.hardwareConcurrency, 16),
  ) {
    this.#workers = Array.from({ length: parts }, (_, part) => {
      const worker = new Worker(new URL("./view_worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#finish(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#failure = new Error(`A view worker stopped: ${event.message}`);
        for (const job of this.#inFlight.values()) job.fail(this.#failure);
      };
      const start: Start = {
        images: faces.map((face) => face.image),
        emotions: Int8Array.from(faces, (face) => face.emotion ? EMOTIONS.indexOf(face.emotion) : -1),
        ...options,
        cacheBytes: (options.cacheBytes ?? CACHE_BYTES) / parts,
        part,
        parts,
      };
      worker.postMessage(start);
      return worker;
    });
  }

  /**
   * The batches of a run from step `first` (counted from 0) to before `last`: random views of the faces that the walk
   * visits, two each for a `pair`, else one, in `viewQ`.
   * @param faces indices of the faces that the walk's positions stand for; absent for all faces
   */
  async *randomViews(
    walk: Pick<Walk, "at">,
    first: number,
    last: number,
    { kind = "pair", faces }: { kind?: "pair" | "single"; faces?: Int32Array } = {},
  ): AsyncGenerator<ViewBatch> {
    const { batchSize } = this.options;
    yield* this.#ahead(first, last, (step) => {
      const places = Array.from({ length: batchSize }, (_, i) => walk.at(step * batchSize + i));
      return {
        kind,
        indices: Int32Array.from(places, ({ index }) => faces ? faces[index] : index),
        epochs: Int32Array.from(places, ({ epoch }) => epoch),
      };
    });
  }

  /**
   * The batches of a run from step `first` to before `last`, of clips: the walk visits their anchors. `viewQ` holds the
   * first frame of each clip, [B, S, S, 3]; `viewK` the second of each, then the third and so on, [(T - 1) B, S, S, 3].
   */
  async *clips(walk: Pick<Walk, "at">, clips: Clips, first: number, last: number): AsyncGenerator<ViewBatch> {
    const { batchSize } = this.options;
    yield* this.#ahead(first, last, (step) => {
      const places = Array.from({ length: batchSize }, (_, i) => walk.at(step * batchSize + i));
      const faces = places.map(({ index, epoch }) => clips.facesAt(index, epoch));
      return {
        kind: "clip",
        indices: Int32Array.from(faces[0].flatMap((_, frame) => faces.map((clip) => clip[frame]))),
        epochs: Int32Array.from(places, ({ epoch }) => epoch),
      };
    });
  }

  /** The plain views of the faces at `indices`, in order, in `viewQ`; the last batch may be short. */
  async *plainViews(indices: Int32Array): AsyncGenerator<ViewBatch> {
    const { batchSize } = this.options;
    yield* this.#ahead(0, Math.ceil(indices.length / batchSize), (batch) => {
      const part = indices.slice(batch * batchSize, (batch + 1) * batchSize);
      return { kind: "plain", indices: part, epochs: new Int32Array(part.length) };
    });
  }

  close(): void {
    for (const worker of this.#workers) worker.terminate();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async *#ahead(first: number, last: number, describe: (step: number) => Omit<Job, "id" | "out">) {
    const pending: { job: Job; ready: Promise<void> }[] = [];
    const { size, batchSize } = this.options;
    for (let step = first, next = first; step < last; step++) {
      for (; next < last && pending.length < AHEAD; next++) {
        pending.push(
          this.#send({ ...describe(next), id: this.#jobs++, out: this.#free.pop() ?? this.#allocate() }),
        );
      }
      const { job, ready } = pending.shift()!;
      const asked = performance.now();
      await ready;
      this.waited += performance.now() - asked;
      const values = new Float32Array(job.out);
      const views = values.length - batchSize * PLACEMENT;
      // Copied, so that the buffer can be filled again while the caller works.
      const count = job.epochs.length, pixels = size * size * 3;
      const viewQ = values.slice(0, count * pixels);
      const viewK = job.kind === "pair"
        ? values.slice(views / 2, views)
        : values.slice(count * pixels, job.indices.length * pixels); // further frames of a clip, or none
      const placements = values.slice(views, views + count * PLACEMENT);
      this.#free.push(job.out);
      yield { indices: job.indices.subarray(0, count), viewQ, viewK, placements };
    }
  }

  #allocate(): SharedArrayBuffer {
    const { size, batchSize, pictures = 2 } = this.options;
    const numbers = batchSize * (pictures * size * size * 3 + PLACEMENT);
    return new SharedArrayBuffer(numbers * Float32Array.BYTES_PER_ELEMENT);
  }

  #send(job: Job): { job: Job; ready: Promise<void> } {
    const ready = new Promise<void>((done, fail) =>
      this.#inFlight.set(job.id, { left: this.#workers.length, done, fail })
    );
    if (this.#failure) this.#inFlight.get(job.id)!.fail(this.#failure);
    ready.catch(() => {}); // a failure is met where the batch is awaited, never as an unhandled rejection
    for (const worker of this.#workers) worker.postMessage(job);
    return { job, ready };
  }

  #finish({ id, skipped, failed }: Answer): void {
    const job = this.#inFlight.get(id)!;
    for (const { index, reason } of skipped) this.skipped.set(index, reason);
    if (failed) {
      const { image, line } = this.faces[failed.index];
      job.fail(
        new ManifestError(
          `${image} (line ${line} of its manifest) cannot be decoded: ${failed.reason}. ` +
            "Replace it, or go on without it with --skipBroken.",
        ),
      );
    }
    if (--job.left === 0) {
      this.#inFlight.delete(id);
      job.done();
    }
  }
}

/** Batches that are made ahead of the step. */
const AHEAD = 4;

/** Decoded pictures kept by all workers together. */
const CACHE_BYTES = 512 * 2 ** 20;
