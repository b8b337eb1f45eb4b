/** A linear classifier of action units on fixed features: the linear protocol's model, and the probe during pretraining. */
import { type Scalar, type Tensor1D, type Tensor2D, tf } from "../engine/backend.ts";
import { takeValues } from "./features.ts";
import { actionUnitLoss } from "../nets/losses.ts";
import { adamW, biasCorrections, cosine, zerosLike } from "../nets/optimizer.ts";
import type { Label } from "../scores/metrics.ts";
import type { Share } from "../scores/target.ts";

/** One fully connected layer from features to logits. */
export interface LinearClassifier {
  /** [F, A], row by row. */
  weight: Float32Array<ArrayBuffer>;
  /** [A] */
  bias: Float32Array<ArrayBuffer>;
}

/** How a classifier is fitted. */
export interface FitOptions {
  learningRate: number;
  steps: number;
  weightDecay: number;
}

/** Enough for features of a few hundred columns to converge in a second or two. */
export const PROBE_FIT: FitOptions = { learningRate: 0.02, steps: 200, weightDecay: 1e-2 };

/**
 * Weights of the action units' loss terms, w_a = (1/r_a) / mean(1/r) with r the positive rate among labelled faces
 * (ME-GraphAU), or for intensity the mean share. A unit that never occurs gets the rate of one positive face.
 * @param power of the rate: 1 as there, 1/2 where units of a few faces in thousands would leave the others nothing
 */
export function unitWeights(
  labels: readonly (readonly (Label | Share)[])[],
  units: number,
  power = 1,
): Float32Array<ArrayBuffer> {
  const inverse = Float32Array.from({ length: units }, (_, a) => {
    let known = 0, sum = 0;
    for (const row of labels) {
      if (row[a] === undefined) continue;
      known++;
      sum += Number(row[a]);
    }
    return (known / Math.max(1, sum)) ** power;
  });
  const average = inverse.reduce((sum, value) => sum + value, 0) / units;
  return inverse.map((value) => value / average);
}

/**
 * Fits sigmoid(x W + b) to the labels by AdamW on the whole set, from zeros: no draw, so the same data give the same
 * classifier. Features are standardised by the training set, and that is folded into W and b afterwards.
 * @param features [N, F], row by row
 * @param labels N rows of A
 */
export function fitClassifier(
  features: Float32Array,
  labels: readonly (readonly (Label | Share)[])[],
  { learningRate, steps, weightDecay }: FitOptions,
): LinearClassifier {
  const count = labels.length, units = labels[0].length, columns = features.length / count;
  const { present, labelled } = labelTensors(labels);
  const { centre, spread, standard } = tf.tidy(() => {
    const x = tf.tensor2d(features, [count, columns]);
    const centre = tf.mean(x, 0, true);
    const deviation = tf.sub(x, centre);
    const spread = tf.sqrt(tf.add(tf.mean(tf.square(deviation), 0, true), 1e-8));
    return { centre, spread, standard: tf.div(deviation, spread) as Tensor2D };
  });
  const weights = tf.tensor1d(unitWeights(labels, units));
  let model = { weight: tf.zeros([columns, units]), bias: tf.zeros([units]) } as {
    weight: Tensor2D;
    bias: Tensor1D;
  };
  let moments = { first: zerosLike(model), second: zerosLike(model) };
  for (let step = 0; step < steps; step++) {
    const next = tf.tidy(() => {
      const objective = (weight: Tensor2D, bias: Tensor1D) =>
        actionUnitLoss(tf.add(tf.matMul(standard, weight), bias), present, labelled, weights);
      const { grads } = tf.valueAndGrads((...tensors) =>
        objective(tensors[0] as Tensor2D, tensors[1] as Tensor1D)
      )(
        [model.weight, model.bias],
      );
      const { first, second } = biasCorrections(step + 1);
      const rate = tf.scalar(cosine(learningRate, step, steps)) as Scalar;
      const corrections = { first: tf.scalar(first), second: tf.scalar(second) };
      return adamW(model, moments, { weight: grads[0], bias: grads[1] }, rate, corrections, weightDecay);
    });
    tf.dispose([model.weight, model.bias, ...Object.values(moments.first), ...Object.values(moments.second)]);
    model = next.weights as typeof model;
    moments = next.moments as typeof moments;
  }
  const folded = tf.tidy(() => {
    const weight = tf.div(model.weight, tf.transpose(spread));
    const bias = tf.sub(model.bias, tf.squeeze(tf.matMul(centre, weight), [0]));
    return { weight, bias };
  });
  tf.dispose([centre, spread, standard, weights, present, labelled, model.weight, model.bias]);
  tf.dispose([...Object.values(moments.first), ...Object.values(moments.second)]);
  return { weight: takeValues(folded.weight), bias: takeValues(folded.bias) };
}

/** Probabilities [N, A], row by row. */
export function classify(
  { weight, bias }: LinearClassifier,
  features: Float32Array,
): Float32Array<ArrayBuffer> {
  const units = bias.length, columns = weight.length / units;
  return takeValues(tf.tidy(() => {
    const x = tf.tensor2d(features, [features.length / columns, columns]);
    return tf.sigmoid(tf.add(tf.matMul(x, tf.tensor2d(weight, [columns, units])), tf.tensor1d(bias)));
  }));
}

/** Labels as tensors [N, A]: 1 where present or the share that it is present to, and 1 where labelled at all. */
export function labelTensors(
  labels: readonly (readonly (Label | Share)[])[],
): { present: Tensor2D; labelled: Tensor2D } {
  const shape: [number, number] = [labels.length, labels[0].length];
  const cells = labels.flat();
  return {
    present: tf.tensor2d(Float32Array.from(cells, (label) => Number(label ?? 0)), shape),
    labelled: tf.tensor2d(Float32Array.from(cells, (label) => Number(label !== undefined)), shape),
  };
}
