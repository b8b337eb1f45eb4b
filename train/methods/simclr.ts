/**
 * SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020): the two views of a face against all other views of the batch.
 *
 * B faces, F backbone features, D embedding; z are unit embeddings [2B, D], s(i, j) = z_i . z_j.
 */
import { type Tensor2D, tf } from "../engine/backend.ts";
import { gatherDifferentiably, type Ranks } from "../engine/collective.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { unitRows } from "../nets/encoder.ts";
import type { Head } from "../nets/heads.ts";
import { inBatchLoss } from "../nets/in_batch_loss.ts";
import { featureCount } from "../nets/resnet.ts";
import { demandsOn } from "../runs/settings.ts";
import { cosineClock, type Rival, type RunSettings, type StepResult, type ViewFeeds } from "./method.ts";
import { initTrained, runBackbone, runHeadOf, trainedOf, viewMasks } from "./two_views.ts";

/** SimCLR's own settings. */
export interface SimclrSettings {
  /** Units inside the projection head g (paper: as many as features). */
  projectionSize: number;
  /** Length of an embedding, D (paper: 128). */
  embeddingSize: number;
  /** Temperature tau of Eq. 1 (paper: 0.1 at 4,096 faces, 0.5 at 256). */
  temperature: number;
}

type Config = RunSettings & SimclrSettings;

/** SimCLR. LARS and its warm-up, which serve batches of 1,024 and more, are left out: SGD as for all others. */
export const simclr: Rival<SimclrSettings> = {
  presets: {
    paper: { projectionSize: 2048, embeddingSize: 128, temperature: 0.5 },
    quick: {
      projectionSize: 512, // as EmoCo's
      embeddingSize: 128,
      temperature: 0.2, // EmoCo's: between the paper's two
    },
  },
  check(config) {
    const { demand, atLeast } = demandsOn(config);
    atLeast(["projectionSize"], 1);
    atLeast(["embeddingSize"], 2);
    demand(config.temperature > 0, `temperature is ${config.temperature}; it must be above 0.`);
  },
  terms: [
    { name: "pull", short: "pul", meaning: "pull to the other view", kind: "loss" },
    { name: "push", short: "psh", meaning: "push from the batch", kind: "loss" },
  ],
  summary: ({ temperature }) => `temperature ${temperature}`,
  initState: (config) => initTrained(config, [projection(config)]),
  clock: cosineClock,
  step,
};

/** g: F -> hidden, BN, ReLU -> D, BN: the published code normalises its output as well. */
function projection(config: Config): Head {
  const { projectionSize, embeddingSize } = config;
  return {
    name: "projection",
    inputs: featureCount(config),
    layers: [
      { outputs: projectionSize, norm: "affine", relu: true },
      { outputs: embeddingSize, norm: "affine" },
    ],
  };
}

function step(state: Trained, feeds: ViewFeeds, config: Config, ranks?: Ranks): StepResult {
  const batch = feeds.viewQ.shape[0];
  const both = tf.concat([feeds.viewQ, feeds.viewK]); // one pass of 2B, so batch norm spans both views
  const masks = viewMasks(batch, ranks ?? { rank: 0, size: 1 });
  const descent = descend(state, (now, kept) => {
    const features = runBackbone(now, both, config, ranks, kept()); // h = f(x), [2B, F]
    const z = unitRows(runHeadOf(projection(config), now, features, ranks)) as Tensor2D; // z = g(h), [2B, D]
    const { loss, ...terms } = inBatchLoss(z, gatherDifferentiably(z, ranks), { // Eq. 1, mean over 2B anchors
      self: masks.self,
      positives: masks.other,
      temperature: config.temperature,
    });
    return { loss, terms };
  }, {
    learningRate: feeds.learningRate,
    momentum: config.sgdMomentum,
    weightDecay: config.weightDecay,
    ranks,
  });
  return { state: trainedOf(descent), losses: descent.losses };
}
