/** `deno task pretrain`: faces labelled with emotions in, an EmoCo encoder out. */
import { ConfigError, override } from "./runs/settings.ts";
import { EMOTIONS } from "@emoco/web/facs";
import { join, resolve } from "node:path";
import { checkPretrainConfig, PRESETS, type PretrainConfig, readsEmotions } from "./config.ts";
import { samplingOf } from "./input/walk.ts";
import {
  COMMITTED_FACES,
  countEmotions,
  type Face,
  holdBackSubjects,
  ManifestError,
  manifestPath,
  readManifest,
} from "./input/data.ts";
import {
  describeEngine,
  type Device,
  type FlagList,
  type Flags,
  readDevice,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "./runs/flags.ts";
import { CHECKPOINT_FILE } from "./runs/checkpoint.ts";
import type { PretrainData, PretrainRun } from "./pretraining/pretrain_record.ts";
import { runTogether } from "./engine/rank_watch.ts";
import { type Place, placeHere } from "./engine/ranks.ts";
import { setsOf } from "./scores/licensed_sets.ts";
import { checkNewName, createRun, freeName, reopenRun, RUNS } from "./runs/run_folder.ts";
import { exists, sha256 } from "./runs/whole_file.ts";

const FLAGS: FlagList = {
  preset: {
    kind: "text",
    help: "quick (default): minutes on two CPU cores; paper: the paper's setting, for GPU servers",
  },
  data: SHARED_FLAGS.data,
  name: { kind: "text", help: "folder under runs/ (default: <preset>-<n>)" },
  resume: SHARED_FLAGS.resume,
  device: SHARED_FLAGS.device,
  eager: SHARED_FLAGS.eager,
  skipBroken: SHARED_FLAGS.skipBroken,
  help: SHARED_FLAGS.help,
};

/** What `config.json` of a pretraining run holds. */
type SavedConfig = PretrainConfig & {
  program: "pretrain";
  preset: keyof typeof PRESETS;
  data: string;
  skipBroken: boolean;
  /** Data sets that the manifest's lines name, for the card of a model that builds on the run. */
  sets?: string[];
};

async function main(flags: Flags): Promise<void> {
  const device = readDevice(flags.text.device);
  const place = placeHere();
  const eager = flags.switches.has("eager");
  if (place && eager) throw new UsageError("--eager is for one process; ranks meet inside the graph.");
  const { name, config, resumes } = chooseRun(flags);
  if (place) checkShared(config, place);
  const data = readFaces(config);
  const sets = setsOf([...data.kept, ...data.held]);
  const plan = { name, folder: join(RUNS, name), config: { ...config, sets }, data, resumes, eager };
  if (!place) return await pretrain(plan, device);
  await runTogether(place, { agreement: agreementOf(plan) }, () => pretrain(plan, device, place));
}

/** Everything but the device and the engine that a run is started with. */
type Plan = Omit<PretrainRun, "engine" | "cluster" | "config"> & { config: SavedConfig };

async function pretrain(plan: Plan, device: Device, place?: Place): Promise<void> {
  // TensorFlow takes a second or more to load: wrong input should not have to wait for it.
  const { openBackend } = await import("./engine/backend.ts");
  const { train } = await import("./pretraining/pretraining.ts");
  const { checkPrecision } = await import("./engine/precision.ts");
  const report = openBackend({ device, sharesRun: true });
  checkPrecision(plan.config.precision, plan.eager);
  const engine = describeEngine(report) + (place ? `, ${place.size} ranks` : "");
  const cluster = place && new (await import("./engine/collective.ts")).Cluster(place, report.onGpu);
  if (!place || place.rank === 0) {
    console.log(engine);
    printData(plan.config, plan.data);
    if (!plan.resumes) createRun(plan.name, plan.config);
    console.log(`Run ${plan.name}, in ${plan.folder}.`);
  }
  await train({ ...plan, engine, cluster });
}

/** What all ranks must have in common. */
function agreementOf({ folder, config, data, resumes }: Plan): string {
  const digest = (path: string) => exists(path) ? sha256(Deno.readFileSync(path)) : null;
  const checkpoint = resumes ? digest(join(folder, CHECKPOINT_FILE)) : null;
  return JSON.stringify({ config, manifest: digest(data.manifest), faces: data.kept.length, checkpoint });
}

/** The run to go on with, or what a new one is to be; its folder is made when nothing else can be wrong. */
function chooseRun(flags: Flags): { name: string; config: SavedConfig; resumes: boolean } {
  if (flags.switches.has("resume")) {
    const { name } = flags.text;
    if (!name) throw new UsageError("--resume needs --name=<run>, the run to go on with.");
    const { config } = reopenRun<SavedConfig>(name, (saved) => resolveConfig(flags, saved), "pretrain");
    return { name, config, resumes: true };
  }
  const preset = readPreset(flags.text.preset ?? "quick");
  const config = resolveConfig(flags, {
    program: "pretrain",
    preset,
    data: COMMITTED_FACES,
    skipBroken: false,
    ...PRESETS[preset],
  });
  const name = flags.text.name ?? freeName(config.preset);
  checkNewName(name);
  return { name, config, resumes: false };
}

/** @throws {ConfigError} a setting that ranks cannot share */
function checkShared({ batchSize, batchNorm }: PretrainConfig, { size }: Place): void {
  if (batchSize % size !== 0) {
    throw new ConfigError(
      `batchSize is ${batchSize}; ${size} ranks take equal parts of it, so it must be a multiple of ${size}.`,
    );
  }
  if (batchNorm !== "sync") {
    throw new ConfigError(`batchNorm is "${batchNorm}", which is for one process; ranks take "sync".`);
  }
}

/** `base` with what the command line says on top. */
function resolveConfig({ text, switches, settings }: Flags, base: SavedConfig): SavedConfig {
  const { program, preset, data, skipBroken, sets, ...config } = base;
  const resolved = override(config, settings) as PretrainConfig;
  checkPretrainConfig(resolved);
  return {
    program,
    preset: text.preset ? readPreset(text.preset) : preset,
    data: text.data ? resolve(text.data) : data,
    skipBroken: switches.has("skipBroken") || skipBroken,
    ...(sets && { sets }),
    ...resolved,
  };
}

/** Reads the pretraining faces and holds subjects back for the probes. */
function readFaces(config: SavedConfig): PretrainData {
  const manifest = manifestPath(config.data);
  const broken: string[] = [];
  const all = readManifest(manifest, {
    skipBroken: config.skipBroken,
    onBroken: (sentence) => broken.push(sentence),
  });
  for (const sentence of broken.slice(0, 5)) console.log(`skipped: ${sentence}`);
  if (broken.length > 5) console.log(`skipped: ${broken.length - 5} more lines of ${manifest}.`);
  const hasSplits = all.some((face) => face.split);
  const ofSplit = hasSplits ? all.filter((face) => face.split === "pretrain") : all;
  const reads = readsEmotions(config), faces = reads ? ofSplit.filter((face) => face.emotion) : ofSplit;
  const left = ofSplit.length - faces.length;
  if (left > 0) {
    console.log(
      left === 1
        ? "1 face carries no emotion and is left out."
        : `${left} faces carry no emotion and are left out.`,
    );
  }

  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new ManifestError(`${manifest}: ${sentence}`);
  };
  const where = hasSplits ? ' in split "pretrain"' : "";
  demand(
    faces.length > 0,
    `no face${where} carries an emotion, which this method learns from; ${WITHOUT_EMOTIONS}`,
  );
  if (reads) checkPairs(faces, config, where, demand);
  const { kept, held } = holdBackSubjects(faces, config.heldBack, config.seed);
  demand(
    held.length > 0 && kept.length > 0,
    `heldBack=${config.heldBack} of its subjects leaves nobody to train on or to probe with; it needs faces of more people.`,
  );
  if (reads) checkKept(faces, kept, held, config, where, demand);
  demand(
    kept.length >= config.batchSize,
    `${kept.length} faces are fewer than one batch; give a --batchSize of at most that many.`,
  );
  return { manifest, kept, held };
}

