/** Contrast within the batch: SimCLR's loss, and SupCon's, which differ in who is a positive of whom. */
import { type Scalar, type Tensor2D, tf } from "../engine/backend.ts";

/** A logit so low that it adds nothing to any sum of exponentials. */
const NEVER = -1e9;

/** The two halves of the loss, means over the anchors: `pull` to the positives, `push` from all others. */
export interface InBatchLoss {
  loss: Scalar;
  /** -1/|P| sum of s(i, p) / tau over the positives p. */
  pull: Scalar;
  /** ln sum of exp(s(i, j) / tau) over all j but i itself. */
  push: Scalar;
}

/**
 * Mean over anchors i of -1/|P(i)| sum over p in P(i) of ln [exp(s(i, p)/tau) / sum over j != i of exp(s(i, j)/tau)].
 * @param anchors unit vectors [M, D]
 * @param all unit vectors that they are compared with, the anchors among them [N, D]
 * @param self 1 where a column is the anchor itself [M, N]
 * @param positives 1 where a column is a positive of the anchor, at least once a row [M, N]
 */
export function inBatchLoss(
  anchors: Tensor2D,
  all: Tensor2D,
  { self, positives, temperature }: { self: Tensor2D; positives: Tensor2D; temperature: number },
): InBatchLoss {
  const logits = tf.div(tf.matMul(anchors, all, false, true), temperature);
  const push = tf.mean(tf.logSumExp(tf.add(logits, tf.mul(self, NEVER)), 1)) as Scalar;
  const count = tf.sum(positives, 1);
  const pull = tf.neg(tf.mean(tf.div(tf.sum(tf.mul(positives, logits), 1), count))) as Scalar;
  return { loss: tf.add(pull, push), pull, push };
}
