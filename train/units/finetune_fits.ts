/** The finetuning protocol: the whole network trained on every fold, then on all faces; resumable at any step. */
import { firstNonFinite, mapState, type StateValues } from "../runs/tensor_values.ts";
import {
  type AuFeeds,
  type AuMethod,
  type AuModel,
  type AuState,
  disposeModel,
  finetuneStep,
  initAuState,
  predict,
} from "./au_model.ts";
import { tf } from "../engine/backend.ts";
import { hasCheckpoint, loadCheckpoint, saveCheckpoint } from "../runs/checkpoint.ts";
import { type DetectorFits, detectorFits } from "./detector_fits.ts";
import { dropFeatures } from "./feature_cache.ts";
import { type FinetuneRun, type Fits, printFold, readableRows, type Source } from "./finetune_run.ts";
import { geometryParts, hasHeads } from "./face_heads.ts";
import { headFeeds, knownOfFaces, seenRows, startHeads, unitFeeds } from "./finetune_feeds.ts";
import type { FoldBook } from "./fold_book.ts";
import type { Fold } from "../scores/folds.ts";
import { Interrupt } from "../runs/interrupt.ts";
import { fitWithRate, openFeatures } from "./linear_fits.ts";
import { type LinearClassifier, unitWeights } from "./linear_probe.ts";
import { modelOfState } from "./model_state.ts";
import { mapWeights } from "../nets/optimizer.ts";
import { Progress } from "../runs/progress.ts";
import { featureCount } from "../nets/resnet.ts";
import { cutMetrics, logMetric, refuseChanges, RunError } from "../runs/run_folder.ts";
import { averageFolds } from "../scores/score_table.ts";
import type { FeedValues, StepRunner } from "../engine/state_values.ts";
import { openStepRunner } from "../engine/step_runner.ts";
import { scoreTarget, targetRows } from "../scores/target.ts";
import type { ViewLoader } from "../input/views.ts";
import { walkOverSets } from "../input/walk.ts";

/** Where a finetuning run stands. */
export interface FinetunePosition {
  /** Fit under way, from 0; the last one is that of the model that is kept. */
  fit: number;
  /** Steps of that fit that are done. */
  step: number;
}

/** One network to train: on `train`, tested on `test` where it is a fold. */
interface Fit {
  train: Int32Array<ArrayBuffer>;
  test?: Fold;
  steps: number;
  /** Steps of all fits before this one: `step` in metrics.jsonl counts through. */
  before: number;
}

