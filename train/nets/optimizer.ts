/**
 * Optimisers as pure functions of (weights, state, gradients, learning rate), and the cosine schedule.
 *
 * The learning rate is a tensor so that a traced step can be fed another one each time.
 */
import { type Scalar, type Tensor, tf } from "../engine/backend.ts";
import type { Weights } from "./resnet.ts";

/** Gradients by weight name; a weight the loss does not reach has none and stays as it is. */
export type Gradients = { [name: string]: Tensor | undefined };

/** Zeros shaped like the weights: the start of every optimiser state. */
export function zerosLike(weights: Weights): Weights {
  return mapWeights(weights, (weight) => tf.zerosLike(weight));
}

/**
 * SGD with momentum, weight decay added to the gradient (PyTorch's form, which MoCo uses):
 * v <- momentum v + g + decay theta, theta <- theta - lr v.
 */
export function sgd(
  weights: Weights,
  velocity: Weights,
  gradients: Gradients,
  learningRate: Scalar,
  { momentum, weightDecay, decays = () => true, rateOf = () => undefined }: {
    momentum: number;
    weightDecay: number;
    /** Weights that decay, all unless given. */
    decays?: (name: string) => boolean;
    /** Another learning rate for some weights. */
    rateOf?: (name: string) => Scalar | undefined;
  },
): { weights: Weights; velocity: Weights } {
  const nextVelocity = mapWeights(velocity, (old, name) => {
    const gradient = gradients[name];
    if (!gradient) return tf.clone(old);
    const kept = tf.mul(old, momentum);
    return decays(name)
      ? tf.addN([kept, gradient, tf.mul(weights[name], weightDecay)])
      : tf.add(kept, gradient);
  });
  const next = mapWeights(
    weights,
    (weight, name) =>
      gradients[name]
        ? tf.sub(weight, tf.mul(nextVelocity[name], rateOf(name) ?? learningRate))
        : tf.clone(weight),
  );
  return { weights: next, velocity: nextVelocity };
}

/** First and second moments of AdamW, each shaped like the weights. */
export type Moments = {
  first: Weights;
  second: Weights;
};

/**
 * AdamW (Loshchilov and Hutter, 2019): decoupled weight decay, beta 0.9 and 0.999, epsilon 1e-8 (PyTorch's defaults).
 * @param corrections 1 - beta1^t and 1 - beta2^t of step t = 1, 2, ..., as tensors
 */
export function adamW(
  weights: Weights,
  moments: Moments,
  gradients: Gradients,
  learningRate: Scalar,
  corrections: { first: Scalar; second: Scalar },
  weightDecay: number,
): { weights: Weights; moments: Moments } {
  const blend = (old: Weights, beta: number, of: (gradient: Tensor) => Tensor) =>
    mapWeights(old, (value, name) => {
      const gradient = gradients[name];
      return gradient ? tf.add(tf.mul(value, beta), tf.mul(of(gradient), 1 - beta)) : tf.clone(value);
    });
  const first = blend(moments.first, BETA_1, (gradient) => gradient);
  const second = blend(moments.second, BETA_2, tf.square);
  const next = mapWeights(weights, (weight, name) => {
    if (!gradients[name]) return tf.clone(weight);
    const deviation = tf.add(tf.sqrt(tf.div(second[name], corrections.second)), 1e-8);
    const direction = tf.div(tf.div(first[name], corrections.first), deviation);
    return tf.sub(weight, tf.mul(tf.add(direction, tf.mul(weight, weightDecay)), learningRate));
  });
  return { weights: next, moments: { first, second } };
}

/** AdamW's bias corrections at step t = 1, 2, ... */
export function biasCorrections(step: number): { first: number; second: number } {
  return { first: 1 - BETA_1 ** step, second: 1 - BETA_2 ** step };
}

/** Half a cosine from `base` at step 0 to 0 at `steps`. */
export function cosine(base: number, step: number, steps: number): number {
  return base * 0.5 * (1 + Math.cos(Math.PI * step / steps));
}

/** A new set of tensors under the same names. */
export function mapWeights(weights: Weights, of: (weight: Tensor, name: string) => Tensor): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, of(weight, name)]));
}

const BETA_1 = 0.9;
const BETA_2 = 0.999;
