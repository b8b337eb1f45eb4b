/** The steps that are measured, and one of them as a runner with its feeds. */
import { viewFeeds } from "../../train/methods/method.ts";
import { queueFeeds } from "../../train/methods/queued.ts";
import { paper } from "../../train/config.ts";
import { type Feeds, initState, type Method, type State, step } from "../../train/emoco.ts";
import { QueuePositions } from "../../train/nets/queue.ts";
import { normal, randomStream } from "../../train/runs/random.ts";
import type { StepRunner } from "../../train/engine/state_values.ts";
import { openStepRunner } from "../../train/engine/step_runner.ts";
import type { TraceOptions } from "../../train/engine/traced_runner.ts";

/** What a step is measured on. */
export interface StepCase {
  backbone: Method["backbone"];
  imageSize: number;
  batchSize: number;
  /** Keys a ring. */
  queueSize: number;
  /** Steps a round. */
  steps: number;
}

/** The cases whose ratios are reported. */
export const STEP_CASES: { [name: string]: StepCase } = {
  resnet18: { backbone: "resnet18", imageSize: 112, batchSize: 32, queueSize: 4096, steps: 4 },
  resnet50: { backbone: "resnet50", imageSize: 224, batchSize: 16, queueSize: 4096, steps: 1 },
};

const EMOTIONS = 7;

/**
 * The method's step with the paper's settings and views given, so that only the step is measured. On one of several
 * ranks `batchSize` is what all have together.
 */
export function openCase(
  { backbone, imageSize, batchSize, queueSize }: StepCase,
  options: { eager?: boolean } & TraceOptions,
): { runner: StepRunner; next: () => Parameters<StepRunner["run"]>[0]; parameters: number } {
  const method: Method = { ...paper, backbone };
  const sizes = Array(EMOTIONS).fill(queueSize);
  const state = initState(method, { emotions: EMOTIONS, queueSizes: sizes, randomKeys: true, seed: 0 });
  const parameters = Object.values(state.weights).reduce((sum, weight) => sum + weight.size, 0);
  const positions = new QueuePositions(sizes, true);
  const random = randomStream(0);
  const { rank, size } = options.cluster ?? { rank: 0, size: 1 };
  const part = batchSize / size;
  const view = () => Float32Array.from({ length: part * imageSize ** 2 * 3 }, () => normal(random));
  const order = Int32Array.from({ length: part }, (_, i) => i);
  const ofAll = Int32Array.from({ length: batchSize }, (_, i) => i % EMOTIONS);
  const emotions = ofAll.slice(rank * part, (rank + 1) * part);
  const fixed = { viewQ: view(), viewK: view(), emotions };
  const next = () => ({
    ...viewFeeds({ ...fixed, learningRate: 0.003 }),
    ...queueFeeds({ ...positions.advance(ofAll), keyOrder: order }),
  });
  const runner = openStepRunner(
    (state: State, feeds: Feeds) => step(state, feeds, method, options.cluster),
    state,
    options,
  );
  return { runner: runner as StepRunner, next, parameters };
}
