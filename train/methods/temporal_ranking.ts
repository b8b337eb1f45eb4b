/**
 * Temporal consistency ranking (Lu, Tavabi, Soleymani, BMVC 2020): the later a frame, the further it lies from the
 * first. Written after the published code, which starts from ImageNet's weights; this starts from random ones, as all.
 *
 * B clips of 12 frames: the anchor t, its sibling t + 1, then t + 1 + i; e = unit embeddings [12 B, 256], frame by frame.
 */
import { type Scalar, type Tensor, type Tensor2D, tf } from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { unitRows } from "../nets/encoder.ts";
import { demandsOn } from "../runs/settings.ts";
import { checkClipViews, FEW, ON_CLIPS, vectorHead } from "./clip_method.ts";
import { cosineClock, type Rival, type RunSettings, type StepResult, type ViewFeeds } from "./method.ts";
import { descentOf, initTrained, resultOf, runBackbone, runHeadOf, SPREAD, spreadOf } from "./two_views.ts";

/** Its own settings. */
export interface TemporalRankingSettings {
  /** Length of a frame's vector (paper: 256). */
  embeddingSize: number;
  /** Frames that are ranked after the sibling, N (paper: 10). */
  ranked: number;
  /** Frames from one of them to the next, k (paper: 1, at 25 a second). */
  stride: number;
  /** By how much a later frame is to lie further away (paper: 0.03). */
  margin: number;
}

type Config = RunSettings & TemporalRankingSettings;

const PUBLISHED = { ranked: 10, stride: 1, margin: 0.03 };

/** Temporal ranking. In the feeds, view Q holds the anchors and view K all other frames, frame by frame. */
export const temporalRanking: Rival<TemporalRankingSettings> = {
  presets: {
    paper: {
      ...ON_CLIPS,
      ...PUBLISHED,
      backbone: "resnet18",
      batchSize: 48,
      epochs: 50,
      baseLearningRate: 16 / 3000, // 1e-3 at a batch of 48
    },
    quick: {
      ...ON_CLIPS,
      ...PUBLISHED,
      heldBack: FEW,
      batchSize: 10, // 12 frames each: about as many pictures a step as two views of 64 faces
      epochs: 4, // and about as many steps
      evaluateEvery: 1,
    },
  },
  clip: ({ ranked, stride }) => ({
    kind: "run",
    distances: Array.from({ length: 1 + ranked }, (_, i) => 1 + stride * i),
  }),
  check(config) {
    const { atLeast } = demandsOn(config);
    checkClipViews(config);
    atLeast(["embeddingSize", "ranked", "stride"], 1);
    atLeast(["margin"], 0, "any");
  },
  terms: [SPREAD],
  summary: ({ ranked, stride, margin }) => `${ranked} frames ranked, stride ${stride}, margin ${margin}`,
  initState: (config) => initTrained(config, [embedding(config)]),
  clock: cosineClock,
  step,
};

/** F -> 256. */
const embedding = (config: Config) => vectorHead("projection", config);

/**
 * Sum over i = 1..N of max(0, D[i-1] - D[i] + margin), mean over anchors, with D[0] the squared distance from the anchor
 * to its sibling and D[i] that to the i-th frame after.
 * @param frames unit vectors of every frame, anchors first, [B, D] each
 */
export function rankingLoss([anchor, ...later]: readonly Tensor2D[], margin: number): Scalar {
  const distances = later.map((frame) => tf.sum(tf.squaredDifference(anchor, frame), 1));
  const hinges = distances.slice(1).map((distance, i) =>
    tf.relu(tf.add(tf.sub(distances[i], distance), margin))
  );
  return tf.mean(tf.addN(hinges as Tensor[])) as Scalar;
}

function step(state: Trained, feeds: ViewFeeds, config: Config, ranks?: Ranks): StepResult {
  const batch = feeds.viewQ.shape[0];
  const all = tf.concat([feeds.viewQ, feeds.viewK]);
  return resultOf(descend(state, (now, kept) => {
    const features = runBackbone(now, all, config, ranks, kept());
    const e = unitRows(runHeadOf(embedding(config), now, features, ranks)); // [12 B, 256]
    const frames = tf.split(e, e.shape[0] / batch) as Tensor2D[];
    return { loss: rankingLoss(frames, config.margin), terms: { spread: spreadOf(frames[0], ranks) } };
  }, descentOf(feeds, config, ranks)));
}
