/** One training step of any detector: its loss, AdamW, running statistics. Pure, so it runs eagerly or is traced. */
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from "../engine/backend.ts";
import { adamW, zerosLike } from "../nets/optimizer.ts";
import { type BatchStatistics, updateRunningStatistics, type Weights } from "../nets/resnet.ts";
import type { Detector, DetectorLabels, DetectorOutputs, DetectorShape } from "./detector.ts";
import type { Layers } from "./layers.ts";
import { type Plan, planOf } from "./plan.ts";
import { tensorLayers } from "./tensor_layers.ts";

/** State of a step, by its names in a checkpoint. */
export type DetectorState = {
  weights: Weights;
  /** Running statistics, and what the detector has taken from the training labels. */
  statistics: Weights;
  /** AdamW's moments. */
  first: Weights;
  second: Weights;
};

/** What a step is fed; B batch, S side. */
export type DetectorFeeds = DetectorLabels & {
  /** Views [B, S, S, 3], normalised. */
  images: Tensor4D;
  learningRate: Scalar;
  /** AdamW's bias corrections of this step. */
  firstCorrection: Scalar;
  secondCorrection: Scalar;
  /** What dropout draws from, int32 [2]; absent: nothing is dropped. */
  dropoutSeed?: Tensor1D;
};

/** What a detector of a shape is made of. */
export function planDetector(detector: Detector, shape: DetectorShape): Plan {
  const { imageSize } = shape;
  return planOf((l) => forward(l, detector, { images: [imageSize, imageSize, 3], points: [68, 2] }, shape));
}

/** A state that starts at the given weights. */
export function detectorState(weights: Weights, statistics: Weights): DetectorState {
  return { weights, statistics, first: zerosLike(weights), second: zerosLike(weights) };
}

/** One step. */
export function detectorStep(
  state: DetectorState,
  feeds: DetectorFeeds,
  detector: Detector,
  shape: DetectorShape,
  weightDecay: number,
): { state: DetectorState; losses: { [name: string]: Scalar } } {
  const collected: BatchStatistics = new Map();
  const names = Object.keys(state.weights);
  const parts: { [name: string]: Scalar } = {};
  const objective = (...tensors: Tensor[]) => {
    const weights: Weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    const training = { collected, dropoutSeed: feeds.dropoutSeed };
    const l = tensorLayers({ weights, statistics: state.statistics, training });
    const losses = detector.losses(forward(l, detector, feeds, shape), feeds, shape);
    for (const [name, loss] of Object.entries(losses)) parts[name] = tf.keep(loss);
    return tf.addN(Object.values(losses)) as Scalar;
  };
  const { value, grads } = tf.valueAndGrads(objective)(names.map((name) => state.weights[name]));
  const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i] as Tensor]));
  const corrections = { first: feeds.firstCorrection, second: feeds.secondCorrection };
  const moments = { first: state.first, second: state.second };
  const next = adamW(state.weights, moments, gradients, feeds.learningRate, corrections, weightDecay);
  const kept = Object.fromEntries(
    Object.entries(state.statistics).map(([name, value]) => [name, tf.clone(value)]),
  );
  const statistics = { ...kept, ...updateRunningStatistics(state.statistics, collected) };
  for (const { mean, variance } of collected.values()) tf.dispose([mean, variance]);
  // tf.keep carried these out of the differentiated function; as clones they belong to the caller's tidy again.
  const entries = Object.entries(parts);
  const losses = entries.length > 1
    ? Object.fromEntries(entries.map(([name, part]) => [`${name}Loss`, tf.clone(part)]))
    : {};
  tf.dispose(parts);
  return {
    state: { weights: next.weights, statistics, ...next.moments },
    losses: { loss: value as Scalar, ...losses },
  };
}

/** A detector at rest on views. */
export function runDetector(
  detector: Detector,
  shape: DetectorShape,
  { weights, statistics }: Pick<DetectorState, "weights" | "statistics">,
  inputs: { images: Tensor4D; points?: Tensor3D },
): DetectorOutputs<Tensor> {
  return forward<Tensor>(tensorLayers({ weights, statistics }), detector, inputs, shape);
}

function forward<X>(
  l: Layers<X>,
  detector: Detector,
  { images, points }: { images: X; points?: X },
  shape: DetectorShape,
): DetectorOutputs<X> {
  return detector.forward(l, { image: images, points }, shape);
}
