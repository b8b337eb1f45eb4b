/** `deno task finetune`: a pretrained encoder and faces labelled with action units in, an action-unit model out. */
import { ACTION_UNITS } from "@emoco/web/facs";
import { join, resolve } from "node:path";
import { openBackend } from "./backend.ts";
import { ConfigError, type FinetuneConfig, finetuning, override } from "./config.ts";
import {
  COMMITTED_FACES,
  type Face,
  ManifestError,
  manifestPath,
  readManifest,
  type Split,
  SPLITS,
} from "./data.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  readDevice,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "./flags.ts";
import { writeFinetuneReport } from "./finetune_report.ts";
import { trainUnits } from "./finetuning.ts";
import { subjectFolds } from "./folds.ts";
import { isFinished, loadSource, type SavedFinetuneConfig, saveModel } from "./model_store.ts";
import { unitsOf } from "./online_probe.ts";
import { checkNewName, createRun, freeName, holdRun, reopenRun, RunError } from "./run_folder.ts";
import { averageFolds, meanUnits, tableLines } from "./score_table.ts";
import { exists, sha256 } from "./whole_file.ts";

const FLAGS: FlagList = {
  from: { kind: "text", help: "pretraining run (default: the newest), or random, random:1, ..." },
  protocol: {
    kind: "text",
    help: "linear (default): frozen features, one layer; finetune: the whole network",
  },
  data: SHARED_FLAGS.data,
  split: { kind: "text", help: "splits to train on, such as au or au,test (default: au)" },
  name: { kind: "text", help: "folder under runs/ (default: <from>-<protocol>)" },
  resume: SHARED_FLAGS.resume,
  device: SHARED_FLAGS.device,
  eager: SHARED_FLAGS.eager,
  skipBroken: SHARED_FLAGS.skipBroken,
  help: SHARED_FLAGS.help,
};

async function main(flags: Flags): Promise<void> {
  const engine = describeEngine(openBackend({ device: readDevice(flags.text.device) }));
  console.log(engine);
  const run = openRun(flags);
  const { name, folder, config, source, faces } = run;
  using _held = holdRun(folder);
  if (run.resumes && isFinished(folder)) {
    // The model is saved before its report: an end in between leaves the report to this start.
    if (!exists(join(folder, "report.html"))) {
      await writeFinetuneReport(folder, { name, engine, config, faces });
    }
    console.log(`${name} is complete. Its report is ${folder}/report.html.`);
    return;
  }
  const subjects = new Set(faces.map((face) => face.subject)).size;
  console.log(
    `From ${source.name}, protocol ${config.protocol}, ${config.folds} folds by subject; run ${name}, in ${folder}.`,
  );
  console.log(
    `${run.manifest}: ${faces.length} faces of ${subjects} people, action units ${config.aus.join(" ")}.`,
  );
  const trained = await trainUnits({ ...run, eager: flags.switches.has("eager") });
  if (!trained) return;
  saveModel({ ...run, eager: false }, config, trained.model);
  const results = trained.folds.map(({ units }) => units);
  console.log(`\nMean of ${results.length} folds, in per cent (F1 at probability 0.5):`);
  for (const line of tableLines(meanUnits(results), averageFolds(results))) console.log(line);
  await writeFinetuneReport(folder, { name, engine, config, faces });
  console.log(
    `\nThe model that is kept was fitted on all ${faces.length} faces. Report: ${folder}/report.html`,
  );
  console.log("Next: deno task export, deno task verify, deno task evaluate");
}

function openRun(flags: Flags) {
  const resumes = flags.switches.has("resume");
  if (resumes && !flags.text.name) {
    throw new UsageError("--resume needs --name=<run>, the run to go on with.");
  }
  if (!resumes && flags.text.name) checkNewName(flags.text.name);
  const opened = resumes
    ? reopenRun(
      flags.text.name,
      (saved: SavedFinetuneConfig) => resolveConfig(flags, saved).config,
      "finetune",
    )
    : undefined;
  const { config, ...rest } = resolveConfig(flags, opened?.config);
  const stem = `${rest.source.name.replace(":", "")}-${config.protocol}`;
  const name = flags.text.name ?? freeName(stem, true);
  const folder = opened?.folder ?? createRun(name, config);
  return { name, folder, config, resumes, ...rest };
}