type Demand = (holds: boolean, sentence: string) => void;

/** Whether a face is contrasted with others of its emotion. */
function contrasts({ losses, queues }: SavedConfig): boolean {
  return losses !== "emotion" && queues === "per-emotion";
}

/** Two emotions at least, and where faces are contrasted within them no single face of one. */
function checkPairs(faces: readonly Face[], config: SavedConfig, where: string, demand: Demand): void {
  const counts = countEmotions(faces);
  counts.forEach((count, i) => {
    const first = faces.find((face) => face.emotion === EMOTIONS[i]);
    demand(
      !contrasts(config) || count !== 1,
      `only one face, on line ${first?.line}, carries the emotion "${EMOTIONS[i]}"${where}; ${NEEDS_TWO}`,
    );
  });
  demand(
    counts.filter((count) => count > 0).length > 1,
    `all faces${where} carry the emotion "${
      faces[0].emotion
    }"; a method that reads emotions needs two of them or more; ` +
      WITHOUT_EMOTIONS,
  );
}

/** The same of the faces that are trained on; an emotion that does not occur is told of. */
function checkKept(
  faces: readonly Face[],
  kept: readonly Face[],
  held: readonly Face[],
  config: SavedConfig,
  where: string,
  demand: Demand,
): void {
  const all = countEmotions(faces), missing = EMOTIONS.filter((_, i) => all[i] === 0);
  countEmotions(kept).forEach((count, i) => {
    const sentence = `${count === 0 ? "no face" : "one face only"} is left for "${EMOTIONS[i]}" after the ` +
      `${held.length} faces of the probes were held back (heldBack=${config.heldBack})`;
    demand(!contrasts(config) || all[i] === 0 || count >= 2, `${sentence}; ${NEEDS_TWO}`);
    if (all[i] > 0 && count === 0) console.log(`Warning: ${sentence}.`);
  });
  if (missing.length === 0) return;
  console.log(`Warning: no face${where} carries the emotion ${missing.join(", ")}: nothing is learnt of it.`);
}

