/**
 * TCAE (Li et al., CVPR 2019), the twin-cycle autoencoder: what moves between two frames is told apart into the head's
 * pose and the face's action, each of which must draw its own part. Written after the published code, with the backbone
 * of all methods and two layers on it in place of its branches [a reconstruction, not the paper's encoder].
 *
 * B clips, S image side; p and a = pose and action vectors of a frame [B, 256].
 */
import {
  type Scalar,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import { curriculumMean } from "../nets/curriculum.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { initFlowDecoder, runFlowDecoder } from "../nets/flow_decoder.ts";
import { type BatchStatistics, resnet, type Weights } from "../nets/resnet.ts";
import { stopGradient } from "../nets/stop_gradient.ts";
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
import { descentOf, initTrained, resultOf, runHeadOf } from "./two_views.ts";

type Config = RunSettings & ClipSettings;
type Part = "pose" | "action";

/** TCAE. In the feeds, view Q is the target t and view K the source s. */
export const tcae: Rival<ClipSettings, Trained, ClipFeeds> = {
  presets: {
    paper: {
      ...DRAWN.paper,
      batchSize: 64,
      baseLearningRate: 4e-3, // 1e-3 at a batch of 64
    },
    quick: {
      ...DRAWN.quick,
      baseLearningRate: 8e-3, // twice the paper's; thirty times that, as others have, and its vectors go astray
      batchSize: 16, // a step passes the encoder three times more often than FAb-Net's
      epochs: 6, // as many steps as others
      evaluateEvery: 2,
    },
  },
  clip: () => ({ kind: "pair" }),
  check: checkClipSettings,
  terms: [
    { name: "drawing", short: "drw", meaning: "the target drawn, and both ways back", kind: "loss" },
    { name: "vectors", short: "vec", meaning: "vectors of the drawn frames", kind: "loss" },
    { name: "sparsity", short: "spa", meaning: "extent of the action's flow", kind: "loss" },
  ],
  summary: ({ decoderChannels }) => `two decoders of ${decoderChannels} channels`,
  initState(config) {
    const decoders = PARTS.map((part, i) =>
      initFlowDecoder(decoder(part, config), randomStream(config.seed, PURPOSE.weights, 4 + i))
    );
    return initTrained(config, PARTS.map((part) => vectorHead(part, config)), Object.assign({}, ...decoders));
  },
  clock: curriculumClock,
  step,
};

const PARTS = ["pose", "action"] as const;

/** Vectors of two frames to a flow and a mask. */
const decoder = (part: Part, config: Config) => pairDecoder(`${part}Decoder`, config, 3);

function step(state: Trained, feeds: ClipFeeds, config: Config, ranks?: Ranks): StepResult {
  const { viewQ: t, viewK: s } = feeds;
  return resultOf(descend(state, (now, kept) => {
    const [ofS, ofT] = encode(now, tf.concat([s, t]), 2, config, ranks, kept());
    const flowOf = (part: Part, from: Tensor2D, to: Tensor2D) => {
      const vectors = tf.concat([from, to], 1) as Tensor2D;
      const map = runFlowDecoder(decoder(part, config), now, vectors, byWholeBatch(now, ranks));
      const [flow, mask] = tf.split(map, [2, 1], 3) as Tensor4D[];
      return { flow, mask };
    };
    const pose = flowOf("pose", ofS.pose, ofT.pose), action = flowOf("action", ofS.action, ofT.action);
    // Pixel by pixel, the two masks decide whose flow it is.
    const [poseShare, actionShare] = tf.split(tf.softmax(tf.concat([pose.mask, action.mask], 3)), 2, 3);
    const applied = tf.mul(action.flow, actionShare) as Tensor4D;
    const merged = tf.add(tf.mul(pose.flow, poseShare), applied) as Tensor4D;
    const posed = warp(s, pose.flow), acted = warp(s, action.flow), drawn = warp(s, merged); // I_p, I_a, I_o

    // Pictures that were drawn have other statistics than frames, and leave none.
    const [ofPosed, ofActed, ofDrawn] = encode(now, tf.concat([posed, acted, drawn]), 3, config, ranks);
    const backPosed = warp(stopGradient(posed), flowOf("pose", ofPosed.pose, ofS.pose).flow);
    const backActed = warp(stopGradient(acted), flowOf("action", ofActed.action, ofS.action).flow);

    const learn = (errors: Tensor1D) => curriculumMean(errors, feeds, ranks); // each term by its own order
    const alike = (one: Tensor2D, other: Tensor2D) => learn(tf.mean(tf.squaredDifference(one, other), 1));
    const sum = (terms: Tensor[]) => tf.addN(terms) as Scalar;
    const terms = {
      drawing: sum([
        tf.mul(learn(photometric(drawn, t)), 10),
        learn(photometric(backPosed, s)),
        learn(photometric(backActed, s)),
      ]),
      vectors: sum([
        ...[alike(ofPosed.pose, ofT.pose), alike(ofPosed.action, ofS.action)], // the pose moves, the action stays
        ...[alike(ofActed.pose, ofS.pose), alike(ofActed.action, ofT.action)], // the other way round
        ...[alike(ofDrawn.pose, ofT.pose), alike(ofDrawn.action, ofT.action)], // both move
      ]),
      sparsity: tf.mul(learn(tf.mean(tf.abs(applied), [1, 2, 3])), 0.1) as Scalar,
    };
    return { loss: sum(Object.values(terms)), terms };
  }, descentOf(feeds, config, ranks)));
}

/** Pose and action vectors of `count` equal groups of pictures, which pass together. */
function encode(
  weights: Weights,
  pictures: Tensor4D,
  count: number,
  config: Config,
  ranks?: Ranks,
  kept?: BatchStatistics,
): { [part in Part]: Tensor2D }[] {
  const features = resnet(weights, pictures, config, byWholeBatch(weights, ranks, kept), !kept);
  const [pose, action] = PARTS.map((part) =>
    tf.split(runHeadOf(vectorHead(part, config), weights, features, ranks), count) as Tensor2D[]
  );
  return pose.map((each, i) => ({ pose: each, action: action[i] }));
}
