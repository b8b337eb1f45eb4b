/** What methods on two views of a face have in common: backbone and heads under one name each, masks of who is who. */
import { type Scalar, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import { gatherRows, type Ranks } from "../engine/collective.ts";
import type { StateTensors } from "../engine/state_values.ts";
import type { descend, Descent, Trained } from "../nets/descent.ts";
import { type Head, initHead, runHead } from "../nets/heads.ts";
import { zerosLike } from "../nets/optimizer.ts";
import {
  type Architecture,
  type BatchStatistics,
  initResNet,
  initRunningStatistics,
  resnet,
  type Weights,
} from "../nets/resnet.ts";
import { stopGradient } from "../nets/stop_gradient.ts";
import { byWholeBatch } from "../nets/synced_batch_norm.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import type { RunSettings, StepResult, Term, ViewFeeds } from "./method.ts";

/** A fresh backbone with heads, each from a random stream of its own, and `more` weights beside them. */
export function initTrained(
  architecture: Architecture & { seed: number },
  heads: readonly Head[],
  more: Weights = {},
): Trained {
  const { seed } = architecture;
  const weights = {
    ...initResNet(architecture, randomStream(seed, PURPOSE.weights)),
    ...Object.assign(
      {},
      ...heads.map((head, i) => initHead(head, randomStream(seed, PURPOSE.weights, 1 + i))),
    ),
    ...more,
  };
  return { weights, statistics: initRunningStatistics(architecture), velocity: zerosLike(weights) };
}

/** Images [B, S, S, 3] through the backbone to features [B, F], normalised over the batch of all ranks. */
export function runBackbone(
  weights: Weights,
  images: Tensor4D,
  architecture: Architecture,
  ranks?: Ranks,
  kept?: BatchStatistics,
): Tensor2D {
  return resnet(weights, images, architecture, byWholeBatch(weights, ranks, kept));
}

/** Features through a head, normalised over the batch of all ranks. */
export function runHeadOf(head: Head, weights: Weights, x: Tensor2D, ranks?: Ranks): Tensor2D {
  return runHead(head, weights, x, (norms) => byWholeBatch(norms, ranks));
}

/** The groups of a state that descent moves, and no more: a step that returns others would be refused. */
export function trainedOf({ weights, statistics, velocity }: Trained): Trained & StateTensors {
  return { weights, statistics, velocity };
}

/** How every method descends: by the rate of the step, and SGD's two settings of the run. */
export function descentOf(
  { learningRate }: Pick<ViewFeeds, "learningRate">,
  { sgdMomentum, weightDecay }: Pick<RunSettings, "sgdMomentum" | "weightDecay">,
  ranks?: Ranks,
): Descent {
  return { learningRate, momentum: sgdMomentum, weightDecay, ranks };
}

/** The result of a step after which nothing but descent has changed the state. */
export function resultOf(descent: ReturnType<typeof descend<string>>): StepResult {
  return { state: trainedOf(descent), losses: descent.losses };
}

/** `spreadOf` as a term. */
export const SPREAD: Term = {
  name: "spread",
  short: "spr",
  meaning: "spread of unit embeddings (near 1 healthy, 0 collapsed)",
  kind: "measure",
};

/**
 * Mean deviation of unit rows [B, D] in a channel, times the root of D: near 1 where they spread over the sphere, 0
 * where all faces have come to the same point.
 */
export function spreadOf(unit: Tensor2D, ranks?: Ranks): Scalar {
  const own = stopGradient(unit);
  const { variance } = tf.moments(ranks ? gatherRows(own, ranks) : own, 0);
  return tf.mul(tf.mean(tf.sqrt(variance)), Math.sqrt(unit.shape[1]));
}

/**
 * Who is who among 2B views (first all of view Q, then all of view K) of each of the ranks, for the anchors of this one.
 * @returns `self` and `other`, the same face's other view, both [2B, N * 2B]
 */
export function viewMasks(
  batch: number,
  { rank, size }: Pick<Ranks, "rank" | "size"> = { rank: 0, size: 1 },
) {
  const columns = 2 * batch * size;
  const mask = (columnOf: (row: number) => number) => {
    const values = new Float32Array(2 * batch * columns);
    for (let row = 0; row < 2 * batch; row++) values[row * columns + 2 * batch * rank + columnOf(row)] = 1;
    return tf.tensor2d(values, [2 * batch, columns]);
  };
  return { self: mask((row) => row), other: mask((row) => (row + batch) % (2 * batch)) };
}
