/** `deno task benchmark`: a pretrained encoder on a data set of the paper, by the field's protocol. */
import { join } from "node:path";
import { openBackend } from "./engine/backend.ts";
import { type SavedBenchmarkConfig, writeBenchmark } from "./units/benchmark_result.ts";
import { ManifestError, manifestPath } from "./input/data.ts";
import { knowPictures } from "./input/known_pictures.ts";
import { detectorOf } from "./detectors/index.ts";
import {
  checkDetector,
  defaultSource,
  describeDetector,
  detectorModel,
  detectorSource,
} from "./units/detector_model.ts";
import { benchmarking } from "./units/finetune_config.ts";
import {
  countUnits,
  describeScores,
  finetuneSettings,
  readAllFaces,
  refuseOtherInputs,
  trainedOn,
} from "./units/finetune_inputs.ts";
import { trainUnits } from "./units/finetuning.ts";
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
import { refuseKnownSubjects } from "./scores/folds.ts";
import { refuseLeaks } from "./scores/leaks.ts";
import { loadSource } from "./units/model_store.ts";
import { pretrainedRuns } from "./units/run_kinds.ts";
import { type ProtocolData, protocolData } from "./scores/protocol_folds.ts";
import { BENCHMARKS, type BenchmarkSet } from "./scores/protocols.ts";
import { ConfigError } from "./runs/settings.ts";
import { planBenchmarks } from "./units/benchmark_plan.ts";
import { checkNewName, createRun, holdRun, reopenRun, RUNS } from "./runs/run_folder.ts";
import { averageFolds, meanUnits, tableLines } from "./scores/score_table.ts";
import { labelledUnits } from "./scores/target.ts";
import { exists } from "./runs/whole_file.ts";

const SETS = Object.keys(BENCHMARKS) as BenchmarkSet[];

const FLAGS: FlagList = {
  set: { kind: "text", help: `data set: ${SETS.join(", ")}` },
  from: { kind: "text", help: "pretraining run (default: the newest), or random, random:1, ..." },
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
  target: { kind: "text", help: "occurrence (default), or intensity, where the set grades it" },
  data: { kind: "text", help: "folder with the set's manifest.jsonl, as deno task manifest writes it" },
  name: {
    kind: "text",
    help: "folder under runs/ (default: <from>-<set>-<protocol>, for intensity with -intensity)",
  },
  all: {
    kind: "switch",
    help:
      "every supervised detector, and every pretrained run by both protocols; the same command line goes on",
  },
  resume: { kind: "switch", help: "go on with the run of that --name; the same command line does so, too" },
  device: SHARED_FLAGS.device,
  eager: SHARED_FLAGS.eager,
  skipBroken: SHARED_FLAGS.skipBroken,
  help: SHARED_FLAGS.help,
};

async function main(flags: Flags): Promise<void> {
  const engine = describeEngine(openBackend({ device: readDevice(flags.text.device) }));
  console.log(engine);
  if (flags.switches.has("all")) await benchmarkAll(flags);
  else await benchmark(flags);
}

/** Every detector and every pretrained run, one after the other; what is done already is not done again. */
async function benchmarkAll(flags: Flags): Promise<void> {
  const taken = ["detector", "protocol", "name"].find((flag) => flags.text[flag] !== undefined);
  if (taken) throw new UsageError(`--all runs every one: leave --${taken} away.`);
  const plan = planBenchmarks(flags.text.from, pretrainedRuns());
  for (const [i, text] of plan.entries()) {
    const what = text.detector ?? `${text.from}, ${text.protocol}`;
    console.log(`\n=== ${what} (${i + 1} of ${plan.length})`);
    try {
      if (!await benchmark({ ...flags, text: { ...flags.text, ...text } })) return;
    } catch (error) {
      // A set without points, or a unit without a region, keeps that detector out and no other.
      if (!text.detector || !(error instanceof ConfigError || error instanceof ManifestError)) throw error;
      console.log(`${what} is left out. ${error.message}`);
    }
  }
}

