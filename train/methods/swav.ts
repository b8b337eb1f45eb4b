/**
 * SwAV (Caron et al., NeurIPS 2020): each view is to foretell the code of the other, which prototypes give out evenly.
 *
 * B faces, F backbone features, D embedding, K prototypes, L earlier embeddings a view; z are unit embeddings, C the
 * prototypes as columns [D, K], unit too.
 */
import { type Scalar, type Tensor, type Tensor2D, tf } from "../engine/backend.ts";
import { gatherRows, type Ranks } from "../engine/collective.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { initLinear, unitRows } from "../nets/encoder.ts";
import type { Head } from "../nets/heads.ts";
import { featureCount, type Weights } from "../nets/resnet.ts";
import { sinkhorn } from "../nets/sinkhorn.ts";
import { stopGradient } from "../nets/stop_gradient.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import { demandsOn } from "../runs/settings.ts";
import {
  cosineClock,
  type Rival,
  type RunSettings,
  scalarFeed,
  type StepResult,
  type ViewFeeds,
} from "./method.ts";
import { descentOf, initTrained, runBackbone, runHeadOf, SPREAD, spreadOf, trainedOf } from "./two_views.ts";

/** SwAV's own settings. */
export interface SwavSettings {
  /** Units inside the projection head (paper: 2048). */
  projectionSize: number;
  /** Length of an embedding, D (paper: 128). */
  embeddingSize: number;
  /** Prototypes, K (paper: 3000). */
  prototypes: number;
  /** Temperature tau of Eq. 2 (paper: 0.1). */
  temperature: number;
  /** Softness epsilon of the codes, Eq. 3 (paper: 0.05). */
  epsilon: number;
  /** Batches of earlier embeddings that take part in the codes (paper: 15 of 256). */
  queueBatches: number;
  /** Share of the run after which they do (paper: 15 of 200 epochs). */
  queueFrom: number;
  /** Epochs at the start in which prototypes stand still (paper: 1). */
  frozenEpochs: number;
}

type Config = RunSettings & SwavSettings;
type Feeds = ViewFeeds & {
  /** 1 once the queue takes part, else 0. */
  usesQueue: Scalar;
  /** 0 while the prototypes stand still, else 1. */
  prototypesMove: Scalar;
};
/** The state that descent moves, and unit embeddings of earlier batches, the newest first, `q` and `k` [L, D]. */
type State = Trained & { queue: Weights };

/** SwAV on two views of equal size: its small crops are left out, and LARS. */
export const swav: Rival<SwavSettings, State, Feeds> = {
  presets: {
    paper: {
      projectionSize: 2048,
      embeddingSize: 128,
      prototypes: 3000,
      temperature: 0.1,
      epsilon: 0.05,
      queueBatches: 15,
      queueFrom: 0.075,
      frozenEpochs: 1,
      baseLearningRate: 0.6, // of the published recipe for batches of 256
      weightDecay: 1e-6,
    },
    quick: {
      projectionSize: 512,
      embeddingSize: 128,
      prototypes: 256, // ten times as many as there are classes, or more, say the authors; it is four batches
      temperature: 0.1,
      epsilon: 0.05,
      queueBatches: 4, // of the committed faces more would hold every face again and again
      queueFrom: 0.15, // before that embeddings change too fast
      frozenEpochs: 1,
    },
  },
  check(config) {
    const { demand, atLeast, within } = demandsOn(config);
    atLeast(["projectionSize", "queueBatches"], 1);
    atLeast(["embeddingSize", "prototypes"], 2);
    atLeast(["frozenEpochs"], 0, "any");
    within(["queueFrom"], 0, 1);
    for (const key of ["temperature", "epsilon"] as const) {
      demand(config[key] > 0, `${key} is ${config[key]}; it must be above 0.`);
    }
  },
  terms: [SPREAD],
  summary: ({ prototypes, epsilon }) =>
    `${prototypes} prototypes, epsilon ${epsilon}; a loss that stays at ${
      Math.log(prototypes).toFixed(2)
    } is collapse`,
  initState(config) {
    const { embeddingSize, prototypes } = config;
    const random = randomStream(config.seed, PURPOSE.weights, 9);
    const { "c.weight": columns, "c.bias": bias } = initLinear("c", embeddingSize, prototypes, random);
    bias.dispose(); // prototypes are directions
    const empty = () => tf.zeros([config.queueBatches * config.batchSize, embeddingSize]);
    return {
      ...initTrained(config, [projection(config)], { [PROTOTYPES]: columns }),
      queue: { q: empty(), k: empty() },
    };
  },
  clock: (config, plan) => {
    const faces = plan.counts.reduce((sum, count) => sum + count, 0);
    // A queue that is not full yet would be compared with embeddings that are none.
    const fullAt = Math.max(config.queueBatches, Math.ceil(config.queueFrom * plan.steps));
    return cosineClock(config, plan, (step) => ({
      usesQueue: scalarFeed(Number(step >= fullAt)),
      prototypesMove: scalarFeed(Number(step * config.batchSize >= config.frozenEpochs * faces)),
    }));
  },
  step,
};

