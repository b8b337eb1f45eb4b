/** Decodes pictures and renders views in a worker, beside the training step. Started by `views.ts` alone. */
import { drawView, plainView, renderView, type ViewKind } from "./augment.ts";
import { PLACEMENT, placementOf } from "./placement.ts";
import type { RgbImage } from "./filters.ts";
import { decodePicture } from "./picture.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";

/** What a worker is told once. */
export interface Start {
  images: readonly string[];
  /** Emotion of every picture, so that a broken one can be replaced by its like; -1 where unlabelled. */
  emotions: Int8Array;
  size: number;
  batchSize: number;
  seed: number;
  views: ViewKind;
  cropScale: readonly [number, number];
  /** Share of the views over which something is laid; see `cover.ts`. */
  covers?: number;
  /** Share of the views that are turned by quarters. */
  turns?: number;
  /** Decoded pictures kept in memory, bytes. */
  cacheBytes: number;
  skipBroken: boolean;
  /** This worker takes the faces whose index is `part` modulo `parts`, so that no two cache the same one. */
  part: number;
  parts: number;
}

/**
 * One batch to fill: two random views of every face (queries, then keys), one, or its plain view; of a `clip` one view
 * of each frame, all cut out alike.
 */
export interface Job {
  id: number;
  /** Where the views go, shared with the main thread; behind them a `Placement` of `PLACEMENT` numbers a face. */
  out: SharedArrayBuffer;
  kind: "pair" | "single" | "plain" | "clip";
  /** Faces; of clips, first the first frame of every clip, then the second of every one, and so on. */
  indices: Int32Array;
  /** Of every face, or clip. */
  epochs: Int32Array;
}

/** A finished part of a batch, or the picture that stopped it. */
export interface Answer {
  id: number;
  /** Pictures that could not be decoded and were replaced. */
  skipped: { index: number; reason: string }[];
  failed?: { index: number; reason: string };
}

let start: Start;
const decoded = new Map<number, RgbImage>();
let decodedBytes = 0;
let queue = Promise.resolve();

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Start | Job>) => void;
  postMessage(answer: Answer): void;
};
scope.onmessage = ({ data }) => {
  if ("images" in data) start = data;
  else queue = queue.then(() => fill(data));
};

async function fill(job: Job): Promise<void> {
  const answer: Answer = { id: job.id, skipped: [] };
  try {
    for (let slot = 0; slot < job.indices.length; slot++) {
      if (job.indices[slot] % start.parts === start.part) await fillSlot(job, slot, answer);
    }
  } catch (error) {
    if (!(error instanceof Undecodable)) throw error;
    answer.failed = { index: error.index, reason: error.message };
  }
  scope.postMessage(answer);
}

async function fillSlot(
  { kind, out: shared, indices, epochs }: Job,
  slot: number,
  answer: Answer,
): Promise<void> {
  const { size, seed } = start;
  const out = new Float32Array(shared);
  const { image, index } = await decodeOrReplace(indices[slot], answer);
  const length = size * size * 3;
  const views = out.length - start.batchSize * PLACEMENT;
  const second = views / 2; // the batch's keys stand behind its queries
  if (kind === "clip") {
    // The stream of the clip's first frame draws for all of them: a crop that jumps would be what there is to learn.
    const clip = slot % epochs.length;
    const drawn = drawView(randomStream(seed, PURPOSE.view, epochs[clip], indices[clip], 0), image, start);
    return renderView(image, drawn, size, out, slot * length);
  }
  for (const view of kind === "pair" ? [0, 1] : [0]) {
    const random = randomStream(seed, PURPOSE.view, epochs[slot], index, view);
    const drawn = kind === "plain" ? plainView(image) : drawView(random, image, start);
    renderView(image, drawn, size, out, view * second + slot * length);
    if (view === 0) out.set(placementOf(drawn), views + slot * PLACEMENT);
  }
}

/** The picture, or with `skipBroken` the next one of its emotion that can be read: the same one at every run. */
async function decodeOrReplace(index: number, answer: Answer): Promise<{ image: RgbImage; index: number }> {
  const { images, emotions, skipBroken } = start;
  for (
    let tried = 0, candidate = index;
    tried < images.length;
    candidate = (candidate + 1) % images.length, tried++
  ) {
    if (emotions[candidate] !== emotions[index]) continue;
    try {
      return { image: await decode(candidate), index: candidate };
    } catch (error) {
      const reason = (error as Error).message;
      if (!skipBroken) throw new Undecodable(candidate, reason);
      answer.skipped.push({ index: candidate, reason });
    }
  }
  throw new Undecodable(index, "no picture of its emotion can be read");
}

async function decode(index: number): Promise<RgbImage> {
  const known = decoded.get(index);
  if (known) return known;
  const image = await decodePicture(start.images[index]);
  // Keep the first ones that fit: every face is visited equally often, so replacing one by another gains nothing.
  if (decodedBytes + image.data.length <= start.cacheBytes) {
    decoded.set(index, image);
    decodedBytes += image.data.length;
  }
  return image;
}

class Undecodable extends Error {
  constructor(readonly index: number, reason: string) {
    super(reason);
  }
}
