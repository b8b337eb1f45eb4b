/** The pretraining loop: batches, steps, probes, checkpoints, until the last epoch or Ctrl-C. */
import { EMOTIONS } from "@emoco/web/facs";
import { hasCheckpoint, loadCheckpoint, saveCheckpoint, sha256 } from "./checkpoint.ts";
import type { PretrainConfig } from "./config.ts";
import { countEmotions, type Face, Walk } from "./data.ts";
import { type Feeds, initState, step as emocoStep } from "./emoco.ts";
import { OnlineProbe, type ProbeResult } from "./online_probe.ts";
import { cosine } from "./optimizer.ts";
import { writePretrainReport } from "./pretrain_report.ts";
import { duration, Progress } from "./progress.ts";
import { QueuePositions, queueSizes } from "./queue.ts";
import { permutation, PURPOSE, randomStream } from "./random.ts";
import { cutMetrics, logMetric, readMetrics, refuseChanges, RunError } from "./run_folder.ts";
import { tf } from "./backend.ts";
import { toTensors } from "./state_values.ts";
import { emocoFeeds, openStepRunner, type StepRunner } from "./step_runner.ts";
import { type ViewBatch, ViewLoader } from "./views.ts";

/** Faces of a run: those it learns from and those of other subjects that it is probed with. */
export interface PretrainData {
  /** Path of the manifest. */
  manifest: string;
  kept: readonly Face[];
  held: readonly Face[];
}

/** One run, new or to go on with. */
export interface PretrainRun {
  name: string;
  folder: string;
  /** Engine, version and device, for the report. */
  engine: string;
  config: PretrainConfig & { skipBroken: boolean };
  data: PretrainData;
  resumes: boolean;
  eager: boolean;
}

/** Where a run stands; with the config, everything but the tensors that its next step depends on. */
export interface PretrainPosition {
  /** Steps done. */
  step: number;
  /** Write positions and fill counts of the queues. */
  next: number[];
  filled: number[];
  /** SHA-256 of the manifest: other faces would make another run. */
  manifestSha256: string;
}

/**
 * Trains to the end of the run, or to Ctrl-C, which saves first.
 * @throws {RunError} a loss that is not finite, naming step and faces; a resumed run whose data have changed
 */
export async function train(run: PretrainRun): Promise<void> {
  const { folder, config, data } = run;
  const { kept, held } = data;
  const { batchSize } = config;
  const steps = Math.max(1, Math.floor(config.epochs * kept.length / batchSize));
  const sizes = queueSizes(config.queueSize, config.queues, countEmotions(kept), batchSize);
  const positions = new QueuePositions(sizes, config.queueFill === "random");
  const runner = openStepRunner(
    (state: ReturnType<typeof initState>, feeds: Feeds) => emocoStep(state, feeds, config),
    initState(config, {
      emotions: EMOTIONS.length,
      queueSizes: sizes,
      randomKeys: config.queueFill === "random",
      seed: config.seed,
    }),
  );
  const manifestSha256 = sha256(Deno.readFileSync(data.manifest));
  const first = run.resumes ? await resume(run, runner, positions, manifestSha256) : 0;
  if (first >= steps) {
    console.log(
      `${run.name} is complete: ${steps} of ${steps} steps are done. Its report is ${folder}/report.html.`,
    );
    return;
  }
  const save = async (step: number) => {
    const position: PretrainPosition = {
      step,
      next: [...positions.next],
      filled: [...positions.filled],
      manifestSha256,
    };
    saveCheckpoint(folder, {
      state: await runner.readState(),
      config,
      position,
      subjects: { pretraining: [...new Set(kept.map((face) => face.subject))].sort(), actionUnits: [] },
    });
  };
  const viewOptions = { ...config, size: config.imageSize };
  using loader = new ViewLoader(kept, viewOptions);
  using probe = new OnlineProbe(kept, held, viewOptions);
  const progress = new Progress(steps, first);
  const evaluate = async (step: number) => {
    const result = await probeEncoder(probe, runner, config);
    const { knnEmotionAccuracy, probeF1, probeAuc } = result;
    logMetric(folder, { type: "evaluation", step, knnEmotionAccuracy, probeF1, probeAuc });
    progress.print(
      `step ${step}: emotion kNN ${knnEmotionAccuracy.toFixed(3)}, probe F1 ${probeF1.toFixed(3)}, AUC ${
        probeAuc.toFixed(3)
      } ` +
        `(held-back subjects)`,
    );
    await writePretrainReport(folder, {
      ...run,
      metrics: readMetrics(folder),
      kept,
      queries: probe.queries,
      probe: result,
    });
  };
  using interrupt = new Interrupt();
  if (first === 0) await evaluate(0);

  const evaluateSteps = Math.max(1, Math.round(config.evaluateEvery * kept.length / batchSize));
  const started = performance.now();
  let stepTime = 0, recent = started, recentStep = first;
  let step = first;
  for await (const batch of loader.randomViews(new Walk(kept.length, config.seed), first, steps)) {
    const begun = performance.now();
    const losses = await runner.run(emocoFeeds(feedsOf(batch, step, steps, positions, run)));
    stepTime += performance.now() - begun;
    const [loss, emotionLoss, contrastiveLoss] = [
      losses.loss[0],
      losses.emotionLoss[0],
      losses.contrastiveLoss[0],
    ];
    if (!Number.isFinite(loss)) throw notFinite(step + 1, loss, batch, kept);
    step++;
    const epoch = Math.floor((step - 1) * batchSize / kept.length);
    const text = `epoch ${epoch + 1}/${config.epochs}  step ${step}/${steps}  loss ${loss.toFixed(3)} ` +
      `(emotion ${emotionLoss.toFixed(3)}, contrastive ${contrastiveLoss.toFixed(3)})`;
    const isLast = step === steps;
    const isLogged = step % config.logEvery === 0 || isLast;
    const now = performance.now();
    const imagesPerSecond = (step - recentStep) * batchSize / (now - recent) * 1000;
    if (isLogged) {
      const lr = learningRate(config, step - 1, steps);
      logMetric(folder, {
        type: "step",
        step,
        epoch,
        loss,
        emotionLoss,
        contrastiveLoss,
        lr,
        imagesPerSecond,
      });
      [recent, recentStep] = [now, step];
    }
    progress.show(step, `${text}  ${imagesPerSecond.toFixed(0)} img/s`, isLogged);
    const stops = interrupt.asked && !isLast;
    if (!stops && (step % evaluateSteps === 0 || isLast)) {
      await evaluate(step);
      recent = performance.now();
    }
    if (step % config.checkpointEvery === 0 || isLast || stops) await save(step);
    if (stops) {
      progress.print(
        `Stopped after step ${step} and saved. Go on with: deno task pretrain --resume --name=${run.name}`,
      );
      break;
    }
  }
  progress.end();
  const total = performance.now() - started;
  if (loader.skipped.size) {
    console.log(`${loader.skipped.size} pictures could not be decoded and were replaced.`);
  }
  const waited = (100 * loader.waited / (loader.waited + stepTime)).toFixed(1);
  console.log(
    `${step - first} steps in ${duration(total)}; the step waited for views ${waited} % of the time. ` +
      `${step === steps ? `Report: ${folder}/report.html` : ""}`,
  );
  runner.dispose();
}

