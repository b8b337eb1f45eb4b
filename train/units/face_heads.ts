/**
 * What finetuning teaches a network beside action units, each head optional, each labelled cell masked by itself:
 * emotion (the paper's classifier, Eq. 2), geometry (see `face_geometry.ts`), and whether a unit can be seen.
 *
 * B batch, D embedding, C emotions, A action units, M = side * side * F numbers of the last feature map, G geometry.
 */
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import { initLinear, linear, project } from "../nets/encoder.ts";
import type { Weights } from "../nets/resnet.ts";
import { normal, type Random } from "../runs/random.ts";
import {
  GEOMETRY,
  GEOMETRY_PARTS,
  GEOMETRY_SIZE,
  type GeometryPart,
  geometryStart,
} from "./face_geometry.ts";

/** Weight of every head's loss beside the action units' 1; 0 leaves the head away. */
export interface HeadWeights {
  /** Emotion loss, Eq. 2. */
  emotionWeight: number;
  /** Mean distance of the points, in tenths of the crop's side. */
  pointsWeight: number;
  /** Of the angles, in 15 degrees. */
  poseWeight: number;
  /** In 10 degrees. */
  gazeWeight: number;
  /** In tenths of the eyes' distance. */
  opennessWeight: number;
  /** Cross-entropy of whether a unit can be seen. */
  visibleWeight: number;
}

/** Action units alone. */
export const NO_HEADS: HeadWeights = {
  emotionWeight: 0,
  pointsWeight: 0,
  poseWeight: 0,
  gazeWeight: 0,
  opennessWeight: 0,
  visibleWeight: 0,
};

/** What the heads are fed; `...Labelled` is 1 where the label exists, else 0. */
export type HeadFeeds = {
  /** The weight of each face's emotion in its column [B, C]; a row of zeros where unlabelled. */
  emotions: Tensor2D;
  /** [B, G], in training's units. */
  geometry: Tensor2D;
  geometryLabelled: Tensor2D;
  /** 1 where a unit can be seen [B, A]. */
  visible: Tensor2D;
  visibleLabelled: Tensor2D;
};

/** Parts of the geometry that a run learns. */
export function geometryParts(weights: HeadWeights): GeometryPart[] {
  return GEOMETRY_PARTS.filter((part) => weights[`${part}Weight`] > 0);
}

/** Whether any head beside the action units is learnt. */
export function hasHeads(weights: HeadWeights): boolean {
  return weights.emotionWeight > 0 || weights.visibleWeight > 0 || geometryParts(weights).length > 0;
}

/** Names of the emotion head's layers: the paper's projection head and classifier. */
export function isEmotionHead(name: string): boolean {
  return name.startsWith("projection.") || name.startsWith("classifier.");
}

/** Names of the other heads' layers. */
export function isFaceHead(name: string): boolean {
  return name.startsWith("geometry.") || name.startsWith("visible.");
}

/** What heads are started from. */
export interface HeadStart {
  /** Numbers of the last feature map, M; backbone features, F; action units, A. */
  map: number;
  features: number;
  units: number;
  emotions: number;
  /** Where the geometry starts, [G]. */
  mean: Float32Array;
  /** Projection head and classifier of the encoder; fresh ones of these sizes where it has none. */
  emotionHead?: Weights;
  projectionSize: number;
  embeddingSize: number;
}

/** Weights of the heads that a run learns; the caller's own, also those that were copied from the encoder. */
export function initHeads(weights: HeadWeights, start: HeadStart, random: Random): Weights {
  const { map, features, units, emotions, mean, emotionHead, projectionSize, embeddingSize } = start;
  const heads: Weights = {};
  if (weights.emotionWeight > 0 && emotionHead) {
    for (const [name, tensor] of Object.entries(emotionHead)) heads[name] = tf.clone(tensor);
  } else if (weights.emotionWeight > 0) {
    Object.assign(
      heads,
      initLinear("projection.0", features, projectionSize, random),
      initLinear("projection.2", projectionSize, embeddingSize, random),
    );
    const values = Float32Array.from({ length: emotions * embeddingSize }, () => normal(random));
    heads["classifier.weight"] = tf.tensor2d(values, [emotions, embeddingSize]);
  }
  if (geometryParts(weights).length) {
    const fresh = initLinear("geometry", map, GEOMETRY_SIZE, random);
    fresh["geometry.bias"].dispose();
    Object.assign(heads, fresh, { "geometry.bias": tf.tensor1d(mean) });
  }
  if (weights.visibleWeight > 0) {
    // A bias of 3: what nobody has said anything about can be seen.
    heads["visible.weight"] = tf.zeros([features, units]);
    heads["visible.bias"] = tf.fill([units], 3);
  }
  return heads;
}

/** Losses of the heads, unweighted, by name; only those that are learnt. */
export function headLosses(
  now: Weights,
  { map, pooled }: { map: Tensor4D; pooled: Tensor2D },
  feeds: HeadFeeds,
  weights: HeadWeights,
): { [name: string]: Scalar } {
  const losses: { [name: string]: Scalar } = {};
  if (weights.emotionWeight > 0) {
    const logits = tf.matMul(project(now, pooled), now["classifier.weight"] as Tensor2D, false, true);
    const entropy = tf.neg(tf.sum(tf.mul(feeds.emotions, tf.logSoftmax(logits))));
    losses.emotion = tf.div(entropy, tf.maximum(tf.sum(feeds.emotions), 1));
  }
  const parts = geometryParts(weights);
  if (parts.length) {
    const difference = tf.sub(geometryFrom(now, map), feeds.geometry);
    // |d| that is smooth at 0, where the gradient of an absolute value would jump.
    const distance = tf.sub(tf.sqrt(tf.add(tf.square(difference), SMOOTH ** 2)), SMOOTH);
    for (const part of parts) {
      const from = [0, geometryStart(part)], size = [-1, GEOMETRY[part].count];
      const labelled = tf.slice(feeds.geometryLabelled, from, size);
      const sum = tf.sum(tf.mul(tf.slice(distance, from, size), labelled));
      losses[part] = tf.div(sum, tf.maximum(tf.sum(labelled), 1));
    }
  }
  if (weights.visibleWeight > 0) {
    const logits = linear(now, "visible", pooled);
    const entropy = tf.add(
      tf.sub(tf.relu(logits), tf.mul(logits, feeds.visible)),
      tf.log1p(tf.exp(tf.neg(tf.abs(logits)))),
    );
    const sum = tf.sum(tf.mul(entropy, feeds.visibleLabelled));
    losses.visible = tf.div(sum, tf.maximum(tf.sum(feeds.visibleLabelled), 1));
  }
  return losses;
}

const SMOOTH = 0.02;

/** The geometry head on the last feature map, which still knows where things are: [B, G] in training's units. */
export function geometryFrom(weights: Weights, map: Tensor4D): Tensor2D {
  const flat = tf.reshape(map, [-1, map.shape[1] * map.shape[2] * map.shape[3]]) as Tensor2D;
  return linear(weights, "geometry", flat);
}

/** The weighted sum of the heads' losses, as terms. */
export function weighted(losses: { [name: string]: Scalar }, weights: HeadWeights): Tensor[] {
  return Object.entries(losses).map(([name, loss]) =>
    tf.mul(loss, weights[`${name}Weight` as keyof HeadWeights])
  );
}
