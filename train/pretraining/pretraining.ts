/**
 * The pretraining loop: batches, steps, probes, checkpoints, until the last epoch or Ctrl-C.
 *
 * The room `pretraining`: the loop, its online probes and its report; it imports everything below it, `units` for the
 * probes.
 */
import { emocoFeeds } from "./emoco_feeds.ts";
import { EMOTIONS } from "@emoco/web/facs";
import type { Tensor } from "../engine/backend.ts";
import { hasCheckpoint, loadCheckpoint } from "../runs/checkpoint.ts";
import type { PretrainConfig } from "../config.ts";
import { countEmotions } from "../input/data.ts";
import { type Feeds, initState, type State, step as emocoStep } from "../emoco.ts";
import { Interrupt } from "../runs/interrupt.ts";
import { cosine } from "../nets/optimizer.ts";
import { notFinite, type PretrainPosition, PretrainRecord, type PretrainRun } from "./pretrain_record.ts";
import { duration, Progress } from "../runs/progress.ts";
import { QueuePositions, queueSizes } from "../nets/queue.ts";
import { permutation, PURPOSE, randomStream } from "../runs/random.ts";
import { cutMetrics, holdRun, logMetric, readMetrics, refuseChanges, RunError } from "../runs/run_folder.ts";
import type { FeedValues, StepRunner } from "../engine/state_values.ts";
import { openStepRunner } from "../engine/step_runner.ts";
import { type ViewBatch, ViewLoader } from "../input/views.ts";
import { type Walk, walkOver } from "../input/walk.ts";
import { sha256 } from "../runs/whole_file.ts";

/**
 * Trains to the end of the run, or to Ctrl-C, which saves first.
 * @throws {RunError} a loss or weights that are not finite, naming step and faces; a resumed run whose data have
 *   changed; a run that another process has
 */