/** Trains every fold, and the model that is kept where the run wants one. */
export async function finetuneFits(run: FinetuneRun, loader: ViewLoader, book: FoldBook): Promise<Fits> {
  const { config, source, faces, aus, folder, folds } = run;
  // The last fold of a run that keeps no model leaves no checkpoint behind it.
  if (!run.keepsModel && folds.every((_, i) => book.has(i + 1))) return { finished: true };
  const { architecture } = source.backbone;
  const fits = planFits(run);
  const total = fits.at(-1)!.before + fits.at(-1)!.steps;
  const labels = targetRows(faces, aus, config.target);
  // Another face stands in for a broken picture (`skipBroken`): its labels are not those of the line.
  const labelsOf = (indices: Int32Array) =>
    Array.from(indices, (i) => loader.skipped.has(i) ? labels[i].map(() => undefined) : labels[i]);
  const known = hasHeads(config) ? await knownOfFaces(faces, aus) : undefined;
  const detector = detectorFits(run);
  const rowsOf = (indices: Iterable<number>) => Array.from(indices, (i) => labels[i]);
  const fresh = (train: Iterable<number>, classifier?: LinearClassifier): AuState => {
    if (detector) return detector.fresh(rowsOf(train));
    const heads = known ? startHeads(run, known) : {};
    return initAuState(
      cloneBackbone(source.backbone),
      featureCount(architecture),
      aus.length,
      classifier,
      heads,
    );
  };
  let pick: Awaited<ReturnType<typeof openFeatures>> | undefined;
  const classifierFor = async (train: Int32Array, fit: number) => {
    if (source.units) return columnsOf(source.units, aus);
    if (detector || config.classifierStart === "zeros") return undefined;
    pick ??= await openFeatures(run, loader);
    return fitWithRate(pick(train), aus, { ...config, seed: config.seed + fit }).classifier;
  };
  const method: AuMethod = { ...config, ...architecture };
  const runner = openStepRunner(
    (state: AuState, feeds: AuFeeds) =>
      detector ? detector.step(state, feeds) : finetuneStep(state, feeds, method),
    fresh(faces.keys()),
    { eager: run.eager, precision: config.precision },
  );
  const start = run.resumes ? await resume(run, runner, fits) : { fit: 0, step: 0 };
  const progress = new Progress(total);
  using interrupt = new Interrupt();
  for (let fit = start.fit; fit < fits.length; fit++) {
    const { train, test, steps, before } = fits[fit];
    const first = fit === start.fit ? start.step : 0;
    if (first === 0) await runner.writeState(valuesOf(fresh(train, await classifierFor(train, fit))));
    const weights = unitWeights(rowsOf(train), aus.length, config.unitWeightPower);
    const epochsAfter = (steps: number) => Math.floor(steps * config.batchSize / train.length);
    const walk = walkOverSets(Array.from(train, (i) => faces[i]), config, config.seed + fit);
    let step = first;
    for await (const batch of loader.randomViews(walk, first, steps, { kind: "single", faces: train })) {
      const rows = labelsOf(batch.indices);
      const feeds = {
        ...unitFeeds(batch.viewQ, seenRows(rows, aus, batch.placements), weights, config, step, steps),
        ...(known ? headFeeds(known, batch, aus) : {}),
        ...detector?.feeds(batch, { fit, step }),
      } as FeedValues<keyof AuFeeds>; // those of heads are fed where heads are learnt
      const { loss: [loss], ...others } = await runner.run(feeds);
      step++;
      const what = test ? `fold ${fit + 1}/${folds.length}` : "all faces";
      if (!Number.isFinite(loss)) {
        const names = Array.from(batch.indices, (i) => `${faces[i].image} (line ${faces[i].line})`);
        throw new RunError(
          `The loss of step ${step} of ${what} is ${loss}. The last checkpoint is kept; lower learningRate or look at ` +
            `this batch:\n  ${names.join("\n  ")}`,
        );
      }
      const isLast = step === steps;
      const isEpochEnd = epochsAfter(step) > epochsAfter(step - 1) || isLast;
      const epoch = Math.min(epochsAfter(step - 1) + 1, config.epochs);
      const isLogged = step % config.logEvery === 0 || isLast;
      const text = `${what}  epoch ${epoch}/${config.epochs}  step ${step}/${steps}  loss ${loss.toFixed(3)}`;
      progress.show(before + step, text, isLogged);
      if (isLogged) {
        const parts = Object.fromEntries(Object.entries(others).map(([name, [value]]) => [name, value]));
        logMetric(folder, { type: "step", step: before + step, fit, epoch, loss, ...parts });
      }
      if (test && isEpochEnd) {
        const model = await modelOf(runner, run, detector);
        const { probabilities } = await predict(model, loader, test.test);
        disposeModel(model);
        const units = scoreTarget(config.target, aus, probabilities, labelsOf(test.test));
        const { f1, auc } = averageFolds([units]);
        // A batch may reach over the end of an epoch, so this is the epoch that has ended, not that of the step.
        const ended = isLast ? config.epochs : epochsAfter(step);
        logMetric(folder, { type: "evaluation", step: before + step, fit, epoch: ended, f1, auc });
        if (isLast) { // the last epoch's result is the fold's, never the best one's on its own test faces
          const result = { fold: fit + 1, testSubjects: test.testSubjects, units };
          const { rows, kept } = readableRows(test.test, probabilities, loader);
          book.record(result, Array.from(kept, (i) => faces[i]), rows);
          progress.end();
          printFold(fit + 1, folds.length, units);
        }
      }
      // Also at the end of a fold: one that is in the book is not trained again.
      if (step % config.checkpointEvery === 0 || interrupt.asked || isLast) {
        const position = isLast ? { fit: fit + 1, step: 0 } : { fit, step };
        if (position.fit < fits.length) await save(run, runner, position);
      }
      if (interrupt.asked && !(isLast && fit === fits.length - 1)) {
        progress.print(`Stopped and saved. Go on with: deno task ${run.task} --resume --name=${run.name}`);
        return { finished: false };
      }
    }
  }
  progress.end();
  refuseRuined(await runner.readState("weights", "statistics"));
  const model = run.keepsModel ? await modelOf(runner, run, detector) : undefined;
  runner.dispose();
  dropFeatures(folder);
  return { finished: true, model };
}

