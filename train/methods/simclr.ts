/**
 * SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020): the two views of a face against all other views of the batch.
 *
 * B faces, F backbone features, D embedding; z are unit embeddings [2B, D], s(i, j) = z_i . z_j.
 */
import type { Ranks } from "../engine/collective.ts";
import type { Trained } from "../nets/descent.ts";
import type { Head } from "../nets/heads.ts";
import { featureCount } from "../nets/resnet.ts";
import { checkInBatch, contrastInBatch, type InBatchSettings, pullAndPush } from "./in_batch.ts";
import { cosineClock, type Rival, type RunSettings, type StepResult, type ViewFeeds } from "./method.ts";
import { initTrained, viewMasks } from "./two_views.ts";

type Config = RunSettings & InBatchSettings;

/** SimCLR. LARS and its warm-up, which serve batches of 1,024 and more, are left out: SGD as for all others. */
export const simclr: Rival<InBatchSettings> = {
  presets: {
    paper: { projectionSize: 2048, embeddingSize: 128, temperature: 0.5 },
    quick: {
      projectionSize: 512, // as EmoCo's
      embeddingSize: 128,
      temperature: 0.2, // EmoCo's: between the paper's two
    },
  },
  check: checkInBatch,
  terms: pullAndPush("the other view"),
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

/** Eq. 1, mean over 2B anchors: -ln [exp(s(i, j) / tau) / sum over k != i of exp(s(i, k) / tau)], j the other view of i. */
function step(state: Trained, feeds: ViewFeeds, config: Config, ranks?: Ranks): StepResult {
  const { self, other } = viewMasks(feeds.viewQ.shape[0], ranks);
  return contrastInBatch(state, feeds, config, projection(config), { self, positives: other }, ranks);
}
