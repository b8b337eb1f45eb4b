/**
 * The pretraining loop: batches, steps, probes, checkpoints, until the last epoch or Ctrl-C.
 *
 * The room `pretraining`: the loop, its online probes and its report; it imports everything below it, `units` for the
 * probes.
 */
import { EMOTIONS } from "@emoco/web/facs";
import type { Tensor } from "../engine/backend.ts";
import { hasCheckpoint, loadCheckpoint } from "../runs/checkpoint.ts";
import { countEmotions, type Face } from "../input/data.ts";
import { loadMethod } from "../methods/index.ts";
import { type Clock, type ViewFeeds, viewFeeds } from "../methods/method.ts";
import { Interrupt } from "../runs/interrupt.ts";
import { notFinite, type PretrainPosition, PretrainRecord, type PretrainRun } from "./pretrain_record.ts";
import { duration, Progress } from "../runs/progress.ts";
import { cutMetrics, holdRun, logMetric, readMetrics, refuseChanges, RunError } from "../runs/run_folder.ts";
import type { FeedValues, StateTensors, StepRunner } from "../engine/state_values.ts";
import type { Trained } from "../nets/descent.ts";
import { openStepRunner } from "../engine/step_runner.ts";
import { type ViewBatch, ViewLoader } from "../input/views.ts";
import type { Walk } from "../input/walk.ts";
import { type Samples, samplesOf } from "./samples.ts";
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
  const method = await loadMethod(config.method ?? "emoco");
  const samples = samplesOf(kept, method, config);
  const steps = Math.max(1, Math.floor(config.epochs * samples.count / batchSize));
  const progress = new Progress(steps, writes);
  const plan = { steps, counts: countFaces(kept) };
  const clock = method.clock(config, plan);
  const runner = openStepRunner(
    (state: StateTensors, { stops, ...feeds }: ViewFeeds & { stops?: Tensor }) => {
      const { state: next, losses } = method.step(state as Trained, feeds, config, cluster);
      return { state: next, losses: cluster && stops ? { ...losses, stops: cluster.sum(stops) } : losses };
    },
    method.initState(config, plan) as StateTensors,
    { eager: run.eager, precision: config.precision, cluster },
  );
  const lines = JSON.stringify([kept, held].map((faces) => faces.map((face) => face.line)));
  const facesSha256 = sha256(Deno.readFileSync(data.manifest), lines);
  const first = run.resumes ? await resume(run, runner, clock, facesSha256, progress) : 0;
  if (first >= steps) {
    progress.print(
      `${run.name} is complete: ${steps} of ${steps} steps are done. Its report is ${folder}/report.html.`,
    );
    return;
  }
  const position = (step: number): PretrainPosition => ({
    step,
    ...clock.position(),
    facesSha256,
    ranks,
  });
  using loader = new ViewLoader(
    kept,
    { ...config, size: config.imageSize, batchSize: batchSize / ranks, pictures: samples.pictures },
    cluster?.processors,
  );
  using record = writes ? new PretrainRecord(run, steps, runner, progress) : undefined;
  // At the first step that completes so many epochs, which for the last epoch is the last step.
  const probesBy = (step: number) => Math.floor(step * batchSize / (samples.count * config.evaluateEvery));
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
    const part = partOf(samples.walk, batchSize, cluster);
    for await (const batch of samples.batches(loader, part, first, steps)) {
      const begun = performance.now();
      const feeds = feedsOf(batch, samples, step, clock, run);
      // Whoever of the ranks is asked to stop, all must stop after the same step.
      if (cluster) feeds.stops = { shape: [1], values: Float32Array.of(Number(interrupt.asked)) };
      const losses = await runner.run(feeds);
      const loss = losses.loss[0];
      const terms = method.terms.map((term) => ({ ...term, value: losses[term.name][0] }));
      step++;
      if (!Number.isFinite(loss)) throw notFinite(`The loss of step ${step} is ${loss}.`, batch, kept);
      const now = performance.now();
      stepTime += now - begun;
      const epoch = Math.floor((step - 1) * batchSize / samples.count);
      // Short, so that a terminal of 80 columns shows it whole.
      const text = `epoch ${epoch + 1}/${config.epochs}  step ${step}/${steps}  ` +
        [{ short: "loss", value: loss }, ...terms].map(({ short, value }) => `${short} ${value.toFixed(2)}`)
          .join(" ");
      const isLast = step === steps;
      const isLogged = step % config.logEvery === 0 || isLast;
      const imagesPerSecond = (step - recentStep) * batchSize / (now - recent) * 1000;
      if (isLogged && writes) {
        const values = {
          loss,
          ...Object.fromEntries(terms.map(({ name, value }) => [name, value])),
          lr: clock.learningRate(step - 1),
          imagesPerSecond,
        };
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
  clock: Clock,
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
  const named = { method: "emoco" }; // which older configs leave out
  refuseChanges(
    { ...named, ...checkpoint.config },
    { ...named, ...config },
    "the checkpoint was written with",
  );
  const { step } = checkpoint.position;
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
  clock.restore(checkpoint.position);
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
  { walk, faceOf }: Samples,
  step: number,
  clock: Clock,
  { config, data }: PretrainRun,
): FeedValues {
  const emotionOf = (index: number) => EMOTIONS.indexOf(data.kept[index].emotion!); // -1: of methods that read none
  const own = Int32Array.from(indices, emotionOf);
  // A queue takes the keys of all ranks.
  const all = Int32Array.from(
    { length: config.batchSize },
    (_, i) => emotionOf(faceOf(walk.at(step * config.batchSize + i).index)),
  );
  return {
    ...viewFeeds({ viewQ, viewK, emotions: own, learningRate: clock.learningRate(step) }),
    ...clock.tick(step, { own, all }),
  };
}

/** Faces of each emotion; those without one, which only methods meet that read none, count with the first. */
function countFaces(faces: readonly Face[]): number[] {
  const [first, ...others] = countEmotions(faces);
  return [first + faces.filter((face) => !face.emotion).length, ...others];
}