function planFits({ config, faces, folds, keepsModel }: FinetuneRun): Fit[] {
  const parts = keepsModel ? [...folds, undefined] : folds;
  let before = 0;
  return parts.map((test) => {
    const train = test?.train ?? Int32Array.from(faces, (_, i) => i);
    const steps = Math.max(1, Math.floor(config.epochs * train.length / config.batchSize));
    const fit = { train, test, steps, before };
    before += steps;
    return fit;
  });
}

async function resume(
  { folder, config }: FinetuneRun,
  runner: StepRunner,
  fits: readonly Fit[],
): Promise<FinetunePosition> {
  if (!hasCheckpoint(folder)) {
    console.log(`${folder} has no checkpoint yet: starting at step 0.`);
    cutMetrics(folder, -1);
    return { fit: 0, step: 0 };
  }
  const { state, position, config: saved } = loadCheckpoint<FinetunePosition>(folder);
  refuseChanges(saved, config, "the checkpoint was written with");
  await runner.writeState(state);
  cutMetrics(folder, fits[position.fit].before + position.step);
  console.log(`Going on with fit ${position.fit + 1}, after step ${position.step}.`);
  return position;
}

/** @throws {RunError} when the last update has ruined the weights, which the loss before it does not show */
function refuseRuined(state: StateValues): StateValues {
  const ruined = firstNonFinite(state);
  if (!ruined) return state;
  throw new RunError(
    `${ruined} holds numbers that are not finite. The last checkpoint is kept; lower learningRate.`,
  );
}

async function save(run: FinetuneRun, runner: StepRunner, position: FinetunePosition): Promise<void> {
  saveCheckpoint(run.folder, {
    state: refuseRuined(await runner.readState()),
    config: run.config,
    position,
    subjects: {
      pretraining: [...run.source.pretrainingSubjects],
      actionUnits: [...new Set(run.faces.map((face) => face.subject))].sort(),
    },
  });
}

/** The network as it stands; its tensors are the caller's. */
async function modelOf(
  runner: StepRunner,
  { source, aus, config }: FinetuneRun,
  detector?: DetectorFits,
): Promise<AuModel> {
  const state = await runner.readState("weights", "statistics");
  if (detector) return detector.modelOf(state);
  return modelOfState({ weights: state.weights, statistics: state.statistics }, {
    architecture: source.backbone.architecture,
    aus,
    hasEmotions: config.emotionWeight > 0,
    parts: geometryParts(config),
  });
}

/** A finished model's classifier for these units: its own columns, and zeros for what it does not know. */
function columnsOf({ aus: known, classifier }: NonNullable<Source["units"]>, aus: readonly number[]) {
  const features = classifier.weight.length / known.length;
  const fresh: LinearClassifier = {
    weight: new Float32Array(features * aus.length),
    bias: new Float32Array(aus.length),
  };
  aus.forEach((au, to) => {
    const from = known.indexOf(au);
    if (from < 0) return;
    fresh.bias[to] = classifier.bias[from];
    for (let f = 0; f < features; f++) {
      fresh.weight[f * aus.length + to] = classifier.weight[f * known.length + from];
    }
  });
  return fresh;
}

function cloneBackbone({ weights, statistics }: FinetuneRun["source"]["backbone"]) {
  const clone = (group: typeof weights) => mapWeights(group, (tensor) => tf.clone(tensor));
  return { weights: clone(weights), statistics: clone(statistics) };
}

/** Reads a state and frees it. */
function valuesOf(state: AuState): StateValues {
  const values = mapState(
    state,
    (tensor) => ({ shape: tensor.shape, values: tensor.dataSync().slice() as Float32Array<ArrayBuffer> }),
  );
  for (const group of Object.values(state)) tf.dispose(group);
  return values;
}
