/** FAb-Net's curriculum: of a batch only those samples are learnt from that are neither too easy nor too hard yet. */
import { type Scalar, type Tensor1D, type Tensor2D, tf } from "../engine/backend.ts";
import { gatherRows, type Ranks } from "../engine/collective.ts";
import { stopGradient } from "./stop_gradient.ts";

/** The part of a batch that is learnt from, as shares of it in the order of their losses, the least one first. */
export interface CurriculumFeeds {
  from: Scalar;
  to: Scalar;
}

/**
 * Mean of the losses whose place in their order lies in [from, to) of the batch; all ranks' samples are put in order
 * together. Equal losses share the lowest of their places.
 * @param losses one a sample [B]
 */
export function curriculumMean(losses: Tensor1D, { from, to }: CurriculumFeeds, ranks?: Ranks): Scalar {
  const own = stopGradient(losses);
  const all = ranks ? gatherRows(own, ranks) : own;
  const isLess = tf.less(tf.expandDims(all, 0), tf.expandDims(own, 1)) as Tensor2D; // [B, all]
  const place = tf.div(tf.sum(tf.cast(isLess, "float32"), 1), all.shape[0]);
  const chosen = tf.mul(
    tf.cast(tf.greaterEqual(place, from), "float32"),
    tf.cast(tf.less(place, to), "float32"),
  );
  const count = ranks ? tf.div(ranks.sum(tf.sum(chosen)), ranks.size) : tf.sum(chosen);
  return tf.div(tf.sum(tf.mul(losses, chosen)), tf.maximum(count, 1 / (ranks?.size ?? 1)));
}

/** Shares at a step: at first the easier half, then by each fifth of the run a tenth on. */
export function curriculumAt(step: number, steps: number): { from: number; to: number } {
  const fifth = Math.floor(5 * step / steps);
  return { from: fifth / 10, to: (5 + fifth) / 10 };
}
