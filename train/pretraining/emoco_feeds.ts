/** What batches bring to EmoCo's step, with the shapes it declares. */
import type { Feeds } from "../emoco.ts";
import type { FeedValues } from "../engine/state_values.ts";

/** What one EmoCo step is fed, as batches bring it. */
export interface FeedArrays {
  /** Views [B, S, S, 3], normalised. */
  viewQ: Float32Array<ArrayBuffer>;
  viewK: Float32Array<ArrayBuffer>;
  /** Emotion of every face [B]. */
  emotions: Int32Array<ArrayBuffer>;
  /** See `QueueFeeds`. */
  rows: Int32Array<ArrayBuffer>;
  filled: Int32Array<ArrayBuffer>;
  learningRate: number;
  /** See `Feeds`. */
  keyOrder: Int32Array<ArrayBuffer>;
  keyOrderBack: Int32Array<ArrayBuffer>;
}

/** The feeds of `emoco.ts`'s step, with their shapes. */
export function emocoFeeds(arrays: FeedArrays): FeedValues<keyof Feeds> {
  const batch = arrays.emotions.length;
  const side = Math.round(Math.sqrt(arrays.viewQ.length / (3 * batch)));
  const list = (values: Int32Array<ArrayBuffer>) => ({ shape: [values.length], values });
  return {
    viewQ: { shape: [batch, side, side, 3], values: arrays.viewQ },
    viewK: { shape: [batch, side, side, 3], values: arrays.viewK },
    emotions: list(arrays.emotions),
    rows: list(arrays.rows),
    filled: list(arrays.filled),
    learningRate: { shape: [], values: Float32Array.of(arrays.learningRate) },
    keyOrder: list(arrays.keyOrder),
    keyOrderBack: list(arrays.keyOrderBack),
  };
}
