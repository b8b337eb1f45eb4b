/**
 * FAb-Net (Wiles, Koepke, Zisserman, BMVC 2018): a frame's vector must say how to draw that frame out of another one's
 * pixels. Written after the published code; the encoder is the backbone of all methods in place of its eight
 * convolutions, one source a target, and the curriculum moves on at fixed fifths of the run.
 *
 * B clips, S image side; e = embedding of a frame [B, 256].
 */
import { type Scalar, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import { curriculumMean } from "../nets/curriculum.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { initFlowDecoder, runFlowDecoder } from "../nets/flow_decoder.ts";
import { byWholeBatch } from "../nets/synced_batch_norm.ts";
import { warp } from "../nets/warp.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import {
  checkClipSettings,
  type ClipFeeds,
  type ClipSettings,
  curriculumClock,
  DRAWN,
  pairDecoder,
  photometric,
  vectorHead,
} from "./clip_method.ts";
import type { Rival, RunSettings, StepResult } from "./method.ts";
import { descentOf, initTrained, resultOf, runBackbone, runHeadOf } from "./two_views.ts";

type Config = RunSettings & ClipSettings;

/** FAb-Net. In the feeds, view Q is the target t and view K the source s. */
export const fabnet: Rival<ClipSettings, Trained, ClipFeeds> = {
  presets: {
    paper: {
      ...DRAWN.paper,
      batchSize: 128,
      baseLearningRate: 2e-4, // 1e-4 at a batch of 128
    },
    quick: DRAWN.quick,
  },
  clip: () => ({ kind: "pair" }),
  check: checkClipSettings,
  terms: [{
    name: "photometric",
    short: "pho",
    meaning: "mean |drawn - target|, all clips",
    kind: "measure",
  }],
  summary: ({ decoderChannels }) => `decoder of ${decoderChannels} channels`,
  initState(config) {
    const random = randomStream(config.seed, PURPOSE.weights, 2);
    return initTrained(config, [embedding(config)], initFlowDecoder(decoder(config), random));
  },
  clock: curriculumClock,
  step,
};

/** F -> 256. */
const embedding = (config: Config) => vectorHead("projection", config);

/** [e_s, e_t] to a flow. */
const decoder = (config: Config) => pairDecoder("decoder", config, 2);

function step(state: Trained, feeds: ClipFeeds, config: Config, ranks?: Ranks): StepResult {
  const { viewQ: target, viewK: source } = feeds;
  const both = tf.concat([source, target]) as Tensor4D;
  return resultOf(descend(state, (now, kept) => {
    const e = runHeadOf(embedding(config), now, runBackbone(now, both, config, ranks, kept()), ranks);
    const [eS, eT] = tf.split(e, 2) as Tensor2D[];
    const vectors = tf.concat([eS, eT], 1) as Tensor2D; // the target is seen through its vector alone
    const flow = runFlowDecoder(decoder(config), now, vectors, byWholeBatch(now, ranks));
    const errors = photometric(warp(source, flow), target); // [B]
    return {
      loss: curriculumMean(errors, feeds, ranks),
      terms: { photometric: tf.mean(errors) as Scalar },
    };
  }, descentOf(feeds, config, ranks)));
}
