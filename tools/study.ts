/**
 * `deno task study`: does EmoCo beat its rivals on people nobody trained on? Pretrains each method on the `pretrain`
 * split, probes it by subject folds over `au` and `test`, keeps every result, and draws them. Resumable run by run.
 */
import { join, relative, resolve } from "node:path";
import { COMMITTED_FACES, manifestPath, readManifest } from "../train/input/data.ts";
import { type FlagList, type Flags, runProgram, SHARED_FLAGS, UsageError } from "../train/runs/flags.ts";
import { duration } from "../train/runs/progress.ts";
import { readMetrics, RUNS } from "../train/runs/run_folder.ts";
import { drawStudy } from "./study/draw.ts";
import { METHODS, ON_DEMAND, planStudy, type StudyRun } from "./study/plan.ts";
import {
  COMMITTED_RESULTS,
  readResults,
  type StudyResult,
  type StudyResults,
  writeResults,
} from "./study/results.ts";

const FLAGS: FlagList = {
  epochs: { kind: "text", help: "epochs of every pretraining (default: 40)" },
  seeds: { kind: "text", help: "seeds of the main comparison (default: 3)" },
  data: {
    kind: "text",
    help: "folder with a manifest.jsonl and its splits (default: the faces that come with EmoCo)",
  },
  only: {
    kind: "text",
    help:
      "methods, finetune, lambda, or detectors (supervised ones, which need faces with landmarks); default: the first three",
  },
  out: {
    kind: "text",
    help: "folder of results and charts, such as runs/my-study (default: tools/study, README.md)",
  },
  draw: { kind: "switch", help: "only draw the results that there are" },
  help: SHARED_FLAGS.help,
};

async function main({ text, switches, settings }: Flags): Promise<void> {
  const epochs = wholeNumber("epochs", text.epochs ?? "40"), seeds = wholeNumber("seeds", text.seeds ?? "3");
  const data = text.data ? resolve(text.data) : COMMITTED_FACES;
  const folder = text.out ? resolve(text.out) : COMMITTED_RESULTS;
  const draws = switches.has("draw");
  const results = openResults(folder, draws ? undefined : describeSetting(data, epochs, settings));
  const open = planStudy(seeds).filter((run) =>
    (text.only ? run.group === text.only : !ON_DEMAND.includes(run.group)) &&
    !results.runs.some(({ name }) => name === run.name)
  );
  if (text.only && !planStudy(seeds).some(({ group }) => group === text.only)) {
    throw new UsageError(`--only=${text.only}: the parts are methods, finetune, lambda and detectors.`);
  }
  const started = performance.now();
  for (const [i, run] of draws ? [] : open.entries()) {
    const left = i ? `, ${duration((performance.now() - started) / i * (open.length - i))} left` : "";
    console.log(`\n=== ${run.name} (${i + 1} of ${open.length} open runs${left})`);
    const more = results.setting.settings ?? [];
    results.runs.push(
      run.group === "finetune" || run.group === "detectors"
        ? await finetune(run, data, epochs, more)
        : await probe(run, data, epochs, more),
    );
    results.setting.updates = Math.max(
      results.setting.updates,
      ...results.runs.map((done) => done.curve.at(-1)?.step ?? 0),
    );
    writeResults(folder, results);
    drawStudy(folder, results);
  }
  drawStudy(folder, results);
  for (const { name, f1, auc } of results.runs) {
    console.log(`${name.padEnd(28)} F1 ${(100 * f1).toFixed(1)}  AUC ${(100 * auc).toFixed(1)}`);
  }
}

/** The results to go on with; without a setting, those that there are. @throws {UsageError} none, or of another setting */
function openResults(folder: string, setting?: StudyResults["setting"]): StudyResults {
  const results = readResults(folder);
  const path = join(relative(".", folder), "results.json");
  if (!setting) {
    if (results) return results;
    throw new UsageError(`There is no ${path} to draw: start with deno task study.`);
  }
  for (const key of ["epochs", "settings", "pretrainFaces", "probeFaces"] as const) {
    const [before, now] = [results?.setting[key], setting[key]].map((value) => JSON.stringify(value ?? []));
    if (!results || before === now) continue;
    throw new UsageError(
      `${path} was made with ${key} ${before}, and this is ${now}: go on with that, or give another --out.`,
    );
  }
  return results ?? { setting, runs: [] };
}

/** @throws {UsageError} no whole number of at least 1 */
function wholeNumber(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(`--${flag}=${text}: it must be a whole number of at least 1.`);
}

/** Pretrains, then probes by folds; either part is skipped where an earlier start has finished it. */
async function probe(
  run: StudyRun,
  data: string,
  epochs: number,
  more: readonly string[],
): Promise<StudyResult> {
  const { name } = run;
  const encoder = await pretrain(run, name, data, epochs, more);
  await start("finetune", `${name}-linear`, [`--from=${encoder}`, `--data=${data}`, "--split=au,test"]);
  return readRun(run, `${name}-linear`);
}

