/** `deno task finetune`: a pretrained encoder and faces labelled with action units in, an action-unit model out. */
import type { SavedFinetuneConfig } from "./units/saved_config.ts";
import { ACTION_UNITS } from "@emoco/web/facs";
import { join } from "node:path";
import { openBackend } from "./engine/backend.ts";
import { knowPictures } from "./input/known_pictures.ts";
import { COMMITTED_FACES, type Face, ManifestError, manifestPath, type Split, SPLITS } from "./input/data.ts";
import {
  checkDetector,
  defaultSource,
  describeDetector,
  detectorModel,
  detectorSource,
} from "./units/detector_model.ts";
import { finetuning } from "./units/finetune_config.ts";
import {
  countUnits,
  describeScores,
  finetuneSettings,
  readAllFaces,
  refuseOtherInputs,
  trainedOn,
} from "./units/finetune_inputs.ts";
import { fromHere } from "./runs/from_here.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  readDevice,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "./runs/flags.ts";
import { writeFinetuneReport } from "./units/finetune_report.ts";
import { trainUnits } from "./units/finetuning.ts";
import { refuseKnownSubjects, subjectFolds } from "./scores/folds.ts";
import { refuseLeaks } from "./scores/leaks.ts";
import { isFinished, loadSource, saveModel } from "./units/model_store.ts";
import { checkNewName, createRun, freeName, holdRun, reopenRun } from "./runs/run_folder.ts";
import { averageFolds, meanUnits, tableLines } from "./scores/score_table.ts";
import { labelledUnits, type Target } from "./scores/target.ts";
import { exists } from "./runs/whole_file.ts";

const FLAGS: FlagList = {
  from: {
    kind: "text",
    help: "pretraining run (default: the newest), a finished model to go on with, or random, random:1, ...",
  },
  protocol: {
    kind: "text",
    help: "linear (default): frozen features, one layer; finetune: the whole network",
  },
  detector: {
    kind: "text",
    help:
      "linear (default): one layer on the encoder; or a supervised detector: alexnet, drml, eac, jaa, dsin, srerl",
  },
  preset: { kind: "text", help: "size of a supervised detector: quick (default) or paper, the original's" },
  target: {
    kind: "text",
    help: "occurrence (default): whether a unit is there; intensity: how strong it is, 0 to 5",
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
  knowPictures(folder, faces, run.resumes);
  const detector = detectorModel(config, config, config.aus);
  if (detector) console.log(describeDetector(detector, config.preset));
  const subjects = new Set(faces.map((face) => face.subject)).size;
  console.log(
    `From ${source.name}, protocol ${config.protocol}, ${config.folds} folds by subject; run ${name}, in ${folder}.`,
  );
  console.log(
    `${run.manifest}: ${faces.length} faces of ${subjects} people, action units ${config.aus.join(" ")}.`,
  );
  console.log(`  present: ${countUnits(faces, config.aus, config.target)}.`);
  const { model, folds } = await trainUnits({
    ...run,
    task: "finetune",
    keepsModel: true,
    eager: flags.switches.has("eager"),
  });
  if (!model) return;
  saveModel(run, config, model);
  const results = folds.map(({ units }) => units);
  if (results.length) {
    console.log(`\n${describeScores(`Mean of ${results.length} folds`, config.target)}:`);
    for (const line of tableLines(meanUnits(results), averageFolds(results))) console.log(line);
  }
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
  const learns = config.detector === "linear" ? config.protocol : config.detector;
  const stem = `${rest.source.name.replace(":", "")}-${learns}`;
  const name = flags.text.name ?? freeName(stem, true);
  if (!opened) refuseLeaks(rest.faces, rest.folds);
  const folder = opened?.folder ?? createRun(name, config);
  return { name, folder, config, resumes, ...rest };
}

/** The config, and what it names: the encoder to start from and the labelled faces. */
function resolveConfig(flags: Flags, saved?: SavedFinetuneConfig) {
  const { text, switches } = flags;
  const config = finetuneSettings(flags, finetuning, saved);
  const from = text.from ?? saved?.from ?? defaultSource(config);
  const source = detectorSource(config, loadSource(from, config.seed));
  const data = text.data ? fromHere(text.data) : saved?.data ?? COMMITTED_FACES;
  const skipBroken = switches.has("skipBroken") || (saved?.skipBroken ?? false);
  const manifest = manifestPath(data);
  const wanted = text.split?.split(",") ?? saved?.splits ?? ["au"];
  const { faces, splits } = labelledFaces(manifest, wanted, config.target, skipBroken);
  const folds = subjectFolds(faces, config.folds, config.seed); // too few people are better known before there is a folder
  if (source.units) {
    const tested = folds.flatMap(({ test }) => Array.from(test, (i) => faces[i]));
    refuseKnownSubjects(tested, { pretraining: [], actionUnits: source.pretrainingSubjects });
  }
  const inputs = trainedOn(manifest, faces, source);
  if (saved?.from === source.name && saved.data === data && `${saved.splits}` === `${splits}`) {
    refuseOtherInputs(saved, inputs, manifest, source.name);
  }
  const aus = labelledUnits(faces, config.target);
  const detector = detectorModel(config, inputs, aus);
  if (detector) checkDetector(detector, config.target, faces, manifest);
  const resolved: SavedFinetuneConfig = {
    program: "finetune",
    from: source.name,
    data,
    splits,
    skipBroken,
    aus,
    ...inputs,
    ...config,
  };
  return { config: resolved, source, manifest, faces, folds, aus };
}

/** Faces of the given splits that carry action-unit labels; of all of them where the manifest knows no splits. */
function labelledFaces(
  manifest: string,
  wanted: string[],
  target: Target,
  skipBroken: boolean,
): { faces: Face[]; splits: string[] } {
  const all = readAllFaces(manifest, skipBroken);
  const splits = all.some((face) => face.split) ? wanted : [];
  const strange = wanted.find((split) => !SPLITS.includes(split as Split));
  if (strange !== undefined) {
    throw new UsageError(`--split=${wanted}: "${strange}" is no split; splits are ${SPLITS.join(", ")}.`);
  }
  const chosen = splits.length ? all.filter((face) => face.split && splits.includes(face.split)) : all;
  const field = target === "intensity" ? "intensity" : "present";
  const faces = chosen.filter((face) => face[field].size > 0);
  if (faces.length === 0) {
    throw new ManifestError(
      `${manifest}: no face of split ${wanted.join(", ")} carries action-unit labels ("${field}").`,
    );
  }
  const known = new Set(ACTION_UNITS.map(({ au }) => au));
  for (const face of faces) {
    const unknown = [...face[field].keys()].find((au) => !known.has(au));
    if (unknown === undefined) continue;
    throw new ManifestError(
      `${manifest}, line ${face.line}: "${field}" labels AU${unknown}, which no model card can name. Known are ${
        [...known].join(", ")
      }; leave others out of "${field}".`,
    );
  }
  return { faces, splits };
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task finetune: learn action units on a pretrained encoder.",
    flags: FLAGS,
    settings: `Settings, each as --key=value: ${Object.keys(finetuning).join(", ")}.`,
  }, main);
}
