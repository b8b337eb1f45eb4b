/**
 * SimSiam (Chen and He, CVPR 2021): one view's prediction meets the other view's projection, which stands still. Written
 * from the paper's formulas.
 *
 * F backbone features, D projection; z = projector(backbone(x)), p = predictor(z), D(p, z) = -cos(p, stopgrad(z)).
 */
import { type Scalar, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { unitRows } from "../nets/encoder.ts";
import type { Head } from "../nets/heads.ts";
import { featureCount } from "../nets/resnet.ts";
import { stopGradient } from "../nets/stop_gradient.ts";
import { demandsOn } from "../runs/settings.ts";
import {
  cosineClock,
  peakRate,
  type Rival,
  type RunSettings,
  scalarFeed,
  type StepResult,
  type ViewFeeds,
} from "./method.ts";
import { descentOf, initTrained, resultOf, runBackbone, runHeadOf, SPREAD, spreadOf } from "./two_views.ts";

/** SimSiam's own settings. */
export interface SimsiamSettings {
  /** Width of the projector, all of its layers, D (paper: 2048). */
  projectionSize: number;
  /** Units inside the predictor, a bottleneck (paper: 512, a quarter). */
  predictorSize: number;
}

type Config = RunSettings & SimsiamSettings;
type Feeds = ViewFeeds & { predictorRate: Scalar };

/** SimSiam. */
export const simsiam: Rival<SimsiamSettings, Trained, Feeds> = {
  presets: {
    paper: { projectionSize: 2048, predictorSize: 512, baseLearningRate: 0.05, epochs: 100 },
    quick: {
      projectionSize: 512, // a quarter of the paper's, as EmoCo's head
      predictorSize: 128, // the paper's ratio
    },
  },
  check: (config) => demandsOn(config).atLeast(["projectionSize", "predictorSize"], 2),
  terms: [SPREAD],
  summary: ({ projectionSize, predictorSize }) => `projector ${projectionSize}, predictor ${predictorSize}`,
  initState(config) {
    const state = initTrained(config, [projector(config), predictor(config)]);
    // Each residual block starts as the identity: its last batch norm scales by 0.
    const last = config.backbone === "resnet50" ? "bn3.weight" : "bn2.weight";
    for (const name of Object.keys(state.weights)) {
      if (!name.startsWith("layer") || !name.endsWith(last)) continue;
      const { shape } = state.weights[name];
      state.weights[name].dispose();
      state.weights[name] = tf.zeros(shape);
    }
    return state;
  },
  // Every rate falls but the predictor's, which is to keep up with the projector to the end.
  clock: (config, plan) => cosineClock(config, plan, () => ({ predictorRate: scalarFeed(peakRate(config)) })),
  step,
};

/** Three layers with batch norm; the last has neither scale and offset nor a ReLU. */
function projector(config: Config): Head {
  const outputs = config.projectionSize;
  return {
    name: "projection",
    inputs: featureCount(config),
    layers: [
      { outputs, norm: "affine", relu: true },
      { outputs, norm: "affine", relu: true },
      { outputs, norm: "plain" },
    ],
  };
}

function predictor({ projectionSize, predictorSize }: Config): Head {
  return {
    name: "predictor",
    inputs: projectionSize,
    layers: [{ outputs: predictorSize, norm: "affine", relu: true }, { outputs: projectionSize }],
  };
}

/** Eq. 1 with stop-gradient, Eq. 3: the negative cosine, mean over the batch. */
export function negativeCosine(p: Tensor2D, z: Tensor2D): Scalar {
  return tf.neg(tf.mean(tf.sum(tf.mul(unitRows(p), unitRows(stopGradient(z))), 1)));
}

function step(state: Trained, feeds: Feeds, config: Config, ranks?: Ranks): StepResult {
  return resultOf(descend(state, (now, kept) => {
    const see = (view: Tensor4D, pass: number) => {
      const z = runHeadOf(projector(config), now, runBackbone(now, view, config, ranks, kept(pass)), ranks);
      return { z, p: runHeadOf(predictor(config), now, z, ranks) };
    };
    const one = see(feeds.viewQ, 0), other = see(feeds.viewK, 1); // each normalised by its own batch
    const loss = tf.div(tf.add(negativeCosine(one.p, other.z), negativeCosine(other.p, one.z)), 2); // Eq. 4
    return { loss: loss as Scalar, terms: { spread: spreadOf(unitRows(one.z), ranks) } };
  }, {
    ...descentOf(feeds, config, ranks),
    rateOf: (name) => name.startsWith("predictor.") ? feeds.predictorRate : undefined,
  }));
}