/** One benchmark. Returns false where Ctrl-C has stopped it, after saving. */
async function benchmark(flags: Flags): Promise<boolean> {
  const run = openRun(flags);
  const { name, folder, config, source, data } = run;
  using _held = holdRun(folder);
  const protocol = BENCHMARKS[config.set], { faces, folds } = data;
  knowPictures(folder, faces, run.resumes);
  console.log(
    `${protocol.name} by protocol ${config.protocol}, from ${source.name}; run ${name}, in ${folder}.`,
  );
  console.log(
    `${run.manifest}: ${faces.length} faces of ${countPeople(data)} people, ${
      protocol.folds ? `${folds.length} folds by subject` : `the set's own split, ${folds.length} runs`
    }.`,
  );
  if (data.unlabelled) console.log(`  ${data.unlabelled} faces carry no label that is asked for: left out.`);
  if (data.missing.length) {
    console.log(`  Without ${data.missing.join(", ")}, who have no face here: results on fewer people.`);
  }
  console.log(`  present: ${countUnits(faces, config.aus, config.target)}.`);
  const detector = detectorModel(config, config, config.aus);
  if (detector) console.log(describeDetector(detector, config.preset));
  const { finished, folds: results } = await trainUnits({
    task: "benchmark",
    ...run,
    faces,
    folds,
    aus: config.aus,
    keepsModel: false,
    eager: flags.switches.has("eager"),
  });
  if (!finished) return false;
  const scores = results.map(({ units }) => units);
  const mean = `${protocol.name}, mean of ${scores.length} ${protocol.folds ? "folds" : "runs"}`;
  console.log(`\n${describeScores(mean, config.target)}:`);
  for (const line of tableLines(meanUnits(scores), averageFolds(scores))) console.log(line);
  const { set, from, target } = config;
  const method = detector ? detectorOf(detector.name).title : source.method;
  const protocolName = detector ? "supervised" as const : config.protocol;
  const about = { run: name, set, method, from, protocol: protocolName, target };
  const { missing } = data;
  const files = writeBenchmark(
    folder,
    { ...about, faces: faces.length, people: countPeople(data), missing },
    scores,
  );
  console.log(`\nWritten: ${files.join(", ")}`);
  console.log(`Next: deno task tables, which sets it beside the paper's Table ${protocol.table}`);
  return true;
}

/** The run to go on with, or a new one; its folder is made when nothing else can be wrong. */
function openRun(flags: Flags) {
  const { text, switches } = flags;
  const goOn = (name: string) => {
    let resolved: ReturnType<typeof resolveConfig>;
    const given = (saved: SavedBenchmarkConfig) => (resolved = resolveConfig(flags, saved)).config;
    const { folder } = reopenRun(name, given, "benchmark");
    return { name, folder, resumes: true, ...resolved! };
  };
  if (switches.has("resume")) {
    if (!text.name) throw new UsageError("--resume needs --name=<run>, the run to go on with.");
    return goOn(text.name);
  }
  if (!text.set) throw new UsageError(`--set=<data set> is missing; sets are ${SETS.join(", ")}.`);
  if (!text.data) {
    throw new UsageError(
      "--data=<folder> is missing: one with the set's manifest.jsonl, from deno task manifest.",
    );
  }
  const fresh = resolveConfig(flags);
  const { config, source, data } = fresh;
  const learns = config.detector === "linear" ? config.protocol : config.detector;
  const stem = `${source.name.replace(":", "")}-${config.set}-${learns}`;
  const name = text.name ?? (config.target === "intensity" ? `${stem}-intensity` : stem);
  if (exists(join(RUNS, name))) return goOn(name);
  checkNewName(name);
  refuseLeaks(data.faces, data.folds);
  return { name, folder: createRun(name, config), resumes: false, ...fresh };
}

/** The config, and what it names: the encoder to start from, the set's faces and folds. */
function resolveConfig(flags: Flags, saved?: SavedBenchmarkConfig) {
  const { text, switches } = flags;
  const set = readSet(text.set ?? saved!.set);
  if (flags.settings.folds) {
    throw new UsageError(
      `--folds=${flags.settings.folds}: the folds of ${BENCHMARKS[set].name} are its protocol's.`,
    );
  }
  const settings = finetuneSettings(flags, benchmarking, saved);
  const folder = text.data ? fromHere(text.data) : saved!.data;
  const skipBroken = switches.has("skipBroken") || (saved?.skipBroken ?? false);
  const manifest = manifestPath(folder);
  const data = protocolData(readAllFaces(manifest, skipBroken), set, settings.target, manifest);
  const from = text.from ?? saved?.from ?? defaultSource(settings);
  const source = detectorSource(settings, loadSource(from, settings.seed));
  const tested = data.folds.flatMap(({ test }) => Array.from(test, (i) => data.faces[i]));
  refuseKnownSubjects(tested, { pretraining: source.pretrainingSubjects, actionUnits: [] });
  const inputs = trainedOn(manifest, data.faces, source);
  if (saved?.from === source.name && saved.data === folder && saved.set === set) {
    refuseOtherInputs(saved, inputs, manifest, source.name);
  }
  const labelled = labelledUnits(data.faces, settings.target);
  const aus = BENCHMARKS[set].aus.filter((au) => labelled.includes(au));
  const detector = detectorModel(settings, inputs, aus);
  if (detector) checkDetector(detector, settings.target, data.faces, manifest);
  const config: SavedBenchmarkConfig = {
    program: "benchmark",
    set,
    from: source.name,
    data: folder,
    skipBroken,
    aus,
    ...inputs,
    ...settings,
    folds: data.folds.length,
  };
  return { config, source, manifest, data };
}

function readSet(name: string): BenchmarkSet {
  if (Object.hasOwn(BENCHMARKS, name)) return name as BenchmarkSet;
  throw new UsageError(`--set=${name}: sets are ${SETS.join(", ")}.`);
}

function countPeople({ faces }: ProtocolData): number {
  return new Set(faces.map(({ subject }) => subject)).size;
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task benchmark: test a pretrained encoder on a data set of the paper.",
    flags: FLAGS,
    settings: `Settings, each as --key=value: ${
      Object.keys(benchmarking).filter((key) => key !== "folds").join(", ")
    }.`,
  }, main);
}
