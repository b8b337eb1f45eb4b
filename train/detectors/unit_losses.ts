/** Losses of action units that the detectors bring with them; B faces, A action units. */
import { type Scalar, type Tensor, type Tensor2D, tf } from "../engine/backend.ts";
import { actionUnitLoss } from "../nets/losses.ts";
import type { DetectorLabels } from "./detector.ts";

/** -[y ln p + (1 - y) ln(1 - p)] of p = sigmoid(x) without overflow, cell by cell. */
export function crossEntropy(logits: Tensor, present: Tensor): Tensor {
  const slack = tf.log1p(tf.exp(tf.neg(tf.abs(logits))));
  return tf.add(tf.sub(tf.relu(logits), tf.mul(logits, present)), slack);
}

/** DRML's: cross-entropy summed over the units, unlabelled ones left out, divided by the faces. */
export function summedEntropy(logits: Tensor, { present, labelled }: DetectorLabels): Scalar {
  const sum = tf.sum(tf.mul(crossEntropy(logits, present), labelled));
  return tf.div(sum, present.shape[0]);
}

/** Cross-entropy weighted by unit, mean over the labelled cells: JAA's, and this project's. */
export function weightedEntropy(logits: Tensor, { present, labelled, unitWeights }: DetectorLabels): Scalar {
  return actionUnitLoss(logits as Tensor2D, present, labelled, unitWeights);
}

/** JAA's dice loss of each cell, 1 - (2 p y + 1) / (p^2 + y^2 + 1), weighted by unit, mean over the labelled cells. */
export function weightedDice(logits: Tensor, { present, labelled, unitWeights }: DetectorLabels): Scalar {
  const p = tf.sigmoid(logits);
  const overlap = tf.add(tf.mul(tf.mul(p, present), 2), 1);
  const dice = tf.sub(1, tf.div(overlap, tf.add(tf.add(tf.square(p), tf.square(present)), 1)));
  return tf.div(tf.sum(tf.mul(tf.mul(dice, unitWeights), labelled)), tf.maximum(tf.sum(labelled), 1));
}

/** EAC-Net's: cross-entropy whose logarithms end 0.05 before their pole; summed over units, divided by the faces. */
export function boundedEntropy(logits: Tensor, { present, labelled }: DetectorLabels): Scalar {
  const p = tf.sigmoid(logits);
  const shown = tf.mul(present, tf.log(tf.div(tf.add(p, SLACK), 1 + SLACK)));
  const hidden = tf.mul(tf.sub(1, present), tf.log(tf.div(tf.sub(1 + SLACK, p), 1 + SLACK)));
  const sum = tf.neg(tf.sum(tf.mul(tf.add(shown, hidden), labelled)));
  return tf.div(sum, present.shape[0]);
}

const SLACK = 0.05;