/** The config, and what it names: the encoder to start from and the labelled faces. */
function resolveConfig(flags: Flags, saved?: SavedFinetuneConfig) {
  const { text, switches, settings } = flags;
  const settingKeys = Object.keys(finetuning) as (keyof FinetuneConfig)[];
  const base = saved
    ? Object.fromEntries(settingKeys.map((key) => [key, saved[key]])) as unknown as FinetuneConfig
    : finetuning;
  const config = override(base, {
    ...settings,
    ...(text.protocol ? { protocol: text.protocol } : {}),
  });
  checkFinetuneConfig(config);
  const source = loadSource(text.from ?? saved?.from, config.seed);
  const data = text.data ? resolve(text.data) : saved?.data ?? COMMITTED_FACES;
  const skipBroken = switches.has("skipBroken") || (saved?.skipBroken ?? false);
  const manifest = manifestPath(data);
  const { faces, splits } = labelledFaces(
    manifest,
    text.split?.split(",") ?? saved?.splits ?? ["au"],
    skipBroken,
  );
  subjectFolds(faces, config.folds, config.seed); // too few people are better known before there is a folder
  const facesSha256 = sha256(Deno.readFileSync(manifest), JSON.stringify(faces.map((face) => face.line)));
  const sourceSha256 = source.sha256 ?? null;
  const isSameFrom = saved?.from === source.name && saved.data === data;
  if (isSameFrom && `${saved.splits}` === `${splits}` && saved.facesSha256 !== facesSha256) {
    throw new RunError(
      `${manifest} or the pictures it names have changed since the run was started, so the run would not be the same run. ` +
        "Put the old ones back, or start a new run.",
    );
  }
  if (isSameFrom && saved.sourceSha256 !== sourceSha256) {
    throw new RunError(
      `${source.name} has been trained further since this run started from it: its folds would start from different ` +
        "weights. Start a new run.",
    );
  }
  const resolved: SavedFinetuneConfig = {
    program: "finetune",
    from: source.name,
    data,
    splits,
    skipBroken,
    facesSha256,
    sourceSha256,
    pretrainingData: source.pretrainingData ?? null,
    aus: unitsOf(faces),
    architecture: source.backbone.architecture,
    imageSize: source.imageSize,
    ...config,
  };
  return { config: resolved, source, manifest, faces, aus: resolved.aus };
}

/** Faces of the given splits that carry action-unit labels; of all of them where the manifest knows no splits. */
function labelledFaces(
  manifest: string,
  wanted: string[],
  skipBroken: boolean,
): { faces: Face[]; splits: string[] } {
  const broken: string[] = [];
  const all = readManifest(manifest, { skipBroken, onBroken: (sentence) => broken.push(sentence) });
  if (broken.length) console.log(`skipped ${broken.length} lines; the first: ${broken[0]}`);
  const splits = all.some((face) => face.split) ? wanted : [];
  const strange = wanted.find((split) => !SPLITS.includes(split as Split));
  if (strange !== undefined) {
    throw new UsageError(`--split=${wanted}: "${strange}" is no split; splits are ${SPLITS.join(", ")}.`);
  }
  const chosen = splits.length ? all.filter((face) => face.split && splits.includes(face.split)) : all;
  const faces = chosen.filter((face) => face.present.size > 0);
  if (faces.length === 0) {
    throw new ManifestError(
      `${manifest}: no face of split ${wanted.join(", ")} carries action-unit labels ("present").`,
    );
  }
  const known = new Set(ACTION_UNITS.map(({ au }) => au));
  for (const { line, present } of faces) {
    const unknown = [...present.keys()].find((au) => !known.has(au));
    if (unknown === undefined) continue;
    throw new ManifestError(
      `${manifest}, line ${line}: "present" labels AU${unknown}, which no model card can name. Known are ${
        [...known].join(", ")
      }; leave others out of "present".`,
    );
  }
  return { faces, splits };
}

function checkFinetuneConfig(config: FinetuneConfig): void {
  if (config.protocol !== "linear" && config.protocol !== "finetune") {
    throw new ConfigError(`--protocol=${config.protocol}: a protocol is linear or finetune.`);
  }
  for (const key of ["epochs", "batchSize", "probeSteps", "logEvery", "checkpointEvery"] as const) {
    if (!Number.isInteger(config[key]) || config[key] < 1) {
      throw new ConfigError(`${key} is ${config[key]}; it must be a whole number of at least 1.`);
    }
  }
  if (!Number.isInteger(config.folds) || config.folds < 2) {
    throw new ConfigError(`folds is ${config.folds}; it must be a whole number of at least 2.`);
  }
  if (!Number.isInteger(config.seed) || config.seed < 0) {
    throw new ConfigError(`seed is ${config.seed}; it must be a whole number of at least 0.`);
  }
  for (const rate of [config.learningRate, ...config.probeRates]) {
    if (!(rate > 0)) throw new ConfigError(`learningRate and probeRates must be above 0; one is ${rate}.`);
  }
  if (!(config.weightDecay >= 0)) {
    throw new ConfigError(`weightDecay is ${config.weightDecay}; it must be at least 0.`);
  }
  const [least, most] = config.cropScale;
  if (!(0 < least && least <= most && most <= 1)) {
    throw new ConfigError(
      `cropScale is ${least},${most}; it must be two shares, 0 < least <= most <= 1.`,
    );
  }
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task finetune: learn action units on a pretrained encoder.",
    flags: FLAGS,
    settings: `Settings, each as --key=value: ${Object.keys(finetuning).join(", ")}.`,
  }, main);
}
