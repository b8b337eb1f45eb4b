/** The finetuning protocol: the whole network trained on every fold, then on all faces; resumable at any step. */
import {
  type AuFeeds,
  type AuMethod,
  type AuModel,
  type AuState,
  finetuneStep,
  initAuState,
  predict,
} from "./au_model.ts";
import { tf } from "./backend.ts";
import { hasCheckpoint, loadCheckpoint, saveCheckpoint, sha256 } from "./checkpoint.ts";
import { Walk } from "./data.ts";
import { type FinetuneRun, printFold } from "./finetuning.ts";
import type { FoldBook } from "./fold_book.ts";
import type { Fold } from "./folds.ts";
import { Interrupt } from "./interrupt.ts";
import { unitWeights } from "./linear_probe.ts";
import { type Label, scoreUnits } from "./metrics.ts";
import { labelRows } from "./online_probe.ts";
import { biasCorrections, cosine, mapWeights } from "./optimizer.ts";
import { Progress } from "./progress.ts";
import { featureCount } from "./resnet.ts";
import { cutMetrics, logMetric, refuseChanges, RunError } from "./run_folder.ts";
import { averageFolds } from "./score_table.ts";
import { mapState, type StateValues, toTensors } from "./state_values.ts";
import { type FeedValues, openStepRunner, type StepRunner } from "./step_runner.ts";
import type { ViewLoader } from "./views.ts";

/** Where a finetuning run stands. */
export interface FinetunePosition {
  /** Fit under way, from 0; the last one is that of the model that is kept. */
  fit: number;
  /** Steps of that fit that are done. */
  step: number;
  manifestSha256: string;
}

/** One network to train: on `train`, tested on `test` where it is a fold. */
interface Fit {
  train: Int32Array<ArrayBuffer>;
  test?: Fold;
  steps: number;
  /** Steps of all fits before this one: `step` in metrics.jsonl counts through. */
  before: number;
}

/** Trains every fold and the model that is kept; `undefined` when Ctrl-C stopped it after saving. */
export async function finetuneFits(
  run: FinetuneRun,
  folds: readonly Fold[],
  loader: ViewLoader,
  book: FoldBook,
): Promise<AuModel | undefined> {
  const { config, source, faces, aus, folder } = run;
  const { architecture } = source.backbone;
  const fits = planFits(run, folds);
  const total = fits.at(-1)!.before + fits.at(-1)!.steps;
  const labels = labelRows(faces, aus);
  const fresh = () => initAuState(cloneBackbone(source.backbone), featureCount(architecture), aus.length);
  const method: AuMethod = { ...architecture, weightDecay: config.weightDecay };
  const runner = openStepRunner(
    (state: AuState, feeds: AuFeeds) => finetuneStep(state, feeds, method),
    fresh(),
    { eager: run.eager },
  );
  const manifestSha256 = sha256(Deno.readFileSync(run.manifest));
  const start = run.resumes ? await resume(run, runner, fits, manifestSha256) : { fit: 0, step: 0 };
  const progress = new Progress(total);
  using interrupt = new Interrupt();
  for (let fit = start.fit; fit < fits.length; fit++) {
    const { train, test, steps, before } = fits[fit];
    const first = fit === start.fit ? start.step : 0;
    if (first === 0) await runner.writeState(valuesOf(fresh()));
    const weights = unitWeights(Array.from(train, (i) => labels[i]), aus.length);
    const perEpoch = train.length / config.batchSize;
    const walk = new Walk(train.length, config.seed + fit);
    let step = first;
    for await (const batch of loader.randomViews(walk, first, steps, { kind: "single", faces: train })) {
      const rows = Array.from(batch.indices, (i) => labels[i]);
      const { loss: [loss] } = await runner.run(feedsOf(batch.viewQ, rows, weights, config, step, steps));
      if (!Number.isFinite(loss)) {
        const names = Array.from(batch.indices, (i) => faces[i].image).join("\n  ");
        throw new RunError(
          `The loss of fit ${fit + 1}, step ${
            step + 1
          } is ${loss}; lower learningRate. The batch:\n  ${names}`,
        );
      }
      step++;
      const isLast = step === steps;
      const isEpochEnd = Math.floor(step / perEpoch) > Math.floor((step - 1) / perEpoch) || isLast;
      const epoch = Math.ceil(step / perEpoch);
      const what = test ? `fold ${fit + 1}/${folds.length}` : "all faces";
      progress.show(
        before + step,
        `${what}  epoch ${epoch}/${config.epochs}  step ${step}/${steps}  loss ${loss.toFixed(3)}`,
      );
      if (step % config.logEvery === 0 || isLast) {
        logMetric(folder, { type: "step", step: before + step, fit, epoch, loss });
      }
      if (test && isEpochEnd) {
        const model = await modelOf(runner, run);
        const { probabilities } = await predict(model, loader, test.test);
        disposeModel(model);
        const units = scoreUnits(aus, probabilities, Array.from(test.test, (i) => labels[i]));
        const { f1, auc } = averageFolds([units]);
        logMetric(folder, { type: "evaluation", step: before + step, fit, epoch, f1, auc });
        if (isLast) { // the last epoch's result is the fold's, never the best one's on its own test faces
          const result = { fold: fit + 1, testSubjects: test.testSubjects, units };
          book.record(result, Array.from(test.test, (i) => faces[i]), probabilities);
          progress.end();
          printFold(fit + 1, folds.length, units);
        }
      }
      if (step % config.checkpointEvery === 0 || interrupt.asked) {
        const position = isLast ? { fit: fit + 1, step: 0, manifestSha256 } : { fit, step, manifestSha256 };
        if (position.fit < fits.length) await save(run, runner, position);
      }
      if (interrupt.asked && !(isLast && !test)) {
        progress.print(`Stopped and saved. Go on with: deno task finetune --resume --name=${run.name}`);
        return undefined;
      }
    }
  }
  progress.end();
  const model = await modelOf(runner, run);
  runner.dispose();
  return model;
}

