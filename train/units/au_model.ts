/**
 * The action-unit model: a pretrained backbone and one fully connected layer with sigmoid (paper, IV-C).
 *
 * The room `units`: action-unit training, from a pretrained backbone to a model that is kept and exported; it imports
 * everything but pretraining.
 *
 * `linear` fits that layer on frozen features; `finetune` trains the whole network with the step of this file.
 */
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../engine/backend.ts";
import { linear, project } from "../nets/encoder.ts";
import { type Backbone, extractFeatures, takeValues } from "./features.ts";
import { classify, type LinearClassifier } from "./linear_probe.ts";
import { actionUnitLoss } from "../nets/losses.ts";
import { adamW, zerosLike } from "../nets/optimizer.ts";
import {
  type Architecture,
  type BatchStatistics,
  byBatch,
  resnet,
  updateRunningStatistics,
  type Weights,
} from "../nets/resnet.ts";
import type { ViewLoader } from "../input/views.ts";

/** State of a finetuning step, by its names in a checkpoint. */
export type AuState = {
  /** Backbone, `au.weight` [F, A] and `au.bias` [A]. */
  weights: Weights;
  statistics: Weights;
  /** AdamW's moments. */
  first: Weights;
  second: Weights;
};

/** What a finetuning step is fed; B batch, S side, A action units. */
export type AuFeeds = {
  /** Views [B, S, S, 3], normalised. */
  images: Tensor4D;
  /** Occurrence, 0 or 1, or intensity as a share of the full one; and whether it is labelled, 0 or 1; [B, A]. */
  present: Tensor2D;
  labelled: Tensor2D;
  /** Weight of every unit's loss term [A]. */
  unitWeights: Tensor1D;
  learningRate: Scalar;
  /** AdamW's bias corrections of this step. */
  firstCorrection: Scalar;
  secondCorrection: Scalar;
};

/** Choices of a finetuning step. */
export interface AuMethod extends Architecture {
  weightDecay: number;
}

/**
 * A state that starts at the given backbone and classifier.
 * @param classifier absent: one that answers 1/2 to everything
 */
export function initAuState(
  backbone: Pick<Backbone, "weights" | "statistics">,
  features: number,
  units: number,
  classifier?: LinearClassifier,
): AuState {
  const weights = {
    ...backbone.weights,
    "au.weight": classifier ? tf.tensor2d(classifier.weight, [features, units]) : tf.zeros([features, units]),
    "au.bias": classifier ? tf.tensor1d(classifier.bias) : tf.zeros([units]),
  };
  return { weights, statistics: backbone.statistics, first: zerosLike(weights), second: zerosLike(weights) };
}

/** One finetuning step: all weights by AdamW, batch norm by the batch. Pure, so it runs eagerly or is traced. */
export function finetuneStep(
  state: AuState,
  feeds: AuFeeds,
  method: AuMethod,
): { state: AuState; losses: { loss: Scalar } } {
  const batchStatistics: BatchStatistics = new Map();
  const names = Object.keys(state.weights);
  const objective = (...tensors: Tensor[]) => {
    const now: Weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    const logits = linear(now, "au", resnet(now, feeds.images, method, byBatch(now, batchStatistics)));
    return actionUnitLoss(logits, feeds.present, feeds.labelled, feeds.unitWeights);
  };
  const { value, grads } = tf.valueAndGrads(objective)(names.map((name) => state.weights[name]));
  const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i] as Tensor]));
  const corrections = { first: feeds.firstCorrection, second: feeds.secondCorrection };
  const moments = { first: state.first, second: state.second };
  const next = adamW(state.weights, moments, gradients, feeds.learningRate, corrections, method.weightDecay);
  const statistics = updateRunningStatistics(state.statistics, batchStatistics);
  for (const { mean, variance } of batchStatistics.values()) tf.dispose([mean, variance]);
  return { state: { weights: next.weights, statistics, ...next.moments }, losses: { loss: value as Scalar } };
}

/** An action-unit model at rest. */
export interface AuModel {
  backbone: Backbone;
  classifier: LinearClassifier;
  aus: readonly number[];
  /** Projection head and emotion classifier, where the backbone is still the one they were trained on. */
  emotionHead?: Weights;
}

/** What a model says of faces: probabilities [N, A], features [N, F], emotions [N, C] where the model has them. */
export interface Predictions {
  probabilities: Float32Array<ArrayBuffer>;
  features: Float32Array<ArrayBuffer>;
  emotions?: Float32Array<ArrayBuffer>;
}

/** The model's predictions for the loader's faces at `indices`, row by row. */
export async function predict(
  model: AuModel,
  loader: ViewLoader,
  indices: Int32Array,
  onProgress?: (done: number) => void,
): Promise<Predictions> {
  const features = await extractFeatures(model.backbone, loader, indices, onProgress);
  const emotions = model.emotionHead && classifyEmotions(model.emotionHead, features, indices.length);
  return { probabilities: classify(model.classifier, features), features, emotions };
}

/** Softmax of W q through the projection head: the pretrained emotion classifier, Eq. 2. [N, C] */
export function classifyEmotions(
  head: Weights,
  features: Float32Array,
  count: number,
): Float32Array<ArrayBuffer> {
  return takeValues(tf.tidy(() => {
    const query = project(head, tf.tensor2d(features, [count, features.length / count]));
    const logits = tf.matMul(query, head["classifier.weight"] as Tensor2D, false, true);
    return tf.softmax(logits);
  }));
}
