/**
 * `deno task study`: does EmoCo beat its rivals on people nobody trained on? Pretrains each method on the `pretrain`
 * split, probes it by subject folds over `au` and `test`, keeps every result, and draws them. Resumable run by run.
 */
import { join } from "node:path";
import { COMMITTED_FACES, manifestPath, readManifest } from "../train/data.ts";
import { type FlagList, helpText, readFlags, runProgram, UsageError } from "../train/flags.ts";
import { duration } from "../train/progress.ts";
import { readMetrics, RUNS } from "../train/run_folder.ts";
import { drawStudy } from "./study/draw.ts";
import { METHODS, planStudy, type StudyRun } from "./study/plan.ts";
import { readResults, type StudyResult, type StudyResults, writeResults } from "./study/results.ts";

const FLAGS: FlagList = {
  epochs: { kind: "text", help: "epochs of every pretraining (default: 60)" },
  seeds: { kind: "text", help: "seeds of the main comparison (default: 3)" },
  data: {
    kind: "text",
    help: "folder with a manifest.jsonl and its splits (default: the faces that come with EmoCo)",
  },
  draw: { kind: "switch", help: "only draw the results that there are" },
  help: { kind: "switch", help: "this text" },
};

async function main(): Promise<void> {
  const { text, switches } = readFlags(Deno.args, FLAGS, false);
  if (switches.has("help")) {
    console.log(
      helpText("deno task study: compare EmoCo with its rivals; stop and start it as you like.", FLAGS),
    );
    return;
  }
  const epochs = Number(text.epochs ?? 60),
    seeds = Number(text.seeds ?? 3),
    data = text.data ?? COMMITTED_FACES;
  const results = readResults() ?? { setting: describeSetting(data, epochs), runs: [] };
  if (results.setting.epochs !== epochs && !switches.has("draw")) {
    throw new UsageError(
      `The results so far were made with --epochs=${results.setting.epochs}; go on with that, or move tools/study/results.json away.`,
    );
  }
  const open = planStudy(seeds).filter(({ name }) => !results.runs.some((run) => run.name === name));
  const started = performance.now();
  for (const [i, run] of switches.has("draw") ? [] : open.entries()) {
    const left = i ? `, ${duration((performance.now() - started) / i * (open.length - i))} left` : "";
    console.log(`\n=== ${run.name} (${i + 1} of ${open.length} open runs${left})`);
    results.runs.push(run.group === "finetune" ? await finetune(run, data) : await probe(run, data, epochs));
    results.setting.updates = Math.max(
      results.setting.updates,
      ...results.runs.map((done) => done.curve.at(-1)?.step ?? 0),
    );
    writeResults(results);
    drawStudy(results);
  }
  drawStudy(results);
  for (const { name, f1, auc } of results.runs) {
    console.log(`${name.padEnd(28)} F1 ${(100 * f1).toFixed(1)}  AUC ${(100 * auc).toFixed(1)}`);
  }
}

/** Pretrains, then probes by folds; either part is skipped where an earlier start has finished it. */
async function probe(run: StudyRun, data: string, epochs: number): Promise<StudyResult> {
  const { name, method, seed, emotionWeight } = run;
  if (method !== "random") {
    const settings = [
      `--epochs=${epochs}`,
      `--seed=${seed}`,
      `--emotionWeight=${emotionWeight}`,
      `--evaluateEvery=${epochs / 10}`,
    ];
    await start("pretrain", name, [`--data=${data}`, ...settings, ...METHODS[method].settings]);
  }
  await start("finetune", `${name}-linear`, [
    `--from=${method === "random" ? `random:${seed}` : name}`,
    `--data=${data}`,
    "--split=au,test",
  ]);
  return readRun(run, `${name}-linear`);
}

/** Finetunes from the first seed's EmoCo, or from random weights. */
async function finetune(run: StudyRun, data: string): Promise<StudyResult> {
  const from = run.method === "random" ? "random:0" : `study-${run.method}-0`;
  await start("finetune", run.name, [
    `--from=${from}`,
    `--data=${data}`,
    "--split=au,test",
    "--protocol=finetune",
  ]);
  return readRun(run, run.name);
}

function readRun(run: StudyRun, probed: string): StudyResult {
  const { averages, units } = JSON.parse(Deno.readTextFileSync(join(RUNS, probed, "folds.json")));
  const evaluations = readMetrics(join(RUNS, run.name)).filter((metric) => metric.type === "evaluation");
  const isPretrained = run.group !== "finetune";
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
    args: ["task", program, `--name=${name}`, ...(exists ? ["--resume"] : options)],
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

function describeSetting(data: string, epochs: number): StudyResults["setting"] {
  const faces = readManifest(manifestPath(data));
  const count = (...splits: string[]) =>
    faces.filter((face) => face.split && splits.includes(face.split)).length;
  return {
    preset: "quick",
    epochs,
    pretrainFaces: count("pretrain"),
    probeFaces: count("au", "test"),
    updates: 0,
  };
}

if (import.meta.main) await runProgram(main);
