/**
 * What a self-supervised method is to those who run it: a state to begin with, a step, a clock.
 *
 * The room `methods`: one file a rival of EmoCo, written as its paper's algorithm, and EmoCo as one of them; it imports
 * `emoco.ts` and the rooms below that.
 */
import type { Scalar, Tensor, Tensor1D, Tensor4D } from "../engine/backend.ts";
import type { Ranks } from "../engine/collective.ts";
import type { Precision } from "../engine/precisions.ts";
import type { FeedValues, StateTensors } from "../engine/state_values.ts";
import type { ClipShape } from "../input/clips.ts";
import type { ViewKind } from "../input/augment.ts";
import type { Sampling } from "../input/walk.ts";
import { cosine } from "../nets/optimizer.ts";
import type { Architecture } from "../nets/resnet.ts";
import type { Trained } from "../nets/descent.ts";

/** What shapes a pretraining run whatever its method; EmoCo's paper's values stand in brackets. */
export interface RunSettings extends Architecture {
  /** Momentum of SGD (paper: 0.9). */
  sgdMomentum: number;
  /** Weight decay (paper: 1e-4 on all weights). */
  weightDecay: number;
  /** Passes over the faces (paper: 200). */
  epochs: number;
  /** Faces a step (paper: 256). */
  batchSize: number;
  /** Side of a view in pixels (MoCo: 224). */
  imageSize: number;
  /** Every face once an epoch, or every emotion equally often (`balanced`: for unequal counts; the paper is silent). */
  sampling: Sampling;
  /** Learning rate at a batch of 256, scaled by batchSize / 256; cosine to 0 over the run (paper: 0.03). */
  baseLearningRate: number;
  /** Augmentations of MoCo v2 (ours: head, temperature and schedule are v2's) or v1 (the paper's reference). */
  views: ViewKind;
  /** Least and greatest share of a face that a view shows (MoCo: 0.2 to 1). */
  cropScale: readonly [number, number];
  /** bfloat16 where the processor has it (see `precision.ts`); the paper is silent. */
  precision: Precision;
  /** Share of the pretraining subjects that is never trained on, for the probes during the run. */
  heldBack: number;
  /** Epochs between two probes: emotion kNN and a linear action-unit probe. */
  evaluateEvery: number;
  /** Steps between two lines in metrics.jsonl. */
  logEvery: number;
  /** Steps between two checkpoints; one more is written at the end and on Ctrl-C. */
  checkpointEvery: number;
  /** Start of all random streams. */
  seed: number;
}

/** A number that a step reports beside its loss. */
export interface Term {
  /** Its name in metrics.jsonl. */
  name: string;
  /** Its name in the progress line: three letters, so that a terminal of 80 columns shows it whole. */
  short: string;
  /** What it is. */
  meaning: string;
  /** A part of the loss, or a measure of how the run fares, which has another scale. */
  kind: "loss" | "measure";
}

/** What a run is going to be. */
export interface Plan {
  steps: number;
  /** Faces of each emotion, in the order of `EMOTIONS`. */
  counts: readonly number[];
}

/** Emotions of a batch, as numbers: of this rank's part, and of all ranks. */
export interface BatchEmotions {
  own: Int32Array<ArrayBuffer>;
  all: Int32Array<ArrayBuffer>;
}

/** What changes from step to step outside the graph; its position goes into the checkpoint, beside the step. */
export interface Clock {
  /** Learning rate of step `step`, counted from 0. */
  learningRate(step: number): number;
  /** What step `step` is fed beside its views; called once for each step, in order. */
  tick(step: number, emotions: BatchEmotions): FeedValues;
  position(): { [name: string]: number[] };
  restore(position: { [name: string]: unknown }): void;
}

/** What every step on two views is fed; of several ranks each gets its part of the batch. */
export type ViewFeeds = {
  /**
   * Views [B, S, S, 3], normalised. Of clips of T frames, the first frames, and frame by frame all others
   * [(T - 1) B, S, S, 3].
   */
  viewQ: Tensor4D;
  viewK: Tensor4D;
  /** Emotion of every face, int32 [B]. */
  emotions: Tensor1D;
  learningRate: Scalar;
};

/** New state and losses of a step: `loss` was minimised, the terms are reported. */
export type StepResult = { state: StateTensors; losses: { [name: string]: Tensor } };

/**
 * A method as the pretraining loop knows it. Methods written with their own settings, state and feeds are of this type:
 * the loop hands them what they have made themselves.
 */
export interface PretrainMethod<Config = RunSettings, State = Trained, Feeds = ViewFeeds> {
  readonly terms: readonly Term[];
  /** What a sample is, of methods on clips; absent, two views of a face. */
  clip?(config: Config): ClipShape;
  /** The settings that matter most, in a line. */
  summary(config: Config): string;
  /** A fresh state: the groups of `Trained`, and others that are the method's own. */
  initState(config: Config, plan: Plan): State;
  /** One training step; pure, eager or traced. All ranks get the same losses and the same state. */
  step(state: State, feeds: Feeds, config: Config, ranks?: Ranks): StepResult;
  clock(config: Config, plan: Plan): Clock;
}

/** A rival of EmoCo: a method with presets of its own, beside those that all runs begin with. */
export interface Rival<Own, State = Trained, Feeds = ViewFeeds>
  extends PretrainMethod<RunSettings & Own, State, Feeds> {
  readonly presets: { [name in "quick" | "paper"]: Own & Partial<RunSettings> };
  /** @throws {ConfigError} naming the setting that cannot be */
  check(config: RunSettings & Own): void;
}

/** Views and labels of a batch as `ViewFeeds`. */
export function viewFeeds({ viewQ, viewK, emotions, learningRate }: {
  viewQ: Float32Array<ArrayBuffer>;
  viewK: Float32Array<ArrayBuffer>;
  emotions: Int32Array<ArrayBuffer>;
  learningRate: number;
}): FeedValues<keyof ViewFeeds> {
  const batch = emotions.length;
  const side = Math.round(Math.sqrt(viewQ.length / (3 * batch)));
  const shapeOf = (views: Float32Array) => [batch * views.length / viewQ.length, side, side, 3];
  return {
    viewQ: { shape: shapeOf(viewQ), values: viewQ },
    viewK: { shape: shapeOf(viewK), values: viewK },
    emotions: { shape: [batch], values: emotions },
    learningRate: scalarFeed(learningRate),
  };
}

/** A number as a feed. */
export function scalarFeed(value: number): FeedValues[string] {
  return { shape: [], values: Float32Array.of(value) };
}

/** A list of whole numbers as a feed. */
export function listFeed(values: Int32Array<ArrayBuffer>): FeedValues[string] {
  return { shape: [values.length], values };
}

/** The greatest learning rate of a run: linear in the batch size (paper, IV-B.2). */
export function peakRate({ baseLearningRate, batchSize }: RunSettings): number {
  return baseLearningRate * batchSize / 256;
}

/**
 * A clock that remembers nothing: half a cosine of the learning rate over the run, and what `more` feeds at a step.
 */
export function cosineClock(
  config: RunSettings,
  { steps }: Plan,
  more: (step: number) => FeedValues = () => ({}),
): Clock {
  return {
    learningRate: (step) => cosine(peakRate(config), step, steps),
    tick: more,
    position: () => ({}),
    restore: () => {},
  };
}