/** Takes the run back to its newest checkpoint, or to step 0 where it has none; returns the steps that are done. */
async function resume(
  { folder, config }: PretrainRun,
  runner: StepRunner,
  positions: QueuePositions,
  manifestSha256: string,
): Promise<number> {
  if (!hasCheckpoint(folder)) {
    console.log(`${folder} has no checkpoint yet: starting at step 0.`);
    cutMetrics(folder, -1);
    return 0;
  }
  const checkpoint = loadCheckpoint<PretrainPosition>(folder);
  refuseChanges(checkpoint.config, config, "the checkpoint was written with");
  const { step, next, filled } = checkpoint.position;
  if (checkpoint.position.manifestSha256 !== manifestSha256) {
    throw new RunError(
      "The manifest has changed since the checkpoint was written, so the run would not be the same run. " +
        "Put the old manifest back, or start a new run.",
    );
  }
  await runner.writeState(checkpoint.state);
  positions.next.set(next);
  positions.filled.set(filled);
  cutMetrics(folder, step);
  console.log(`Going on after step ${step}.`);
  return step;
}

async function probeEncoder(
  probe: OnlineProbe,
  runner: StepRunner,
  architecture: PretrainConfig,
): Promise<ProbeResult> {
  const tensors = toTensors(await runner.readState("weights", "statistics"));
  const result = await probe.run({ architecture, weights: tensors.weights, statistics: tensors.statistics });
  for (const group of Object.values(tensors)) tf.dispose(group);
  return result;
}

/** What the step is fed: the batch, and the numbers that change from step to step. */
function feedsOf(
  { indices, viewQ, viewK }: ViewBatch,
  step: number,
  steps: number,
  positions: QueuePositions,
  { config, data }: PretrainRun,
) {
  const emotions = Int32Array.from(indices, (index) => EMOTIONS.indexOf(data.kept[index].emotion!));
  const keyOrder = permutation(indices.length, randomStream(config.seed, PURPOSE.batchNorm, step));
  const keyOrderBack = new Int32Array(keyOrder.length);
  keyOrder.forEach((from, to) => keyOrderBack[from] = to);
  return {
    viewQ,
    viewK,
    emotions,
    ...positions.advance(config.queues === "single" ? emotions.map(() => 0) : emotions),
    learningRate: learningRate(config, step, steps),
    keyOrder,
    keyOrderBack,
  };
}

/** Linear in the batch size, half a cosine over the run (paper, IV-B.2). */
function learningRate({ baseLearningRate, batchSize }: PretrainConfig, step: number, steps: number): number {
  return cosine(baseLearningRate * batchSize / 256, step, steps);
}

function notFinite(step: number, loss: number, { indices }: ViewBatch, faces: readonly Face[]): RunError {
  const names = Array.from(indices, (index) => faces[index].image);
  return new RunError(
    `The loss of step ${step} is ${loss}. The last checkpoint is kept; lower baseLearningRate or look at this batch:\n  ` +
      names.join("\n  "),
  );
}

/** Ctrl-C asks the loop to save and stop; a second one ends the program at once. */
class Interrupt implements Disposable {
  asked = false;
  readonly #listener = () => {
    if (this.asked) Deno.exit(130);
    this.asked = true;
  };

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, this.#listener);
  }

  [Symbol.dispose](): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, this.#listener);
  }
}