/** F -> hidden, BN, ReLU -> D. */
function projection(config: Config): Head {
  const { projectionSize, embeddingSize } = config;
  return {
    name: "projection",
    inputs: featureCount(config),
    layers: [{ outputs: projectionSize, norm: "affine", relu: true }, { outputs: embeddingSize }],
  };
}

function step(state: State, feeds: Feeds, config: Config, ranks?: Ranks): StepResult {
  // C at unit length before every step.
  const C = unitColumns(state.weights[PROTOTYPES] as Tensor2D);
  const before = { ...state, weights: { ...state.weights, [PROTOTYPES]: C } };
  const both = tf.concat([feeds.viewQ, feeds.viewK]); // one pass of 2B, so batch norm spans both views

  const { carried, losses, ...descent } = descend(before, (now, kept) => {
    const features = runBackbone(now, both, config, ranks, kept());
    const z = unitRows(runHeadOf(projection(config), now, features, ranks)); // [2B, D]
    const [q, k] = tf.split(z, 2) as Tensor2D[];
    const scores = tf.split(tf.matMul(z, now[PROTOTYPES] as Tensor2D), 2) as Tensor2D[]; // z C, two of [B, K]
    const codes = [
      codesOf(q, state.queue.q as Tensor2D, C, feeds, config, ranks),
      codesOf(k, state.queue.k as Tensor2D, C, feeds, config, ranks),
    ];
    const foretell = (code: Tensor2D, scores: Tensor2D) =>
      // Eq. 2
      tf.neg(tf.mean(tf.sum(tf.mul(code, tf.logSoftmax(tf.div(scores, config.temperature))), 1)));
    const loss = tf.div(tf.add(foretell(codes[0], scores[1]), foretell(codes[1], scores[0])), 2); // Eq. 1, the mean
    return { loss: loss as Scalar, terms: { spread: spreadOf(q, ranks) }, carried: { q, k } };
  }, descentOf(feeds, config, ranks));

  // While prototypes stand still, neither they nor their velocity change.
  const { weights, velocity } = descent, moves = feeds.prototypesMove;
  weights[PROTOTYPES] = tf.add(tf.mul(weights[PROTOTYPES], moves), tf.mul(C, tf.sub(1, moves)));
  velocity[PROTOTYPES] = tf.mul(velocity[PROTOTYPES], moves);
  const pushed = (earlier: Tensor, z: Tensor) => {
    const newest = ranks ? gatherRows(z, ranks) : z;
    return tf.concat([newest, tf.slice(earlier, 0, earlier.shape[0] - newest.shape[0])]);
  };
  const queue = { q: pushed(state.queue.q, carried.q), k: pushed(state.queue.k, carried.k) };
  return { state: { ...trainedOf(descent), queue }, losses };
}

/**
 * Codes of this rank's part of a view, Eqs. 3 to 5, without gradient: all ranks' faces, and those of the queue once it
 * takes part, share the prototypes out among them.
 */
function codesOf(
  z: Tensor2D,
  earlier: Tensor2D,
  C: Tensor2D,
  { usesQueue }: Feeds,
  { epsilon }: Config,
  ranks?: Ranks,
): Tensor2D {
  const [own, prototypes] = [stopGradient(z), stopGradient(C)]; // C is what the objective differentiates by
  const batch = ranks ? gatherRows(own, ranks) : own;
  const scores = tf.matMul(tf.concat([batch, earlier]), prototypes) as Tensor2D;
  const used = tf.concat([tf.ones([batch.shape[0], 1]), tf.mul(tf.ones([earlier.shape[0], 1]), usesQueue)]);
  const codes = sinkhorn(scores, epsilon, ITERATIONS, used as Tensor2D);
  return tf.slice(codes, [(ranks?.rank ?? 0) * z.shape[0], 0], [z.shape[0], -1]);
}

function unitColumns(columns: Tensor2D): Tensor2D {
  return tf.div(columns, tf.norm(columns, 2, 0, true));
}

/** Prototypes among the weights, as the columns of a fully connected layer without bias. */
const PROTOTYPES = "prototypes.weight";

/** Of Sinkhorn and Knopp (paper: 3). */
const ITERATIONS = 3;
