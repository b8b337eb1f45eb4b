/** The pretraining loop: batches, steps, probes, checkpoints, until the last epoch or Ctrl-C. */
import { EMOTIONS } from "@emoco/web/facs";
import { hasCheckpoint, loadCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { PretrainConfig } from "./config.ts";
import { countEmotions, type Face, Walk } from "./data.ts";
import { type Feeds, initState, step as emocoStep } from "./emoco.ts";
import { Interrupt } from "./interrupt.ts";
import { OnlineProbe, type ProbeResult } from "./online_probe.ts";
import { cosine } from "./optimizer.ts";
import { writePretrainReport } from "./pretrain_report.ts";
import { duration, Progress } from "./progress.ts";
import { QueuePositions, queueSizes } from "./queue.ts";
import { permutation, PURPOSE, randomStream } from "./random.ts";
import { cutMetrics, holdRun, logMetric, readMetrics, refuseChanges, RunError } from "./run_folder.ts";
import { tf } from "./backend.ts";
import { firstNonFinite, type StateValues, type StepRunner, toTensors } from "./state_values.ts";
import { emocoFeeds, openStepRunner } from "./step_runner.ts";
import { type ViewBatch, ViewLoader } from "./views.ts";
import { sha256 } from "./whole_file.ts";

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
  /** SHA-256 of the manifest and of which of its faces are used: other faces would make another run. */
  facesSha256: string;
}

/**
 * Trains to the end of the run, or to Ctrl-C, which saves first.
 * @throws {RunError} a loss or weights that are not finite, naming step and faces; a resumed run whose data have
 *   changed; a run that another process has
 */
export async function train(run: PretrainRun): Promise<void> {
  const { folder, config, data } = run;
  const { kept, held } = data;
  const { batchSize } = config;
  using _held = holdRun(folder);
  using interrupt = new Interrupt();
  const steps = Math.max(1, Math.floor(config.epochs * kept.length / batchSize));
  const progress = new Progress(steps);
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
    { eager: run.eager },
  );
  const lines = JSON.stringify([kept, held].map((faces) => faces.map((face) => face.line)));
  const facesSha256 = sha256(Deno.readFileSync(data.manifest), lines);
  const first = run.resumes ? await resume(run, runner, positions, facesSha256, progress) : 0;
  if (first >= steps) {
    progress.print(
      `${run.name} is complete: ${steps} of ${steps} steps are done. Its report is ${folder}/report.html.`,
    );
    return;
  }
  /** State, or groups of it, that must not leave the loop when the last update has ruined them. */
  const readSound = async (step: number, batch: ViewBatch | undefined, ...groups: string[]) => {
    const state = await runner.readState(...groups);
    const ruined = firstNonFinite(state);
    if (ruined) {
      throw notFinite(`After step ${step}, ${ruined} holds numbers that are not finite.`, batch, kept);
    }
    return state;
  };
  const save = async (step: number, batch: ViewBatch) => {
    const position: PretrainPosition = {
      step,
      next: [...positions.next],
      filled: [...positions.filled],
      facesSha256,
    };
    saveCheckpoint(folder, {
      state: await readSound(step, batch),
      config,
      position,
      subjects: { pretraining: [...new Set(kept.map((face) => face.subject))].sort(), actionUnits: [] },
    });
  };
  const viewOptions = { ...config, size: config.imageSize };
  using loader = new ViewLoader(kept, viewOptions);
  using probe = new OnlineProbe(kept, held, viewOptions);
  const evaluate = async (step: number, batch?: ViewBatch) => {
    const result = await probeEncoder(probe, await readSound(step, batch, "weights", "statistics"), config);
    const { knnEmotionAccuracy, probeF1, probeAuc } = result;
    logMetric(folder, { type: "evaluation", step, knnEmotionAccuracy, probeF1, probeAuc });
    progress.print(
      `step ${step}: emotion kNN ${knnEmotionAccuracy.toFixed(3)}, probe F1 ${probeF1.toFixed(3)}, ` +
        `AUC ${probeAuc.toFixed(3)} (held-back subjects)`,
    );
    await writePretrainReport(folder, {
      ...run,
      steps,
      metrics: readMetrics(folder),
      kept,
      probe: result,
    });
  };
  // At the first step that completes so many epochs, which for the last epoch is the last step.
  const probesBy = (step: number) => Math.floor(step * batchSize / (kept.length * config.evaluateEvery));
  const isDue = (step: number) => step === 0 || probesBy(step) > probesBy(step - 1);
  // A run that was stopped where a probe was due has not had it yet.
  const isProbed = readMetrics(folder).some((metric) =>
    metric.type === "evaluation" && metric.step === first
  );
  if (isDue(first) && !isProbed) await evaluate(first);

  const started = performance.now();
  let stepTime = 0, recent = started, recentStep = first;
  let step = first;
  try {
    for await (const batch of loader.randomViews(new Walk(kept.length, config.seed), first, steps)) {
      const begun = performance.now();
      const losses = await runner.run(emocoFeeds(feedsOf(batch, step, steps, positions, run)));
      const [loss, emotionLoss, contrastiveLoss] = [
        losses.loss[0],
        losses.emotionLoss[0],
        losses.contrastiveLoss[0],
      ];
      step++;
      if (!Number.isFinite(loss)) throw notFinite(`The loss of step ${step} is ${loss}.`, batch, kept);
      const now = performance.now();
      stepTime += now - begun;
      const epoch = Math.floor((step - 1) * batchSize / kept.length);
      // Short, so that a terminal of 80 columns shows it whole.
      const text = `epoch ${epoch + 1}/${config.epochs}  step ${step}/${steps}  loss ${loss.toFixed(2)} ` +
        `emo ${emotionLoss.toFixed(2)} con ${contrastiveLoss.toFixed(2)}`;
      const isLast = step === steps;
      const isLogged = step % config.logEvery === 0 || isLast;
      const imagesPerSecond = (step - recentStep) * batchSize / (now - recent) * 1000;
      if (isLogged) {
        const lr = learningRate(config, step - 1, steps);
        const values = { loss, emotionLoss, contrastiveLoss, lr, imagesPerSecond };
        logMetric(folder, { type: "step", step, epoch, ...values });
        [recent, recentStep] = [now, step];
      }
      progress.show(
        step,
        `${text}  ${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} img/s`,
        isLogged,
      );
      const stops = interrupt.asked && !isLast;
      if (isLast || isDue(step) && !stops) await evaluate(step, batch);
      if (step % config.checkpointEvery === 0 || isLast || stops) await save(step, batch);
      recent += performance.now() - now; // neither probes nor checkpoints count as images
      if (stops) {
        progress.print(
          `Stopped after step ${step} and saved. Go on with: deno task pretrain --resume --name=${run.name}`,
        );
        break;
      }
    }
  } finally {
    progress.end();
  }
  const broken = new Set([...probe.skipped, ...[...loader.skipped.keys()].map((i) => kept[i].image)]);
  if (broken.size) {
    progress.print(
      `${broken.size} pictures could not be decoded: others of the same emotion took their place.`,
    );
  }
  const waited = (100 * loader.waited / (loader.waited + stepTime)).toFixed(1);
  progress.print(
    `${step - first} steps in ${duration(performance.now() - started)}; ` +
      `the step waited for views ${waited} % of the time.${
        step === steps ? ` Report: ${folder}/report.html` : ""
      }`,
  );
  runner.dispose();
}

