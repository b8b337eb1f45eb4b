/** One run of a study from nothing to its numbers: pretraining, action units, photographs or a picture, and what they gave. */
import { join } from "node:path";
import type { UnitScores } from "../../train/scores/metrics.ts";
import { type Metric, readMetrics, RUNS } from "../../train/runs/run_folder.ts";
import { exists, writeAtomically } from "../../train/runs/whole_file.ts";
import { PICTURE } from "./fig5.ts";
import { claimNames } from "../files/claim.ts";
import { COMMITTED_RESULTS } from "./results.ts";
import { type Asked, type Encoder, encoderName, type StudyResult, type StudyRun } from "./run.ts";
import { finish, readSeconds, train } from "./start.ts";

/** Does what a run still lacks, and returns what it gave. @param folder of the study's results */
export async function score(run: StudyRun, asked: Asked, folder: string): Promise<StudyResult> {
  const from = await pretrain(run.encoder, asked);
  const data = `--data=${asked.data}`;
  if (run.protocol === "rate") return readRun(run, from);
  if (run.protocol === "features") {
    const above = await pretrain(run.above!, asked);
    await finish("plot", [`--from=${from}`, `--compare=${above}`, data, `--seed=${run.seed}`]);
    if (run.seed === 0) {
      if (folder !== COMMITTED_RESULTS) claimNames("--out", folder, [PICTURE]);
      Deno.mkdirSync(folder, { recursive: true });
      writeAtomically(join(folder, PICTURE), Deno.readTextFileSync(join(RUNS, from, "features.svg")));
    }
    const { encoders } = JSON.parse(Deno.readTextFileSync(join(RUNS, from, "features.json")));
    return { ...readRun(run, from), silhouettes: encoders };
  }
  const { name, split = "au,test", protocol, settings = [] } = run;
  const start = `--from=${from}`;
  await train("finetune", name, [start, data, `--split=${split}`, `--protocol=${protocol}`, ...settings]);
  if (!split.includes("test")) await finish("evaluate", [`--model=${name}`, data]);
  const result = readRun(run, from);
  if (run.counts) result.cost = (await import("./cost.ts")).costOf(name); // brings TensorFlow with it
  if (!asked.photos) return result;
  await finish("export", [`--from=${name}`]);
  const { scoreOnPhotographs } = await import("./photograph_scores.ts"); // brings onnxruntime with it
  return { ...result, photographs: await scoreOnPhotographs(name, asked.photos) };
}

/** Pretrains, where that is not done yet, and says where finetuning starts from. */
async function pretrain(encoder: Encoder, asked: Asked): Promise<string> {
  const { method, seed, settings } = encoder;
  if (method === "random") return `random:${seed}`;
  const name = encoderName(asked, encoder);
  await train("pretrain", name, [
    `--method=${method}`,
    `--data=${asked.data}`,
    ...asked.settings,
    `--epochs=${asked.epochs}`,
    `--seed=${seed}`,
    `--evaluateEvery=${Math.max(1, Math.round(asked.epochs / 10))}`,
    ...settings,
  ]);
  return name;
}

/** What a finished run left in its folder and in that of its encoder, `from`. */
export function readRun({ name, row, seed, at, protocol }: StudyRun, from: string): StudyResult {
  const isRandom = from.startsWith("random");
  const pretraining = isRandom ? [] : readMetrics(join(RUNS, from));
  const probes = pretraining.filter(({ type }) => type === "evaluation");
  const learnsUnits = protocol === "linear" || protocol === "finetune";
  const learning = learnsUnits ? readMetrics(join(RUNS, name)) : [];
  const scores = learnsUnits ? readScores(name) : undefined;
  return {
    name,
    row,
    seed,
    ...(at === undefined ? {} : { at }),
    protocol,
    f1: scores?.averages.f1 ?? null,
    auc: scores?.averages.auc ?? null,
    units: (scores?.units ?? []).map(({ au, f1, auc }) => ({ au, f1, auc })),
    knnEmotionAccuracy: probes.at(-1)?.knnEmotionAccuracy as number | undefined ?? null,
    heldBackF1: probes.at(-1)?.probeF1 as number | undefined ?? null,
    updates: { pretraining: lastStep(pretraining), finetuning: lastStep(learning) },
    seconds: {
      pretraining: isRandom ? null : stepSeconds(pretraining, from),
      finetuning: learnsUnits ? readSeconds(name) : null,
    },
    curve: probes.map((metric) => ({
      step: metric.step,
      f1: metric.probeF1 as number,
      auc: metric.probeAuc as number,
    })),
    epochs: learning.filter(({ type }) => type === "evaluation").map((metric) => ({
      fold: (metric.fit as number) + 1,
      epoch: metric.epoch as number,
      f1: metric.f1 as number,
    })),
  };
}

/** Means of the folds, or of the people of `test` where units were learnt without folds. */
function readScores(name: string): { averages: { f1: number; auc: number }; units: UnitScores[] } {
  const [test, folds] = ["evaluation-test.json", "folds.json"].map((file) => join(RUNS, name, file));
  return JSON.parse(Deno.readTextFileSync(exists(folds) ? folds : test));
}

function lastStep(metrics: readonly Metric[]): number {
  return metrics.findLast(({ type }) => type === "step")?.step ?? 0;
}

/** Seconds of the logged steps by the speed that was logged with each: probes and checkpoints are not in it. */
export function stepSeconds(metrics: readonly Metric[], from: string): number {
  const { batchSize } = JSON.parse(Deno.readTextFileSync(join(RUNS, from, "config.json")));
  let before = 0, seconds = 0;
  for (const { type, step, imagesPerSecond } of metrics) {
    if (type !== "step") continue;
    seconds += (step - before) * batchSize / (imagesPerSecond as number);
    before = step;
  }
  return seconds;
}
