/**
 * BYOL (Grill et al., NeurIPS 2020): an online network predicts what a slow copy of itself makes of the other view.
 *
 * F backbone features, D projection; theta online (backbone f, projector g, predictor q), xi target (f, g).
 */
import { type Scalar, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { follow, unitRows } from "../nets/encoder.ts";
import type { Head } from "../nets/heads.ts";
import { mapWeights } from "../nets/optimizer.ts";
import { featureCount, type Weights } from "../nets/resnet.ts";
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

/** BYOL's own settings. */
export interface ByolSettings {
  /** Units inside projector and predictor (paper: 4096). */
  projectionSize: number;
  /** Length of a projection, D (paper: 256). */
  embeddingSize: number;
  /** Momentum of the target at the first step; it rises to 1 (paper: 0.97, 0.99, 0.99, 0.996 at 40, 100, 300, 1000 epochs). */
  targetMomentum: number;
}

type Config = RunSettings & ByolSettings;
type Feeds = ViewFeeds & { targetMomentum: Scalar };
/** The state that descent moves, and the target network xi. */
type State = Trained & { target: Weights };

/** BYOL. LARS and the views' asymmetric blur and solarisation are left out: SGD and MoCo's views as for all others. */
export const byol: Rival<ByolSettings, State, Feeds> = {
  presets: {
    paper: {
      projectionSize: 4096,
      embeddingSize: 256,
      targetMomentum: 0.99,
      weightDecay: 1.5e-6,
      epochs: 300,
    },
    quick: {
      projectionSize: 1024, // a quarter of the paper's, as EmoCo's head
      embeddingSize: 256,
      targetMomentum: 0.97, // the paper's for its shortest run
    },
  },
  check(config) {
    const { atLeast, within } = demandsOn(config);
    atLeast(["projectionSize"], 1);
    atLeast(["embeddingSize"], 2);
    within(["targetMomentum"], 0, 1);
  },
  terms: [SPREAD],
  summary: ({ targetMomentum }) => `target momentum from ${targetMomentum} to 1`,
  initState(config) {
    const trained = initTrained(config, [projector(config), predictor(config)]);
    const names = Object.keys(trained.weights).filter((name) => !name.startsWith("predictor."));
    const online = Object.fromEntries(names.map((name) => [name, trained.weights[name]]));
    return { ...trained, target: mapWeights(online, (weight) => tf.clone(weight)) };
  },
  clock: (config, plan) =>
    cosineClock(config, plan, (step) => ({
      targetMomentum: scalarFeed(
        1 - (1 - config.targetMomentum) * (Math.cos(Math.PI * step / plan.steps) + 1) / 2, // III-B of the supplement
      ),
    })),
  step,
};

/** F -> hidden, BN, ReLU -> D. */
function projector(config: Config): Head {
  return { name: "projection", inputs: featureCount(config), layers: layersOf(config) };
}

/** Of the same shape, from D to D. */
function predictor(config: Config): Head {
  return { name: "predictor", inputs: config.embeddingSize, layers: layersOf(config) };
}

function layersOf({ projectionSize, embeddingSize }: Config): Head["layers"] {
  return [{ outputs: projectionSize, norm: "affine", relu: true }, { outputs: embeddingSize }];
}

/** Eq. 2: squared distance of the unit prediction to the unit projection, 2 - 2 cos, mean over the batch. */
export function predictionLoss(prediction: Tensor2D, projection: Tensor2D): Scalar {
  const cosines = tf.sum(tf.mul(unitRows(prediction), unitRows(projection)), 1);
  return tf.mean(tf.sub(2, tf.mul(2, cosines)));
}

function step(state: State, feeds: Feeds, config: Config, ranks?: Ranks): StepResult {
  const views = [feeds.viewQ, feeds.viewK];
  // The target carries no gradient, so it stands outside the objective; it normalises by the batch, as the online one.
  const targets = views.map((view) =>
    runHeadOf(projector(config), state.target, runBackbone(state.target, view, config, ranks), ranks)
  );
  const descent = descend(state, (now, kept) => {
    const project = (view: Tensor4D, pass: number) =>
      runHeadOf(projector(config), now, runBackbone(now, view, config, ranks, kept(pass)), ranks);
    const projections = views.map(project);
    const [one, other] = projections.map((z) => runHeadOf(predictor(config), now, z, ranks));
    const loss = tf.add(predictionLoss(one, targets[1]), predictionLoss(other, targets[0])); // both orders of the views
    return { loss: loss as Scalar, terms: { spread: spreadOf(unitRows(projections[0]), ranks) } };
  }, {
    ...descentOf(feeds, config, ranks),
    decays: (name) => state.weights[name].shape.length > 1, // neither biases nor batch norms
  });
  // xi <- rho xi + (1 - rho) theta, after the optimiser's step
  const target = follow(state.target, descent.weights, feeds.targetMomentum);
  return { state: { ...trainedOf(descent), target }, losses: descent.losses };
}