/** Takes the run back to its newest checkpoint, or to step 0 where it has none; returns the steps that are done. */
async function resume(
  { folder, config, data }: PretrainRun,
  runner: StepRunner,
  positions: QueuePositions,
  facesSha256: string,
  progress: Progress,
): Promise<number> {
  if (!hasCheckpoint(folder)) {
    progress.print(`${folder} has no checkpoint yet: starting at step 0.`);
    cutMetrics(folder, -1);
    return 0;
  }
  const checkpoint = loadCheckpoint<PretrainPosition>(folder);
  refuseChanges(checkpoint.config, config, "the checkpoint was written with");
  const { step, next, filled } = checkpoint.position;
  if (checkpoint.position.facesSha256 !== facesSha256) {
    throw new RunError(
      `${data.manifest} or the pictures it names have changed since the checkpoint was written, so the run would not be ` +
        "the same run. Put the old ones back, or start a new run.",
    );
  }
  await runner.writeState(checkpoint.state);
  positions.next.set(next);
  positions.filled.set(filled);
  cutMetrics(folder, step);
  progress.print(`Going on after step ${step}.`);
  return step;
}

async function probeEncoder(
  probe: OnlineProbe,
  state: StateValues,
  architecture: PretrainConfig,
): Promise<ProbeResult> {
  const tensors = toTensors(state);
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

function notFinite(what: string, batch: ViewBatch | undefined, faces: readonly Face[]): RunError {
  const names = Array.from(
    batch?.indices ?? [],
    (index) => `${faces[index].image} (line ${faces[index].line})`,
  );
  return new RunError(
    `${what} The last checkpoint is kept; lower baseLearningRate or look at this batch:\n  ${
      names.join("\n  ")
    }`,
  );
}
