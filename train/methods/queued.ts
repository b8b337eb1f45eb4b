/** EmoCo, and MoCo and ANCOR as switches of its step (`emoco.ts`): what the pretraining loop asks of them. */
import { initState, type Method, type State, step } from "../emoco.ts";
import type { Feeds } from "../emoco.ts";
import type { FeedValues } from "../engine/state_values.ts";
import { cosine } from "../nets/optimizer.ts";
import { type QueueFeeds, QueuePositions, queueSizes } from "../nets/queue.ts";
import { permutation, PURPOSE, randomStream } from "../runs/random.ts";
import {
  type Clock,
  listFeed,
  peakRate,
  type Plan,
  type PretrainMethod,
  type RunSettings,
} from "./method.ts";

/** Settings of the three beside those that every run has. */
export interface QueuedSettings extends Method {
  /** Keys a ring (paper: 65536), or `auto`: under a quarter of the faces that feed it (see `queueSizes`). */
  queueSize: number | "auto";
  /** Empty slots stay out of the loss, or hold random unit vectors until they are written (MoCo). */
  queueFill: "masked" | "random";
  /** Times that the cosine of the learning rate is gone through in a run (paper: once; ANCOR's code: ten times). */
  rateCycles: number;
}

type Config = RunSettings & QueuedSettings;

/** The three of them: what tells them apart is in their settings. */
export const queued: PretrainMethod<Config, State, Feeds> = {
  terms: [
    { name: "emotionLoss", short: "emo", meaning: "emotion, Eq. 2", kind: "loss" },
    { name: "contrastiveLoss", short: "con", meaning: "contrastive, Eq. 5", kind: "loss" },
  ],
  summary: ({ queues, normalization, losses }) =>
    `queues ${queues}, normalization ${normalization}, losses ${losses}`,
  initState: (config, plan) =>
    initState(config, {
      emotions: plan.counts.length,
      queueSizes: sizesOf(config, plan),
      randomKeys: config.queueFill === "random",
      seed: config.seed,
    }),
  step,
  clock: openClock,
};

/** Learning rate, and where the keys of each batch go. */
function openClock(config: Config, plan: Plan): Clock {
  const positions = new QueuePositions(sizesOf(config, plan), config.queueFill === "random");
  const cycle = plan.steps / (config.rateCycles ?? 1); // older files do not name it
  return {
    learningRate: (step) => cosine(peakRate(config), step % cycle, cycle),
    tick(step, { own, all }) {
      const keyOrder = permutation(own.length, randomStream(config.seed, PURPOSE.batchNorm, step));
      return queueFeeds({
        ...positions.advance(config.queues === "single" ? all.map(() => 0) : all),
        keyOrder,
      });
    },
    position: () => ({ next: [...positions.next], filled: [...positions.filled] }),
    restore({ next, filled }) {
      positions.next.set(next as number[]);
      positions.filled.set(filled as number[]);
    },
  };
}

function sizesOf({ queueSize, queues, batchSize }: Config, { counts }: Plan): number[] {
  return queueSizes(queueSize, queues, counts, batchSize);
}

/** What EmoCo's step is fed beside views: places of the keys in their queues, and in `keyOrder` their shuffled order. */
export function queueFeeds(
  { rows, filled, keyOrder }: QueueFeeds & { keyOrder: Int32Array<ArrayBuffer> },
): FeedValues<"rows" | "filled" | "keyOrder" | "keyOrderBack"> {
  const keyOrderBack = new Int32Array(keyOrder.length);
  keyOrder.forEach((from, to) => keyOrderBack[from] = to);
  return {
    rows: listFeed(rows),
    filled: listFeed(filled),
    keyOrder: listFeed(keyOrder),
    keyOrderBack: listFeed(keyOrderBack),
  };
}
