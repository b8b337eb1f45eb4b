/**
 * The paper's losses, Eqs. 2, 4 and 5, and the action-unit loss: pure functions of tensors.
 *
 * B batch, D embedding, C emotions, K slots a ring, G rings (C, or 1 with a single queue), A action units.
 */
import { type Scalar, type Tensor1D, type Tensor2D, type Tensor3D, tf } from "../engine/backend.ts";

/** Below this distance to its prototype an embedding is no longer scaled up (Eq. 4 divides by that distance). */
export const NORMALIZE_EPSILON = 1e-6;

/** A logit so low that it adds nothing to any sum of exponentials. */
const NEVER = -1e9;

/**
 * Emotion loss, Eq. 2: softmax cross-entropy of `W q`, without bias or temperature, mean over the batch.
 * @param query unit embeddings [B, D]
 * @param classifier W, [C, D]
 * @param labels one-hot [B, C]
 * @param bias [C], which ANCOR's classifier has and the paper's has not
 */
export function emotionLoss(
  query: Tensor2D,
  classifier: Tensor2D,
  labels: Tensor2D,
  bias?: Tensor1D,
): Scalar {
  const logits = tf.matMul(query, classifier, false, true);
  const logProbabilities = tf.logSoftmax(bias ? tf.add(logits, bias) : logits);
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, logProbabilities), 1)));
}

/** Emotion prototypes: the rows of W at unit length, [C, D]. The contrastive loss takes them without gradient. */
export function prototypesOf(classifier: Tensor2D): Tensor2D {
  return tf.div(classifier, tf.norm(classifier, 2, 1, true));
}

/**
 * Intra-class normalisation, Eq. 4: the direction from its emotion's prototype to each embedding.
 * @param vectors embeddings [B, D]
 * @param own the prototype of each row's emotion [B, D]
 */
export function intraClassNormalize(vectors: Tensor2D, own: Tensor2D): Tensor2D {
  const offset = tf.sub(vectors, own);
  return tf.div(offset, tf.sqrt(tf.maximum(tf.sum(tf.square(offset), 1, true), NORMALIZE_EPSILON ** 2)));
}

/** What the contrastive loss compares a query with. */
export interface Contrast {
  /** Keys of the other views, unit length [B, D], without gradient. */
  key: Tensor2D;
  /** The queue, [K, G, D], unit length. */
  keys: Tensor3D;
  /** Filled slots of each ring, int32 [G]: the others stay out of the loss. */
  filled: Tensor1D;
  /** One-hot emotions [B, C]. */
  labels: Tensor2D;
  /** Unit prototypes [C, D] for Eq. 4, without gradient; absent for plain L2 normalisation. */
  prototypes?: Tensor2D;
  temperature: number;
}

/**
 * Emotion-aware contrastive loss, Eq. 5: InfoNCE against the keys of the query's own emotion, mean over the batch.
 *
 * With u = N(q), unit k and unit w, u.N(k) = (u.k - u.w) / sqrt(2 - 2 k.w), so no normalised copy of the queue is
 * made; a query meets its own ring by a product with [B, G * D], zero outside that ring, so no [B, K, D] is either.
 */
export function contrastiveLoss(query: Tensor2D, contrast: Contrast): Scalar {
  const { key, keys, filled, labels, prototypes, temperature } = contrast;
  const [slots, rings, embedding] = keys.shape;
  const ring = rings === 1 ? tf.ones([labels.shape[0], 1]) as Tensor2D : labels; // [B, G]

  let anchor = query, positiveKey = key;
  if (prototypes) {
    const own = tf.matMul(labels, prototypes) as Tensor2D; // [B, D]
    anchor = intraClassNormalize(query, own);
    positiveKey = intraClassNormalize(key, own);
  }
  const positive = tf.sum(tf.mul(anchor, positiveKey), 1, true); // [B, 1]

  const placed = tf.reshape(tf.mul(tf.expandDims(ring, 2), tf.expandDims(anchor, 1)), [
    -1,
    rings * embedding,
  ]);
  let negatives = tf.matMul(placed, tf.reshape(keys, [slots, rings * embedding]), false, true) as Tensor2D; // [B, K]
  if (prototypes) {
    const own = tf.matMul(labels, prototypes);
    const along = tf.matMul(labels, keyAlongPrototype(keys, prototypes), false, true); // k.w, [B, K]
    const distance = tf.sqrt(tf.maximum(tf.sub(2, tf.mul(2, along)), NORMALIZE_EPSILON ** 2));
    negatives = tf.div(tf.sub(negatives, tf.sum(tf.mul(anchor, own), 1, true)), distance);
  }
  const count = tf.matMul(ring, tf.reshape(tf.cast(filled, "float32"), [rings, 1])); // [B, 1]
  const isFilled = tf.less(tf.reshape(tf.range(0, slots), [1, slots]), count);
  negatives = tf.where(isFilled, negatives, tf.fill([1, 1], NEVER)) as Tensor2D;

  const logits = tf.div(tf.concat([positive, negatives], 1), temperature);
  return tf.mean(tf.sub(tf.logSumExp(logits, 1), tf.div(tf.squeeze(positive, [1]), temperature)));
}

/**
 * Binary cross-entropy over action units, every unit weighted, unlabelled cells left out (ME-GraphAU's form).
 * @param logits [B, A]
 * @param present 0 or 1, or between them for intensity; anything where unlabelled [B, A]
 * @param labelled 1 where the label exists, else 0 [B, A]
 * @param weights one weight a unit [A]
 */
export function actionUnitLoss(
  logits: Tensor2D,
  present: Tensor2D,
  labelled: Tensor2D,
  weights: Tensor1D,
): Scalar {
  // max(x, 0) - x z + log(1 + e^-|x|): the cross-entropy of sigmoid(x) without overflow.
  const entropy = tf.add(
    tf.sub(tf.relu(logits), tf.mul(logits, present)),
    tf.log1p(tf.exp(tf.neg(tf.abs(logits)))),
  );
  const count = tf.maximum(tf.sum(labelled), 1);
  return tf.div(tf.sum(tf.mul(tf.mul(entropy, weights), labelled)), count);
}

/** Products of every key with a prototype: that of its own ring's emotion, or with one ring each of them; [K, C]. */
function keyAlongPrototype(keys: Tensor3D, prototypes: Tensor2D): Tensor2D {
  const [slots, rings, embedding] = keys.shape;
  const all = tf.matMul(tf.reshape(keys, [slots * rings, embedding]), prototypes, false, true) as Tensor2D;
  if (rings === 1) return all;
  const emotions = prototypes.shape[0];
  return tf.sum(tf.mul(tf.reshape(all, [slots, rings, emotions]), tf.eye(emotions)), 2);
}
