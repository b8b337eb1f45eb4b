/** Sinkhorn and Knopp's iteration: assigns rows to columns so that all columns are used alike (SwAV's codes, Eq. 3). */
import { type Tensor2D, tf } from "../engine/backend.ts";

/**
 * Codes of rows: shares that sum to 1 in each row, and nearly alike over the columns.
 * @param scores of samples with prototypes [N, K]
 * @param used 1 for a sample that counts, 0 for one that is not there yet [N, 1]; all count unless given
 * @param epsilon how soft the codes are; @param iterations SwAV: 3
 */
export function sinkhorn(scores: Tensor2D, epsilon: number, iterations: number, used?: Tensor2D): Tensor2D {
  // A factor common to all entries is undone by the first division: the greatest one keeps exp() finite.
  let codes = tf.exp(tf.div(tf.sub(scores, tf.max(scores)), epsilon)) as Tensor2D;
  if (used) codes = tf.mul(codes, used);
  for (let i = 0; i < iterations; i++) {
    codes = tf.div(codes, tf.maximum(tf.sum(codes, 0, true), TINY)); // every prototype has the same sum
    codes = tf.div(codes, tf.maximum(tf.sum(codes, 1, true), TINY)); // every sample, too
  }
  return codes;
}

/** Below all sums but those of samples that are not there, and of prototypes that nobody comes near to. */
const TINY = 1e-30;