/** Pretrains as `name`, where that is not done yet, and says where finetuning starts from. */
async function pretrain(
  { method, seed, emotionWeight }: StudyRun,
  name: string,
  data: string,
  epochs: number,
  more: readonly string[],
): Promise<string> {
  if (method === "random") return `random:${seed}`;
  const settings = [
    ...more,
    `--epochs=${epochs}`,
    `--seed=${seed}`,
    `--emotionWeight=${emotionWeight}`,
    `--evaluateEvery=${Math.max(1, Math.round(epochs / 10))}`,
  ];
  await start("pretrain", name, [`--data=${data}`, ...settings, ...METHODS[method].settings]);
  return name;
}

/** Finetunes from the encoder of the main comparison's first seed, or from random weights. */
async function finetune(
  run: StudyRun,
  data: string,
  epochs: number,
  more: readonly string[],
): Promise<StudyResult> {
  const from = await pretrain(run, `study-${run.method}-${run.seed}`, data, epochs, more);
  await start("finetune", run.name, [
    `--from=${from}`,
    `--data=${data}`,
    "--split=au,test",
    run.detector ? `--detector=${run.detector}` : "--protocol=finetune",
    "--epochs=10", // twice what the paper needs to converge
  ]);
  return readRun(run, run.name);
}

/** What a finished run gave; `probed` is the run that holds its folds. */
export function readRun(run: StudyRun, probed: string): StudyResult {
  const { averages, units } = JSON.parse(Deno.readTextFileSync(join(RUNS, probed, "folds.json")));
  const evaluations = readMetrics(join(RUNS, run.name)).filter((metric) => metric.type === "evaluation");
  const isPretrained = run.group !== "finetune" && run.group !== "detectors";
  return {
    ...run,
    f1: averages.f1,
    auc: averages.auc,
    units: (units as { au: number; f1: number; auc: number }[]).map(({ au, f1, auc }) => ({ au, f1, auc })),
    knnEmotionAccuracy: isPretrained
      ? (evaluations.at(-1)?.knnEmotionAccuracy as number | undefined) ?? null
      : null,
    curve: isPretrained
      ? evaluations.map((metric) => ({
        step: metric.step,
        f1: metric.probeF1 as number,
        auc: metric.probeAuc as number,
      }))
      : [],
    epochs: isPretrained ? [] : evaluations.map((metric) => ({
      fold: (metric.fit as number) + 1,
      epoch: metric.epoch as number,
      f1: metric.f1 as number,
    })),
  };
}

/** Runs a training program to its end, going on with an earlier start of the same name. */
async function start(program: "pretrain" | "finetune", name: string, options: string[]): Promise<void> {
  let exists = true;
  try {
    Deno.statSync(join(RUNS, name));
  } catch {
    exists = false;
  }
  const { success } = await new Deno.Command(Deno.execPath(), {
    // The options again when it goes on: a run of other settings that happens to have this name is refused.
    args: ["task", program, `--name=${name}`, ...options, ...(exists ? ["--resume"] : [])],
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  // A Ctrl-C ends the child cleanly, so what says that it is done is its result.
  if (!success || !isDone(program, name)) {
    throw new UsageError(`${name} did not finish; start the study again to go on with it.`);
  }
}

function isDone(program: string, name: string): boolean {
  const { epochs } = JSON.parse(Deno.readTextFileSync(join(RUNS, name, "config.json")));
  if (program === "finetune") {
    try {
      return Deno.statSync(join(RUNS, name, "report.html")).isFile;
    } catch {
      return false;
    }
  }
  const metrics = readMetrics(join(RUNS, name));
  const lastStep = metrics.findLast((metric) => metric.type === "step");
  const lastProbe = metrics.findLast((metric) => metric.type === "evaluation");
  return lastStep?.epoch === epochs - 1 && lastProbe?.step === lastStep.step;
}

/** Keys that each run has of its own, or that the random encoder, which is not pretrained, could not share. */
const OWN = [
  "seed",
  "emotionWeight",
  "evaluateEvery",
  "queues",
  "normalization",
  "losses",
  "backbone",
  "width",
];

function describeSetting(
  data: string,
  epochs: number,
  settings: Record<string, string>,
): StudyResults["setting"] {
  const taken = [...OWN, "stem", "imageSize"].find((key) => Object.hasOwn(settings, key));
  if (taken) {
    throw new UsageError(`--${taken} is no setting of the whole study: its runs differ in it, or must not.`);
  }
  const faces = readManifest(manifestPath(data));
  const count = (...splits: string[]) =>
    faces.filter((face) => face.split && splits.includes(face.split)).length;
  return {
    preset: "quick",
    epochs,
    ...(Object.keys(settings).length
      ? { settings: Object.entries(settings).map(([key, value]) => `--${key}=${value}`).sort() }
      : {}),
    pretrainFaces: count("pretrain"),
    probeFaces: count("au", "test"),
    updates: 0,
  };
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task study: compare EmoCo with its rivals; stop and start it as you like.",
    flags: FLAGS,
    settings: "Settings of deno task pretrain, as --key=value, hold for every pretraining.",
  }, main);
}
