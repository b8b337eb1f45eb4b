/**
 * SupCon (Khosla et al., NeurIPS 2020): views of faces with the same emotion attract each other, whoever's they are.
 *
 * B faces, F backbone features, D embedding, C emotions; z are unit embeddings [2B, D]. That all faces of an emotion
 * come together is what it is for, and what EmoCo argues against: action units differ within an emotion.
 */
import { type Tensor2D, tf } from "../engine/backend.ts";
import { gatherRows, type Ranks } from "../engine/collective.ts";
import { EMOTIONS } from "@emoco/web/facs";
import type { Trained } from "../nets/descent.ts";
import type { Head } from "../nets/heads.ts";
import { featureCount } from "../nets/resnet.ts";
import { checkInBatch, contrastInBatch, type InBatchSettings, pullAndPush } from "./in_batch.ts";
import { cosineClock, type Rival, type RunSettings, type StepResult, type ViewFeeds } from "./method.ts";
import { initTrained, viewMasks } from "./two_views.ts";

type Config = RunSettings & InBatchSettings;

/** SupCon. The factor tau / 0.07 of the published code, which only scales the rate, is left out. */
export const supcon: Rival<InBatchSettings> = {
  presets: {
    paper: {
      projectionSize: 2048,
      embeddingSize: 128,
      temperature: 0.1,
      baseLearningRate: 0.125, // 0.5 at a batch of 1,024
    },
    quick: { projectionSize: 512, embeddingSize: 128, temperature: 0.1 },
  },
  check: checkInBatch,
  terms: pullAndPush("the same emotion"),
  summary: ({ temperature }) => `temperature ${temperature}`,
  initState: (config) => initTrained(config, [projection(config)]),
  clock: cosineClock,
  step,
};

/** F -> hidden, ReLU -> D, without batch norm. */
function projection(config: Config): Head {
  const { projectionSize, embeddingSize } = config;
  return {
    name: "projection",
    inputs: featureCount(config),
    layers: [{ outputs: projectionSize, relu: true }, { outputs: embeddingSize }],
  };
}

/** Eq. 2, the sum over positives outside the log; P(i) are all views of the emotion of i but i itself. */
function step(state: Trained, feeds: ViewFeeds, config: Config, ranks?: Ranks): StepResult {
  const labels = tf.oneHot(tf.concat([feeds.emotions, feeds.emotions]), EMOTIONS.length, 1, 0, "float32");
  const all = ranks ? gatherRows(labels, ranks) : labels;
  const { self } = viewMasks(feeds.viewQ.shape[0], ranks);
  const positives = tf.sub(tf.matMul(labels as Tensor2D, all as Tensor2D, false, true), self) as Tensor2D;
  return contrastInBatch(state, feeds, config, projection(config), { self, positives }, ranks);
}