function planFits({ config, faces }: FinetuneRun, folds: readonly Fold[]): Fit[] {
  const parts = [...folds, undefined];
  let before = 0;
  return parts.map((test) => {
    const train = test?.train ?? Int32Array.from(faces, (_, i) => i);
    const steps = Math.max(1, Math.floor(config.epochs * train.length / config.batchSize));
    const fit = { train, test, steps, before };
    before += steps;
    return fit;
  });
}

function feedsOf(
  images: Float32Array<ArrayBuffer>,
  rows: readonly Label[][],
  weights: Float32Array<ArrayBuffer>,
  { learningRate }: { learningRate: number },
  step: number,
  steps: number,
): FeedValues<keyof AuFeeds> {
  const batch = rows.length, units = weights.length;
  const side = Math.round(Math.sqrt(images.length / (3 * batch)));
  const cells = rows.flat();
  const scalar = (value: number) => ({ shape: [], values: Float32Array.of(value) });
  const { first, second } = biasCorrections(step + 1);
  return {
    images: { shape: [batch, side, side, 3], values: images },
    present: { shape: [batch, units], values: Float32Array.from(cells, (label) => Number(label === true)) },
    labelled: {
      shape: [batch, units],
      values: Float32Array.from(cells, (label) => Number(label !== undefined)),
    },
    unitWeights: { shape: [units], values: weights },
    learningRate: scalar(cosine(learningRate, step, steps)),
    firstCorrection: scalar(first),
    secondCorrection: scalar(second),
  };
}

async function resume(
  { folder, config }: FinetuneRun,
  runner: StepRunner,
  fits: readonly Fit[],
  manifestSha256: string,
): Promise<{ fit: number; step: number }> {
  if (!hasCheckpoint(folder)) {
    console.log(`${folder} has no checkpoint yet: starting at step 0.`);
    cutMetrics(folder, -1);
    return { fit: 0, step: 0 };
  }
  const { state, position, config: saved } = loadCheckpoint<FinetunePosition>(folder);
  refuseChanges(saved, config, "the checkpoint was written with");
  if (position.manifestSha256 !== manifestSha256) {
    throw new RunError(
      "The manifest has changed since the checkpoint was written: put the old one back, or start a new run.",
    );
  }
  await runner.writeState(state);
  cutMetrics(folder, fits[position.fit].before + position.step);
  console.log(`Going on with fit ${position.fit + 1}, after step ${position.step}.`);
  return position;
}

async function save(run: FinetuneRun, runner: StepRunner, position: FinetunePosition): Promise<void> {
  saveCheckpoint(run.folder, {
    state: await runner.readState(),
    config: run.config,
    position,
    subjects: {
      pretraining: [...run.source.pretrainingSubjects],
      actionUnits: [...new Set(run.faces.map((face) => face.subject))].sort(),
    },
  });
}

/** The network as it stands; its tensors are the caller's. */
async function modelOf(runner: StepRunner, { source, aus }: FinetuneRun): Promise<AuModel> {
  const state = await runner.readState("weights", "statistics");
  const { "au.weight": weight, "au.bias": bias, ...backbone } = state.weights;
  const tensors = toTensors({ weights: backbone, statistics: state.statistics });
  return {
    backbone: {
      architecture: source.backbone.architecture,
      weights: tensors.weights,
      statistics: tensors.statistics,
    },
    classifier: {
      weight: weight.values as Float32Array<ArrayBuffer>,
      bias: bias.values as Float32Array<ArrayBuffer>,
    },
    aus,
  };
}

function disposeModel({ backbone }: AuModel): void {
  tf.dispose(backbone.weights);
  tf.dispose(backbone.statistics);
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