const NEEDS_TWO =
  "each emotion that occurs needs two faces or more, since a face is contrasted with others of its emotion.";
const WITHOUT_EMOTIONS = "MoCo needs none (--queues=single --normalization=l2 --losses=contrastive).";

function printData(config: SavedConfig, { manifest, kept, held }: PretrainData): void {
  const subjects = (faces: readonly Face[]) => new Set(faces.map((face) => face.subject)).size;
  const counts = readsEmotions(config)
    ? countEmotions(kept).map((count, i) => `${EMOTIONS[i]} ${count}`).join(", ")
    : "emotions are not read";
  console.log(`${manifest}: ${kept.length} faces of ${subjects(kept)} people to train on (${counts});`);
  console.log(`  ${held.length} faces of ${subjects(held)} people held back for the probes.`);
  console.log(
    samplingOf(kept, config) === "balanced"
      ? `  Sampling balanced: each emotion ${
        Math.floor(kept.length / new Set(kept.map((face) => face.emotion)).size)
      } times an epoch.`
      : `  Sampling natural: each face once an epoch.`,
  );
  console.log(
    `${config.backbone}, width ${config.width}, ${config.imageSize} px, batches of ${config.batchSize}, ${config.epochs} epochs; ` +
      `queues ${config.queues}, normalization ${config.normalization}, losses ${config.losses} ` +
      "(emo: emotion, Eq. 2; con: contrastive, Eq. 5).",
  );
}

function readPreset(name: string): keyof typeof PRESETS {
  if (Object.hasOwn(PRESETS, name)) return name as keyof typeof PRESETS;
  throw new ConfigError(`--preset=${name} does not exist; presets are ${Object.keys(PRESETS).join(", ")}.`);
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task pretrain: learn an encoder from faces labelled with emotions.",
    flags: FLAGS,
    settings: `Settings, each as --key=value: ${Object.keys(PRESETS.quick).join(", ")}.`,
  }, main);
}
