/**
 * EmoCo (Sun, Zeng, Shan, FG 2021): momentum contrast with one queue of keys per emotion, an emotion classifier, and
 * intra-class normalisation between them. This file is the method; the parts are pure functions beside it.
 *
 * Shapes: B batch, S image side, D embedding, C emotions, K slots a ring, G rings (C, or 1), F backbone features.
 */
import {
  attribute,
  rawOp,
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  type Tensor4D,
  tf,
} from "./engine/backend.ts";
import { gatherRows, type Ranks } from "./engine/collective.ts";
import { descend } from "./nets/descent.ts";
import { embed, type EncoderShape, follow, initEncoder, projectRaw, unitRows } from "./nets/encoder.ts";
import { contrastiveLoss, emotionLoss, prototypesOf } from "./nets/losses.ts";
import { mapWeights, zerosLike } from "./nets/optimizer.ts";
import { enqueue, initKeys } from "./nets/queue.ts";
import { PURPOSE, type Random, randomStream } from "./runs/random.ts";
import { type BatchStatistics, initRunningStatistics, relu, resnet, type Weights } from "./nets/resnet.ts";
import { byWholeBatch } from "./nets/synced_batch_norm.ts";

/** The method's choices: the paper's values stand in brackets, Table IV's switches are the first three. */
export interface Method extends EncoderShape {
  /** One ring of keys per emotion (paper), or one for all: MQ in Table IV. */
  queues: "per-emotion" | "single";
  /** Eq. 4 (paper), or embeddings as they are: N in Table IV. */
  normalization: "intra-class" | "l2";
  /** Which of Eq. 2 and Eq. 5 are minimised (paper: both). MoCo = single queue, l2, contrastive. */
  losses: "both" | "emotion" | "contrastive";
  /** What the classifier of Eq. 2 reads: the unit query (paper), or as in ANCOR max(0, embedding), with a bias. */
  classifierInput: "unit" | "rectified";
  /** Temperature of Eq. 5 (paper: 0.2). */
  temperature: number;
  /** Weight of the emotion loss, lambda (paper: 1). */
  emotionWeight: number;
  /** Momentum m of the key encoder, Eq. 3 (paper: 0.999). */
  encoderMomentum: number;
  /** Momentum of SGD (paper: 0.9). */
  sgdMomentum: number;
  /** Weight decay on all weights (paper: 1e-4). */
  weightDecay: number;
  /** Batch norm over the whole batch (paper: synchronised), or over sub-batches, shuffled for the keys (MoCo). */
  batchNorm: "sync" | "split";
  /** Sub-batches of `split` (MoCo: 8, its number of GPUs). */
  batchNormGroups: number;
}

/** Everything a step reads and replaces, by the names it has in a checkpoint. */
export type State = {
  /** Query encoder and emotion classifier W, `classifier.weight` [C, D] (ANCOR: and a bias): what gradients move. */
  weights: Weights;
  /** Running batch-norm statistics of the query encoder. */
  statistics: Weights;
  /** Key encoder. Empty where only the emotion loss is minimised. */
  key: Weights;
  /** SGD's velocity. */
  velocity: Weights;
  /** `keys` [K, G, D]. Empty where only the emotion loss is minimised. */
  queue: Weights;
};

/**
 * What one step is fed; per-step numbers are tensors so that a traced step can take new ones. Of several ranks each is
 * fed its part of the batch, but `rows` and `filled` for the keys of all.
 */
export type Feeds = {
  /** Views [B, S, S, 3], normalised. */
  viewQ: Tensor4D;
  viewK: Tensor4D;
  /** Emotion of every face, int32 [B]. */
  emotions: Tensor1D;
  /** See `QueueFeeds`: int32 [B] and int32 [G]. */
  rows: Tensor1D;
  filled: Tensor1D;
  learningRate: Scalar;
  /** Shuffled order of the keys and the order that undoes it, int32 [B]; read with `batchNorm: "split"` only. */
  keyOrder: Tensor1D;
  keyOrderBack: Tensor1D;
};

/** Losses of one step: `loss` is the weighted sum that was minimised; a term that was left out is 0. */
export type Losses = { loss: Scalar; emotionLoss: Scalar; contrastiveLoss: Scalar };

/** A fresh state. The key encoder starts as a copy of the query encoder (MoCo). */
export function initState(
  method: Method,
  { emotions, queueSizes, randomKeys, seed }: {
    emotions: number;
    queueSizes: readonly number[];
    /** Start the rings full of random unit vectors (MoCo) instead of empty. */
    randomKeys: boolean;
    seed: number;
  },
): State {
  const encoder = initEncoder(method, randomStream(seed, PURPOSE.weights));
  const weights = {
    ...encoder,
    ...initClassifier(emotions, method, randomStream(seed, PURPOSE.weights, 1)),
  };
  const contrasts = method.losses !== "emotion";
  const keys = contrasts &&
    initKeys(queueSizes, method.embeddingSize, randomKeys ? randomStream(seed, PURPOSE.queue) : undefined);
  return {
    weights,
    statistics: initRunningStatistics(method),
    key: contrasts ? mapWeights(encoder, (weight) => tf.clone(weight)) : {},
    velocity: zerosLike(weights),
    queue: keys ? { keys } : {},
  };
}

/**
 * One training step: new state and losses. Pure, so it runs eagerly or is traced; wrap it in `tf.tidy`.
 * @param ranks who shares the step, each with an equal part of the batch; all get the same losses and the same state
 */