export async function train(run: PretrainRun): Promise<void> {
  const { folder, config, data, cluster } = run;
  const { kept, held } = data;
  const { batchSize } = config;
  const ranks = cluster?.size ?? 1;
  const writes = !cluster || cluster.rank === 0;
  using _held = writes ? holdRun(folder) : undefined;
  using interrupt = new Interrupt();
  const steps = Math.max(1, Math.floor(config.epochs * kept.length / batchSize));
  const progress = new Progress(steps, writes);
  const sizes = queueSizes(
    config.queueSize,
    config.queues,
    config.queues === "single" ? [kept.length] : countEmotions(kept),
    batchSize,
  );
  const positions = new QueuePositions(sizes, config.queueFill === "random");
  const runner = openStepRunner(
    (state: State, { stops, ...feeds }: Feeds & { stops?: Tensor }) => {
      const next = emocoStep(state, feeds, config, cluster);
      const losses: { [name: string]: Tensor } = next.losses;
      if (cluster && stops) losses.stops = cluster.sum(stops);
      return { state: next.state, losses };
    },
    initState(config, {
      emotions: EMOTIONS.length,
      queueSizes: sizes,
      randomKeys: config.queueFill === "random",
      seed: config.seed,
    }),
    { eager: run.eager, precision: config.precision, cluster },
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
  const position = (step: number): PretrainPosition => ({
    step,
    next: [...positions.next],
    filled: [...positions.filled],
    facesSha256,
    ranks,
  });
  const walk = walkOver(kept, config);
  using loader = new ViewLoader(
    kept,
    { ...config, size: config.imageSize, batchSize: batchSize / ranks },
    cluster?.processors,
  );
  using record = writes ? new PretrainRecord(run, steps, runner, progress) : undefined;
  // At the first step that completes so many epochs, which for the last epoch is the last step.
  const probesBy = (step: number) => Math.floor(step * batchSize / (kept.length * config.evaluateEvery));
  const isDue = (step: number) => step === 0 || probesBy(step) > probesBy(step - 1);
  // A run that was stopped where a probe was due has not had it yet.
  const isProbed = readMetrics(folder).some((metric) =>
    metric.type === "evaluation" && metric.step === first
  );
  if (isDue(first) && !isProbed) await record?.evaluate(first);

  const started = performance.now();
  let stepTime = 0, recent = started, recentStep = first;
  let step = first;
  try {
    for await (const batch of loader.randomViews(partOf(walk, batchSize, cluster), first, steps)) {
      const begun = performance.now();
      const feeds: FeedValues = emocoFeeds(feedsOf(batch, walk, step, steps, positions, run));
      // Whoever of the ranks is asked to stop, all must stop after the same step.
      if (cluster) feeds.stops = { shape: [1], values: Float32Array.of(Number(interrupt.asked)) };
      const losses = await runner.run(feeds);
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
      if (isLogged && writes) {
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
      const stops = (cluster ? losses.stops[0] > 0 : interrupt.asked) && !isLast;
      if (isLast || isDue(step) && !stops) await record?.evaluate(step, batch);
      if (step % config.checkpointEvery === 0 || isLast || stops) await record?.save(position(step), batch);
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
  const broken = new Set([...record?.skipped ?? [], ...[...loader.skipped.keys()].map((i) => kept[i].image)]);
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
  { folder, config, data, cluster }: PretrainRun,
  runner: StepRunner,
  positions: QueuePositions,
  facesSha256: string,
  progress: Progress,
): Promise<number> {
  const writes = !cluster || cluster.rank === 0;
  if (!hasCheckpoint(folder)) {
    progress.print(`${folder} has no checkpoint yet: starting at step 0.`);
    if (writes) cutMetrics(folder, -1);
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
  const [before, now] = [checkpoint.position.ranks ?? 1, cluster?.size ?? 1];
  if (before !== now) {
    throw new RunError(
      `The checkpoint is of a run on ${before} ${
        before === 1 ? "process" : "ranks"
      }, and this is one on ${now}: sums ` +
        "would round otherwise and the run would not be the same. Start as many as before, or a new run.",
    );
  }
  await runner.writeState(checkpoint.state);
  positions.next.set(next);
  positions.filled.set(filled);
  if (writes) cutMetrics(folder, step);
  progress.print(`Going on after step ${step}.`);
  return step;
}

/** The walk over a rank's part of each batch: equal parts in the order of the ranks, which no two of them share. */
function partOf(walk: Walk, batchSize: number, { rank, size } = { rank: 0, size: 1 }): Pick<Walk, "at"> {
  const part = batchSize / size;
  return {
    at: (position) => walk.at(Math.floor(position / part) * batchSize + rank * part + position % part),
  };
}

/** What the step is fed: this rank's part of the batch, and the numbers that change from step to step. */
function feedsOf(
  { indices, viewQ, viewK }: ViewBatch,
  walk: Walk,
  step: number,
  steps: number,
  positions: QueuePositions,
  { config, data }: PretrainRun,
) {
  // Faces without an emotion are met by methods only that do not read it: any number will do.
  const emotionOf = (index: number) =>
    Math.max(0, EMOTIONS.findIndex((one) => one === data.kept[index].emotion));
  const emotions = Int32Array.from(indices, emotionOf);
  // The queues take the keys of all ranks.
  const ofAll = Int32Array.from(
    { length: config.batchSize },
    (_, i) => emotionOf(walk.at(step * config.batchSize + i).index),
  );
  const keyOrder = permutation(indices.length, randomStream(config.seed, PURPOSE.batchNorm, step));
  const keyOrderBack = new Int32Array(keyOrder.length);
  keyOrder.forEach((from, to) => keyOrderBack[from] = to);
  return {
    viewQ,
    viewK,
    emotions,
    ...positions.advance(config.queues === "single" ? ofAll.map(() => 0) : ofAll),
    learningRate: learningRate(config, step, steps),
    keyOrder,
    keyOrderBack,
  };
}

/** Linear in the batch size, half a cosine over the run (paper, IV-B.2). */
function learningRate({ baseLearningRate, batchSize }: PretrainConfig, step: number, steps: number): number {
  return cosine(baseLearningRate * batchSize / 256, step, steps);
}
