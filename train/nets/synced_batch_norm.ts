/** Batch norm over the batch of all ranks, forward and backward (paper, IV-B: synchronised over devices). */
import { gatherRows, type Ranks } from "../engine/collective.ts";
import { rawOp, type Tensor, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import {
  BATCH_NORM_EPSILON,
  type BatchStatistics,
  byBatch,
  type Normalize,
  normAttributes,
  type Weights,
} from "./resnet.ts";

/**
 * Batch norm by the statistics of the whole batch, of which every rank has an equal part. The statistics are kept in
 * `collected` when it is given (the caller disposes).
 *
 * Its gradient is that of the sum of all ranks' losses: each rank's `x` moves the statistics that all others use.
 */
export function bySyncedBatch(weights: Weights, ranks: Ranks, collected?: BatchStatistics): Normalize {
  return (x, layer) => {
    const normalize = tf.customGrad((...inputs) => {
      const [x, scale, offset, save] = inputs as [Tensor4D, Tensor1D, Tensor1D, (tensors: Tensor[]) => void];
      const count = ranks.size * x.size / scale.size; // values a channel, over all ranks
      const { mean, variance } = synchronise(x, ranks);
      if (collected) {
        const unbiased = tf.mul(variance, count / (count - 1)) as Tensor1D;
        collected.set(layer, { mean: tf.keep(tf.clone(mean)), variance: tf.keep(unbiased) });
      }
      save([x, scale, mean, variance]);
      const gradFunc = (dy: Tensor, saved: Tensor[]) => {
        const [x, scale, mean, variance] = saved as [Tensor4D, Tensor1D, Tensor1D, Tensor1D];
        // With constant statistics dx is dy times scale / deviation, and the other two are sums over this rank's part.
        const operands = [dy, x, scale, mean, variance, tf.tensor1d([])];
        const [dx, dScale, dOffset] = rawOp("FusedBatchNormGradV3", normAttributes(false), operands, 5);
        // Through the statistics comes the share -scale / deviation (mean(dy) + x^ mean(dy x^)), means over all ranks:
        // again a batch norm of x, with another scale and offset.
        const sums = ranks.sum(tf.stack([dScale, dOffset]));
        const perDeviation = tf.div(scale, tf.mul(tf.sqrt(tf.add(variance, BATCH_NORM_EPSILON)), -count));
        const [shareScale, shareOffset] = tf.unstack(tf.mul(sums, perDeviation)) as Tensor1D[];
        return [tf.add(dx, apply(x, shareScale, shareOffset, mean, variance)), dScale, dOffset];
      };
      return { value: apply(x, scale, offset, mean, variance), gradFunc };
    });
    return normalize(x, weights[`${layer}.weight`], weights[`${layer}.bias`]) as Tensor4D;
  };
}

/** Batch norm over the whole batch, of however many ranks. */
export function byWholeBatch(weights: Weights, ranks?: Ranks, collected?: BatchStatistics): Normalize {
  return ranks ? bySyncedBatch(weights, ranks, collected) : byBatch(weights, collected);
}

/** Mean and biased variance over the parts of all ranks, from those of each part. */
function synchronise(x: Tensor4D, ranks: Ranks): { mean: Tensor1D; variance: Tensor1D } {
  const channels = x.shape[3], count = x.size / channels;
  const unit = [tf.ones([channels]), tf.zeros([channels]), tf.tensor1d([]), tf.tensor1d([])];
  const [, partMean, partVariance] = rawOp("FusedBatchNormV3", normAttributes(true), [x, ...unit], 6);
  const biased = tf.mul(partVariance, (count - 1) / count);
  const own = tf.expandDims(tf.stack([partMean, biased]), 0);
  const [means, variances] = tf.unstack(gatherRows(own, ranks), 1) as Tensor2D[]; // [N, channels]
  const mean = tf.mean(means, 0) as Tensor1D;
  // A difference of means: a difference of mean squares would lose what the two have in common.
  const variance = tf.mean(tf.add(variances, tf.squaredDifference(means, mean)), 0) as Tensor1D;
  return { mean, variance };
}

/** (x - mean) / deviation * scale + offset */
function apply(x: Tensor4D, ...perChannel: [Tensor1D, Tensor1D, Tensor1D, Tensor1D]): Tensor4D {
  return rawOp("FusedBatchNormV3", normAttributes(false), [x, ...perChannel], 6)[0] as Tensor4D;
}
