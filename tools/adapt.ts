/** `deno task adapt`: makes a finished action-unit model better for a place of use, from faces that nobody has labelled. */
import type { SavedAdaptConfig } from "../train/units/saved_config.ts";
import { basename, join } from "node:path";
import { openBackend } from "../train/engine/backend.ts";
import { checkPrecision } from "../train/engine/precision.ts";
import { manifestPath } from "../train/input/data.ts";
import { knowPictures } from "../train/input/known_pictures.ts";
import { ViewLoader } from "../train/input/views.ts";
import { CHECKPOINT_FILE, sha256 } from "../train/runs/checkpoint.ts";
import { fromHere } from "../train/runs/from_here.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  readDevice,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "../train/runs/flags.ts";
import {
  checkNewName,
  createRun,
  freeName,
  holdRun,
  logMetric,
  reopenRun,
  RunError,
} from "../train/runs/run_folder.ts";
import { override } from "../train/runs/settings.ts";
import { exists } from "../train/runs/whole_file.ts";
import { setsOf } from "../train/scores/licensed_sets.ts";
import { targetRows, THRESHOLDS } from "../train/scores/target.ts";
import { type AdaptConfig, adapting, checkAdaptConfig } from "../train/units/adapt_config.ts";
import { adaptByStatistics } from "../train/units/adapt_statistics.ts";
import { adaptByTeacher, ANSWERS } from "../train/units/adaptation.ts";
import {
  refuseTested,
  rehearsedFaces,
  testFacesOf,
  unlabelledFaces,
} from "../train/units/adaptation_inputs.ts";
import { changedAnswers, measure } from "../train/units/adaptation_measures.ts";
import { type Adaptation, headWeights } from "../train/units/adaptation_plan.ts";
import { type AdaptationResult, linesOf, writeAdaptationReport } from "../train/units/adaptation_report.ts";
import { type AuModel, disposeModel } from "../train/units/au_model.ts";
import { knownOfFaces } from "../train/units/finetune_feeds.ts";
import {
  disposeStored,
  isFinished,
  loadModel,
  saveFinished,
  type StoredModel,
} from "../train/units/model_store.ts";

const FLAGS: FlagList = {
  model: { kind: "text", help: "run of the finished action-unit model to adapt (default: the newest)" },
  data: { kind: "text", help: "folder of unlabelled aligned faces (deno task align) with a manifest.jsonl" },
  split: {
    kind: "text",
    help: "splits to adapt to (default: pretrain; without splits: all lines); never test",
  },
  rehearse: {
    kind: "text",
    help: "folder of labelled faces that are learnt beside, so that nothing is forgotten",
  },
  how: { kind: "text", help: "teacher (default): self-training; statistics: batch norm's statistics alone" },
  name: { kind: "text", help: "folder under runs/ (default: <model>-adapted)" },
  resume: SHARED_FLAGS.resume,
  device: SHARED_FLAGS.device,
  eager: SHARED_FLAGS.eager,
  skipBroken: SHARED_FLAGS.skipBroken,
  help: SHARED_FLAGS.help,
};

async function main(flags: Flags): Promise<void> {
  const engine = describeEngine(openBackend({ device: readDevice(flags.text.device) }));
  console.log(engine);
  const run = await openRun(flags);
  const { name, folder, config, stored, faces, rehearsed } = run;
  using _held = holdRun(folder);
  if (run.resumes && isFinished(folder)) {
    console.log(`${name} is complete. Its report is ${folder}/report.html.`);
    return;
  }
  knowPictures(folder, [...faces, ...rehearsed], run.resumes);
  const people = new Set(faces.map(({ subject }) => subject)).size;
  console.log(
    `${stored.name} to ${faces.length} faces of ${people} people in ${config.data}, without their labels` +
      (rehearsed.length ? `, beside ${rehearsed.length} labelled ones of ${config.rehearse}` : "") +
      `; run ${name}, in ${folder}.`,
  );
  const all = [...faces, ...rehearsed];
  using loader = new ViewLoader(all, { ...config, size: stored.config.imageSize });
  const indices = measuredFaces(faces.length, config.measured);
  const threshold = THRESHOLDS[stored.config.target];
  const measured = (model: AuModel) => measure(model, loader, indices, threshold);
  const before = await measured(stored.model);
  if (!run.resumes) logMetric(folder, { type: "measures", step: 0, round: 0, ...before.measures });
  const subjects = {
    pretraining: stored.subjects.pretraining,
    actionUnits: merged(stored.subjects.actionUnits, rehearsed.map(({ subject }) => subject)),
    adaptation: merged(stored.subjects.adaptation ?? [], faces.map(({ subject }) => subject)),
  };
  const weights = headWeights(stored.model, stored.config);
  const adaptation: Adaptation = {
    ...{ name, folder, config, model: stored.model, weights, unlabelled: faces.length, subjects },
    ...(rehearsed.length && {
      rehearsed: {
        rows: targetRows(rehearsed, stored.model.aus, stored.config.target),
        known: await knownOfFaces(rehearsed, stored.model.aus),
      },
    }),
    ...{ resumes: run.resumes, eager: flags.switches.has("eager") },
  };
  const model = config.how === "statistics"
    ? await adaptByStatistics(stored.model, loader, faces.length, config.statisticsShare)
    : await adaptByTeacher(adaptation, loader, all, async (round, step, average) => {
      logMetric(folder, { type: "measures", step, round, ...(await measured(average)).measures });
    });
  if (!model) return;
  const after = await measured(model);
  if (loader.skipped.size) {
    console.log(`${loader.skipped.size} pictures could not be decoded; another face stood in for each.`);
  }
  const { how, data, splits, rehearse } = config;
  const adaptedTo = { how, data, splits, rehearse, faces: faces.length, people };
  const result: AdaptationResult = {
    ...{ model: stored.name, ...adaptedTo, rehearsed: rehearsed.length, threshold },
    before: before.measures,
    after: after.measures,
    changed: changedAnswers(before.probabilities, after.probabilities, model.aus.length, threshold),
  };
  for (const line of linesOf(result)) console.log(line);
  writeAdaptationReport(folder, { name, engine, result });
  saveFinished(folder, config, model, subjects, [...config.before, adaptedTo]);
  if (exists(join(folder, ANSWERS))) Deno.removeSync(join(folder, ANSWERS), { recursive: true });
  disposeModel(model);
  disposeStored(stored);
  console.log(
    `\nWhether it reads better, labels alone can tell: deno task evaluate. Report: ${folder}/report.html\n` +
      "Next: deno task export, deno task verify, deno task calibrate",
  );
}

