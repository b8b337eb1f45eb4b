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
import { type DetectorModel, predictByDetector } from "./detector_model.ts";
import { GEOMETRY, type GeometryPart, geometryStart } from "./face_geometry.ts";
import {
  geometryFrom,
  hasHeads,
  type HeadFeeds,
  headLosses,
  type HeadWeights,
  NO_HEADS,
  weighted,
} from "./face_heads.ts";
import { type Backbone, takeValues } from "./features.ts";
import { classify, type LinearClassifier } from "./linear_probe.ts";
import { actionUnitLoss } from "../nets/losses.ts";
import { adamW, zerosLike } from "../nets/optimizer.ts";
import {
  type Architecture,
  type BatchStatistics,
  byBatch,
  byRunning,
  featureMap,
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
export type AuFeeds = Partial<HeadFeeds> & {
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
export interface AuMethod extends Architecture, Partial<HeadWeights> {
  weightDecay: number;
}

/**
 * A state that starts at the given backbone, heads and classifier.
 * @param classifier absent: one that answers 1/2 to everything
 * @param heads weights of the heads that are learnt beside the units, see `initHeads`
 */
export function initAuState(
  backbone: Pick<Backbone, "weights" | "statistics">,
  features: number,
  units: number,
  classifier?: LinearClassifier,
  heads: Weights = {},
): AuState {
  const weights = {
    ...backbone.weights,
    ...heads,
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
): { state: AuState; losses: { [name: string]: Scalar } } {
  const batchStatistics: BatchStatistics = new Map();
  const names = Object.keys(state.weights);
  const weights = { ...NO_HEADS, ...method };
  const parts: { [name: string]: Scalar } = {};
  const objective = (...tensors: Tensor[]) => {
    const now: Weights = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
    const map = featureMap(now, feeds.images, method, byBatch(now, batchStatistics));
    const pooled = tf.mean(map, [1, 2]) as Tensor2D;
    const unitLoss = actionUnitLoss(
      linear(now, "au", pooled),
      feeds.present,
      feeds.labelled,
      feeds.unitWeights,
    );
    if (!hasHeads(weights)) return unitLoss;
    const others = headLosses(now, { map, pooled }, feeds as HeadFeeds, weights);
    for (const [name, loss] of Object.entries({ units: unitLoss, ...others })) parts[name] = tf.keep(loss);
    return tf.addN([unitLoss, ...weighted(others, weights)]) as Scalar;
  };
  const { value, grads } = tf.valueAndGrads(objective)(names.map((name) => state.weights[name]));
  const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i] as Tensor]));
  const corrections = { first: feeds.firstCorrection, second: feeds.secondCorrection };
  const moments = { first: state.first, second: state.second };
  const next = adamW(state.weights, moments, gradients, feeds.learningRate, corrections, method.weightDecay);
  const statistics = updateRunningStatistics(state.statistics, batchStatistics);
  for (const { mean, variance } of batchStatistics.values()) tf.dispose([mean, variance]);
  // tf.keep carried these out of the differentiated function; as clones they belong to the caller's tidy again.
  const losses = Object.fromEntries(
    Object.entries(parts).map(([name, part]) => [`${name}Loss`, tf.clone(part)]),
  );
  tf.dispose(parts);
  return {
    state: { weights: next.weights, statistics, ...next.moments },
    losses: { loss: value as Scalar, ...losses },
  };
}

/** An action-unit model at rest. */
export interface AuModel {
  /** Present: the backbone's weights are this supervised detector's, and the classifier is empty. */
  detector?: DetectorModel;
  backbone: Backbone;
  classifier: LinearClassifier;
  aus: readonly number[];
  /** Projection head and emotion classifier, where the backbone is still the one they were trained on. */
  emotionHead?: Weights;
  /** Layers of the other heads, `geometry` and `visible`, and the parts of the geometry that were learnt. */
  heads?: Weights;
  parts?: readonly GeometryPart[];
}

/** Frees a model's tensors. */
export function disposeModel({ backbone, emotionHead, heads }: AuModel): void {
  tf.dispose([backbone.weights, backbone.statistics, emotionHead ?? {}, heads ?? {}]);
}

/** Names of the outputs that a model has beside probabilities, features and emotions, in the card's order. */
export function outputNames({ heads, parts = [] }: AuModel): (GeometryPart | "visible")[] {
  return [...parts, ...(heads?.["visible.weight"] ? ["visible" as const] : [])];
}

/** What a model says of faces, row by row; all but the first two only where the model has it. */
export type Predictions = {
  /** [N, A] */
  probabilities: Float32Array<ArrayBuffer>;
  /** [N, F] */
  features: Float32Array<ArrayBuffer>;
  /** [N, C] */
  emotions?: Float32Array<ArrayBuffer>;
  /** Whether each unit can be seen, [N, A]. */
  visible?: Float32Array<ArrayBuffer>;
} & { [part in GeometryPart]?: Float32Array<ArrayBuffer> };

/**
 * The model's predictions for the loader's faces at `indices`, row by row.
 * @param points of these faces, for a detector that needs them, in place of their lines' (see `predictByDetector`)
 */
export async function predict(
  model: AuModel,
  loader: ViewLoader,
  indices: Int32Array,
  onProgress: (done: number) => void = () => {},
  points?: Float32Array,
): Promise<Predictions> {
  if (model.detector) {
    return await predictByDetector(model.detector, model.backbone, loader, indices, onProgress, points);
  }
  const { size } = loader.options;
  const rows: { [output: string]: Float32Array[] } = {};
  let done = 0;
  for await (const { indices: part, viewQ } of loader.plainViews(indices)) {
    const outputs = tf.tidy(() => readImages(model, tf.tensor4d(viewQ, [part.length, size, size, 3])));
    for (const [name, tensor] of Object.entries(outputs)) (rows[name] ??= []).push(takeValues(tensor));
    done += part.length;
    onProgress(done);
  }
  const joined = Object.fromEntries(
    Object.entries(rows).map(([name, parts]) => [name, joinRows(parts)]),
  ) as Omit<Predictions, "probabilities">;
  return { probabilities: classify(model.classifier, joined.features), ...joined };
}

/** What a model says of images [N, S, S, 3] but the units' probabilities, by the names of `Predictions`; to be tidied. */
export function readImages(
  { backbone, emotionHead, heads, parts = [] }: AuModel,
  images: Tensor4D,
): { [name: string]: Tensor } {
  const { architecture, weights, statistics } = backbone;
  const map = featureMap(weights, images, architecture, byRunning(weights, statistics));
  const features = tf.mean(map, [1, 2]) as Tensor2D;
  const outputs: { [name: string]: Tensor } = { features };
  if (emotionHead) {
    const logits = tf.matMul(
      project(emotionHead, features),
      emotionHead["classifier.weight"] as Tensor2D,
      false,
      true,
    );
    outputs.emotions = tf.softmax(logits);
  }
  if (heads?.["visible.weight"]) outputs.visible = tf.sigmoid(linear(heads, "visible", features));
  if (heads?.["geometry.weight"]) {
    const geometry = geometryFrom(heads, map);
    for (const part of parts) {
      const { count, unit } = GEOMETRY[part];
      outputs[part] = tf.mul(tf.slice(geometry, [0, geometryStart(part)], [-1, count]), unit);
    }
  }
  return outputs;
}

function joinRows(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
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