export function step(
  state: State,
  feeds: Feeds,
  method: Method,
  ranks?: Ranks,
): { state: State; losses: Losses } {
  const { weights } = state;
  const classifierBefore = weights["classifier.weight"] as Tensor2D;
  const labels = tf.oneHot(feeds.emotions, classifierBefore.shape[0], 1, 0, "float32") as Tensor2D; // [B, C]

  // 1. What carries no gradient stands outside the differentiated function: tfjs has no stop-gradient.
  const minimisesContrast = method.losses !== "emotion";
  const key = follow(state.key, weights, method.encoderMomentum); // Eq. 3
  const keyOut = minimisesContrast ? embedKeys(key, feeds, method, ranks) : undefined; // [B, D]
  const keys = state.queue.keys as Tensor3D; // [K, G, D]
  const prototypes = method.normalization === "intra-class" ? prototypesOf(classifierBefore) : undefined; // [C, D]

  // 2. lambda L_emo + L_cont
  // 3. SGD, and the running statistics that inference will use
  const { losses, carried: _, ...trained } = descend(state, (now, kept) => {
    const embedding = embedQueries(now, feeds.viewQ, method, kept(), ranks); // [B, D]
    const query = unitRows(embedding);
    const terms = { emotionLoss: tf.scalar(0), contrastiveLoss: tf.scalar(0) };
    const minimised: Tensor[] = [];
    if (method.losses !== "contrastive") {
      const seen = method.classifierInput === "rectified" ? relu(embedding) : query;
      const { "classifier.weight": classifier, "classifier.bias": bias } = now;
      terms.emotionLoss = emotionLoss(seen, classifier as Tensor2D, labels, bias as Tensor1D); // Eq. 2
      minimised.push(tf.mul(terms.emotionLoss, method.emotionWeight));
    }
    if (keyOut) {
      const contrast = {
        key: keyOut,
        keys,
        filled: feeds.filled,
        labels,
        prototypes,
        temperature: method.temperature,
      };
      terms.contrastiveLoss = contrastiveLoss(query, contrast); // Eqs. 4, 5
      minimised.push(terms.contrastiveLoss);
    }
    return { loss: tf.addN(minimised) as Scalar, terms };
  }, {
    learningRate: feeds.learningRate,
    momentum: method.sgdMomentum,
    weightDecay: method.weightDecay,
    // W stands outside Eq. 5.
    reaches: (name) => method.losses !== "contrastive" || !name.startsWith("classifier."),
    ranks,
  });

  // 4. Enqueue after the loss, so a key is never its own negative. Queues store unit keys, not normalised ones.
  const queue: Weights = keyOut
    ? { keys: enqueue(keys, ranks ? gatherRows(keyOut, ranks) : keyOut, feeds.rows) }
    : {};

  return { state: { ...trained, key, queue }, losses };
}

/** Queries normalise over the batch, or each sub-batch by itself; the first one's statistics are kept, as rank 0's. */
function embedQueries(
  weights: Weights,
  views: Tensor4D,
  method: Method,
  kept: BatchStatistics,
  ranks?: Ranks,
): Tensor2D {
  return bySubBatch(
    views,
    method,
    (part, i) => {
      const normalize = byWholeBatch(weights, ranks, i ? undefined : kept);
      return projectRaw(weights, resnet(weights, part, method, normalize));
    },
  );
}

/** Keys normalise by their own batch; with sub-batches in shuffled order, so that no query shares its key's company. */
function embedKeys(
  weights: Weights,
  { viewK, keyOrder, keyOrderBack }: Feeds,
  method: Method,
  ranks?: Ranks,
): Tensor2D {
  const normalize = byWholeBatch(weights, ranks);
  if (method.batchNorm === "sync") return embed(weights, viewK, method, normalize);
  const shuffled = reorder(viewK, keyOrder);
  return reorder(
    bySubBatch(shuffled, method, (part) => embed(weights, part, method, normalize)),
    keyOrderBack,
  );
}

/** Rows of `x` in another order. tf.gather looks at the values of the order, which a traced step cannot. */
function reorder<T extends Tensor>(x: T, order: Tensor1D): T {
  const types = [attribute.type("Tparams", "float32"), attribute.type("Tindices", "int32")];
  const operands = [x, order, tf.scalar(0, "int32")];
  return rawOp("GatherV2", [...types, attribute.type("Taxis", "int32")], operands, 1)[0] as T;
}

function bySubBatch(
  views: Tensor4D,
  method: Method,
  run: (part: Tensor4D, index: number) => Tensor2D,
): Tensor2D {
  if (method.batchNorm === "sync") return run(views, 0);
  const parts = tf.split(views, method.batchNormGroups) as Tensor4D[];
  return tf.concat(parts.map(run));
}

/** W starts uniform in +-1/sqrt(D), PyTorch's default for a fully connected layer. */
function initClassifier(
  emotions: number,
  { embeddingSize, classifierInput }: Method,
  random: Random,
): Weights {
  const bound = 1 / Math.sqrt(embeddingSize);
  const uniform = (length: number) => Float32Array.from({ length }, () => bound * (2 * random() - 1));
  return {
    "classifier.weight": tf.tensor2d(uniform(emotions * embeddingSize), [emotions, embeddingSize]),
    ...(classifierInput === "rectified" && { "classifier.bias": tf.tensor1d(uniform(emotions)) }),
  };
}
