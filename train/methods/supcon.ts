/**
 * SupCon (Khosla et al., NeurIPS 2020): views of faces with the same emotion attract each other, whoever's they are.
 *
 * B faces, F backbone features, D embedding, C emotions; z are unit embeddings [2B, D]. That all faces of an emotion
 * come together is what it is for, and what EmoCo argues against: action units differ within an emotion.
 */
import { type Tensor2D, tf } from "../engine/backend.ts";
import { gatherDifferentiably, gatherRows, type Ranks } from "../engine/collective.ts";
import { EMOTIONS } from "@emoco/web/facs";
import { descend, type Trained } from "../nets/descent.ts";
import { unitRows } from "../nets/encoder.ts";
import type { Head } from "../nets/heads.ts";
import { inBatchLoss } from "../nets/in_batch_loss.ts";
import { featureCount } from "../nets/resnet.ts";
import { demandsOn } from "../runs/settings.ts";
import { cosineClock, type Rival, type RunSettings, type StepResult, type ViewFeeds } from "./method.ts";
import { initTrained, runBackbone, runHeadOf, trainedOf, viewMasks } from "./two_views.ts";

/** SupCon's own settings. */
export interface SupconSettings {
  /** Units inside the projection head (paper: 2048). */
  projectionSize: number;
  /** Length of an embedding, D (paper: 128). */
  embeddingSize: number;
  /** Temperature tau of Eq. 2 (paper: 0.1). */
  temperature: number;
}

type Config = RunSettings & SupconSettings;

/** SupCon. The factor tau / 0.07 of the published code, which only scales the rate, is left out. */
export const supcon: Rival<SupconSettings> = {
  presets: {
    paper: {
      projectionSize: 2048,
      embeddingSize: 128,
      temperature: 0.1,
      baseLearningRate: 0.125, // 0.5 at a batch of 1,024
    },
    quick: { projectionSize: 512, embeddingSize: 128, temperature: 0.1 },
  },
  check(config) {
    const { demand, atLeast } = demandsOn(config);
    atLeast(["projectionSize"], 1);
    atLeast(["embeddingSize"], 2);
    demand(config.temperature > 0, `temperature is ${config.temperature}; it must be above 0.`);
  },
  terms: [
    { name: "pull", short: "pul", meaning: "pull to the same emotion", kind: "loss" },
    { name: "push", short: "psh", meaning: "push from the batch", kind: "loss" },
  ],
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

function step(state: Trained, feeds: ViewFeeds, config: Config, ranks?: Ranks): StepResult {
  const batch = feeds.viewQ.shape[0];
  const both = tf.concat([feeds.viewQ, feeds.viewK]);
  const labels = tf.oneHot(tf.concat([feeds.emotions, feeds.emotions]), EMOTIONS.length, 1, 0, "float32");
  const all = ranks ? gatherRows(labels, ranks) : labels;
  const { self } = viewMasks(batch, ranks ?? { rank: 0, size: 1 });
  const positives = tf.sub(tf.matMul(labels as Tensor2D, all as Tensor2D, false, true), self) as Tensor2D; // P(i)
  const descent = descend(state, (now, kept) => {
    const features = runBackbone(now, both, config, ranks, kept());
    const z = unitRows(runHeadOf(projection(config), now, features, ranks));
    const { loss, ...terms } = inBatchLoss(z, gatherDifferentiably(z, ranks), { // Eq. 2, the sum outside the log
      self,
      positives,
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
