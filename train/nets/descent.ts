/**
 * The middle of every method's step: the gradient of its objective, the mean over ranks, SGD, and the running
 * statistics that inference will use.
 */
import { type Scalar, type Tensor, tf } from "../engine/backend.ts";
import { meanOverRanks, type Ranks } from "../engine/collective.ts";
import { sgd } from "./optimizer.ts";
import { type BatchStatistics, updateRunningStatistics, type Weights } from "./resnet.ts";

/** The groups of a state that descent moves. */
export type Trained = {
  /** What gradients move: the backbone by torchvision's names, and whatever heads a method has. */
  weights: Weights;
  /** Running batch-norm statistics of the backbone: heads are dropped after pretraining, so theirs are not kept. */
  statistics: Weights;
  /** SGD's velocity, one a weight. */
  velocity: Weights;
};

/** What an objective gives back. */
export interface Outcome<Term extends string, Carried extends string> {
  /** What is minimised: a mean over this rank's part of the batch. */
  loss: Scalar;
  /** Numbers to be reported beside it, means over the same part. */
  terms: { [name in Term]: Scalar };
  /** Tensors that the step needs afterwards, such as keys for a queue; they stay this rank's own. */
  carried?: { [name in Carried]: Tensor };
}

/** How a step descends. */
export interface Descent {
  learningRate: Scalar;
  /** Momentum of SGD. */
  momentum: number;
  weightDecay: number;
  /** Weights that the objective depends on, all unless given: tfjs refuses a gradient by one that it does not reach. */
  reaches?: (name: string) => boolean;
  /** Weights that decay, all unless given. */
  decays?: (name: string) => boolean;
  /** Another learning rate for some weights. */
  rateOf?: (name: string) => Scalar | undefined;
  ranks?: Ranks;
}

/**
 * One step of descent.
 * @param objective is handed the weights to differentiate by, and where each pass through the backbone leaves its batch
 *   statistics: passes are counted from 0, in the order in which running statistics take them in
 */
export function descend<Term extends string, Carried extends string = never>(
  { weights, statistics, velocity }: Trained,
  objective: (now: Weights, kept: (pass?: number) => BatchStatistics) => Outcome<Term, Carried>,
  { learningRate, momentum, weightDecay, reaches = () => true, decays, rateOf, ranks }: Descent,
): Trained & {
  losses: { loss: Scalar } & { [name in Term]: Scalar };
  carried: { [name in Carried]: Tensor };
} {
  const passes: BatchStatistics[] = [];
  const terms: [string, Scalar][] = [], carried: [string, Tensor][] = [];
  const names = Object.keys(weights).filter(reaches);
  const differentiated = (...tensors: Tensor[]) => {
    const now: Weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    const outcome = objective(now, (pass = 0) => passes[pass] ??= new Map());
    for (const [name, term] of Object.entries<Scalar>(outcome.terms)) terms.push([name, tf.keep(term)]);
    for (const [name, tensor] of Object.entries<Tensor>(outcome.carried ?? {})) {
      carried.push([name, tf.keep(tensor)]);
    }
    return outcome.loss;
  };
  const { value, grads } = tf.valueAndGrads(differentiated)(names.map((name) => weights[name]));
  // Losses are means over a batch, and ranks have equal parts of it.
  const own = [value, ...terms.map(([, term]) => term), ...grads];
  const [loss, ...averaged] = ranks ? meanOverRanks(own, ranks) : own;
  const gradients = Object.fromEntries(
    names.map((name, i) => [name, averaged[terms.length + i] as Tensor | undefined]),
  );
  const updated = sgd(weights, velocity, gradients, learningRate, { momentum, weightDecay, decays, rateOf });
  const next = passes.reduce(updateRunningStatistics, statistics);

  // tf.keep carried these out of the differentiated function; as clones they belong to the caller's tidy again.
  const losses = { loss, ...Object.fromEntries(terms.map(([name], i) => [name, tf.clone(averaged[i])])) };
  const results = Object.fromEntries(carried.map(([name, tensor]) => [name, tf.clone(tensor)]));
  for (const [, tensor] of [...terms, ...carried]) tensor.dispose();
  for (const pass of passes) for (const { mean, variance } of pass.values()) tf.dispose([mean, variance]);
  return {
    ...updated,
    statistics: next,
    losses: losses as { loss: Scalar } & { [name in Term]: Scalar },
    carried: results as { [name in Carried]: Tensor },
  };
}