/** At most so many of the faces, evenly over all of them. */
function measuredFaces(count: number, most: number): Int32Array<ArrayBuffer> {
  const taken = Math.min(count, most);
  return Int32Array.from({ length: taken }, (_, i) => Math.floor(i * count / taken));
}

function merged(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set([...one, ...other])].sort();
}

function openRun(flags: Flags) {
  const resumes = flags.switches.has("resume");
  if (resumes && !flags.text.name) {
    throw new UsageError("--resume needs --name=<run>, the run to go on with.");
  }
  if (!resumes && flags.text.name) checkNewName(flags.text.name);
  let resolved: ReturnType<typeof resolveConfig> | undefined;
  const opened = resumes
    ? reopenRun(
      flags.text.name,
      (saved: SavedAdaptConfig) => (resolved = resolveConfig(flags, saved)).config,
      "adapt",
    )
    : undefined;
  const { config, stored, ...rest } = resolved ?? resolveConfig(flags);
  const name = flags.text.name ?? freeName(`${stored.name}-adapted`, true);
  const folder = opened?.folder ?? createRun(name, config);
  return { name, folder, config, stored, resumes, ...rest };
}

/** The config, and what it names: the model to start from, unlabelled faces, labelled ones. */
function resolveConfig({ text, settings, switches }: Flags, saved?: SavedAdaptConfig) {
  if (!text.data && !saved) {
    throw new UsageError("--data=... is missing: the folder of the unlabelled faces, with a manifest.jsonl.");
  }
  const keys = Object.keys(adapting) as (keyof AdaptConfig)[];
  const base = saved
    ? Object.fromEntries(keys.map((key) => [key, saved[key]])) as unknown as AdaptConfig
    : adapting;
  const config = override(base, { ...settings, ...(text.how ? { how: text.how } : {}) });
  checkAdaptConfig(config);
  checkPrecision(config.precision, switches.has("eager"));
  const skipBroken = switches.has("skipBroken") || (saved?.skipBroken ?? false);
  const data = text.data ? fromHere(text.data) : saved!.data;
  const manifest = manifestPath(data);
  const { faces, splits, test } = unlabelledFaces(
    manifest,
    text.split?.split(",") ?? (saved?.splits.length ? saved.splits : ["pretrain"]),
    skipBroken,
  );
  const rehearse = text.rehearse ? fromHere(text.rehearse) : saved?.rehearse ?? null;
  const stored: StoredModel = loadModel(text.model ?? saved?.model);
  if (stored.model.detector) {
    throw new RunError(
      `${stored.name} is a supervised detector; what is adapted are models on an encoder of ours.`,
    );
  }
  const { aus, target } = { aus: stored.model.aus, target: stored.config.target };
  const rehearsed = rehearse === null ? [] : rehearsedFaces(manifestPath(rehearse), aus, target, skipBroken);
  refuseTested([...faces, ...rehearsed], [
    ...test,
    ...[stored.config.data, stored.config.pretrainingData, rehearse].flatMap(testFacesOf),
  ]);
  const digest = (path: string, lines: readonly { line: number }[]) =>
    sha256(Deno.readFileSync(path), JSON.stringify(lines.map(({ line }) => line)));
  const resolved: SavedAdaptConfig = {
    program: "adapt",
    model: basename(stored.name),
    modelSha256: sha256(Deno.readFileSync(join(stored.folder, CHECKPOINT_FILE))),
    data,
    splits,
    facesSha256: digest(manifest, faces),
    rehearse,
    rehearsedSha256: rehearse === null ? null : digest(manifestPath(rehearse), rehearsed),
    skipBroken,
    ...config,
    trained: { ...stored.config, sets: merged(stored.config.sets, setsOf([...faces, ...rehearsed])) },
    before: stored.adapted,
  };
  if (saved && saved.modelSha256 !== resolved.modelSha256) {
    throw new RunError(`${stored.name} has changed since this run started from it. Start a new run.`);
  }
  return { config: resolved, stored, faces, rehearsed };
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task adapt: make a finished model better for a place of use, from unlabelled faces.",
    flags: FLAGS,
    settings: `Settings, each as --key=value: ${Object.keys(adapting).join(", ")}.`,
  }, main);
}
