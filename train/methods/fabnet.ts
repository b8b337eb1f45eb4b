/**
 * FAb-Net (Wiles, Koepke, Zisserman, BMVC 2018): a frame's vector must say how to draw that frame out of another one's
 * pixels. Written after the published code; the encoder is the backbone of all methods in place of its eight
 * convolutions, one source a target, and the curriculum moves on at fixed fifths of the run.
 *
 * B clips, S image side; e = embedding of a frame [B, 256].
 */
import { type Scalar, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import { type CurriculumFeeds, curriculumMean } from "../nets/curriculum.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { type FlowDecoder, initFlowDecoder, runFlowDecoder } from "../nets/flow_decoder.ts";
import type { Head } from "../nets/heads.ts";
import { featureCount } from "../nets/resnet.ts";
import { byWholeBatch } from "../nets/synced_batch_norm.ts";
import { warp } from "../nets/warp.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import { checkClipSettings, type ClipSettings, curriculumClock } from "./clip_method.ts";
import type { Rival, RunSettings, StepResult, ViewFeeds } from "./method.ts";
import { initTrained, runBackbone, runHeadOf, trainedOf } from "./two_views.ts";

type Config = RunSettings & ClipSettings;
type Feeds = ViewFeeds & CurriculumFeeds;

/** FAb-Net. In the feeds, view Q is the target t and view K the source s. */
export const fabnet: Rival<ClipSettings, Trained, Feeds> = {
  presets: {
    paper: {
      views: "clip",
      cropScale: [0.8, 1], // the published code: a square of about 200 in 224 pixels
      embeddingSize: 256,
      decoderChannels: 32,
      imageSize: 256,
      batchSize: 128,
      baseLearningRate: 2e-4, // 1e-4 at a batch of 128
      weightDecay: 0,
    },
    quick: {
      views: "clip",
      cropScale: [0.8, 1],
      embeddingSize: 256,
      decoderChannels: 8, // 32 times the width of the backbone
      weightDecay: 0,
    },
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
function embedding(config: Config): Head {
  return { name: "projection", inputs: featureCount(config), layers: [{ outputs: config.embeddingSize }] };
}

/** [e_s, e_t] to a flow. */
function decoder({ embeddingSize, imageSize, decoderChannels }: Config): FlowDecoder {
  const inputs = 2 * embeddingSize;
  return { name: "decoder", inputs, side: imageSize, channels: decoderChannels, outputs: 2 };
}

function step(state: Trained, feeds: Feeds, config: Config, ranks?: Ranks): StepResult {
  const { viewQ: target, viewK: source } = feeds;
  const both = tf.concat([source, target]) as Tensor4D;
  const descent = descend(state, (now, kept) => {
    const e = runHeadOf(embedding(config), now, runBackbone(now, both, config, ranks, kept()), ranks);
    const [eS, eT] = tf.split(e, 2) as Tensor2D[];
    const vectors = tf.concat([eS, eT], 1) as Tensor2D; // the target is seen through its vector alone
    const flow = runFlowDecoder(decoder(config), now, vectors, byWholeBatch(now, ranks));
    const errors = photometric(warp(source, flow), target); // [B]
    return {
      loss: curriculumMean(errors, feeds, ranks),
      terms: { photometric: tf.mean(errors) as Scalar },
    };
  }, {
    learningRate: feeds.learningRate,
    momentum: config.sgdMomentum,
    weightDecay: config.weightDecay,
    ranks,
  });
  return { state: trainedOf(descent), losses: descent.losses };
}

/** Mean absolute difference of pictures, one a sample: [B, S, S, 3] to [B]. */
export function photometric(drawn: Tensor4D, picture: Tensor4D): Tensor1D {
  return tf.mean(tf.abs(tf.sub(drawn, picture)), [1, 2, 3]);
}
