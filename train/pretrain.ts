/** `deno task pretrain`: faces labelled with emotions in, an encoder out, by EmoCo or one of its rivals. */
import { ConfigError, override } from "./runs/settings.ts";
import { EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { type MethodSettings, PRESETS, readMethod, type RunConfig, settingsOf } from "./config.ts";
import { COMMITTED_CLIPS, COMMITTED_FACES, countEmotions, type Face } from "./input/data.ts";
import { fromHere } from "./runs/from_here.ts";
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
import { knowPictures } from "./input/known_pictures.ts";
import { samplingOf } from "./input/walk.ts";
import { readPretrainFaces, readsEmotions } from "./pretraining/pretrain_faces.ts";
import type { PretrainData, PretrainRun } from "./pretraining/pretrain_record.ts";
import { isMethod, loadMethod, type MethodName, METHODS } from "./methods/index.ts";
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
  method: { kind: "text", help: `${Object.keys(METHODS).join(", ")} (default: emoco)` },
  data: SHARED_FLAGS.data,
  name: {
    kind: "text",
    help: "folder under runs/ (default: <preset>-<n>, of a rival <method>-<preset>-<n>)",
  },
  resume: SHARED_FLAGS.resume,
  device: SHARED_FLAGS.device,
  eager: SHARED_FLAGS.eager,
  skipBroken: SHARED_FLAGS.skipBroken,
  help: SHARED_FLAGS.help,
};

/** What `config.json` of a pretraining run holds. */
type SavedConfig = RunConfig & {
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
  const { name, config, resumes, settings } = await chooseRun(flags);
  if (settings.clip && config.skipBroken) {
    throw new UsageError("--skipBroken is for stills: another picture in its place would tear a clip.");
  }
  if (place) checkShared(config, place);
  const data = readPretrainFaces(config, settings.clip?.(config));
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
    console.log(await describeRun(plan.config));
    if (!plan.resumes) createRun(plan.name, plan.config);
    knowPictures(plan.folder, [...plan.data.kept, ...plan.data.held], plan.resumes);
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

/** A run, and what its method can be told. */
interface Choice {
  name: string;
  config: SavedConfig;
  resumes: boolean;
  settings: MethodSettings;
}

/** The run to go on with, or what a new one is to be; its folder is made when nothing else can be wrong. */
async function chooseRun(flags: Flags): Promise<Choice> {
  if (flags.switches.has("resume")) {
    const { name } = flags.text;
    if (!name) throw new UsageError("--resume needs --name=<run>, the run to go on with.");
    const settings = await settingsOf(savedMethod(name));
    const { config } = reopenRun<SavedConfig>(
      name,
      (saved) => resolveConfig(flags, saved, settings),
      "pretrain",
    );
    return { name, config, resumes: true, settings };
  }
  const preset = readPreset(flags.text.preset ?? "quick");
  const method = readMethod(flags.text.method ?? "emoco");
  const settings = await settingsOf(method);
  const config = resolveConfig(flags, {
    program: "pretrain",
    preset,
    method,
    data: settings.clip ? COMMITTED_CLIPS : COMMITTED_FACES,
    skipBroken: false,
    ...settings.presets[preset],
  }, settings);
  const name = flags.text.name ?? freeName(method === "emoco" ? preset : `${method}-${preset}`);
  checkNewName(name);
  return { name, config, resumes: false, settings };
}

/** Method of a saved run. What cannot be read is left to `reopenRun`, which says so. */
function savedMethod(name: string): MethodName {
  try {
    const { method } = JSON.parse(Deno.readTextFileSync(join(RUNS, name, "config.json")));
    return typeof method === "string" && isMethod(method) ? method : "emoco";
  } catch {
    return "emoco";
  }
}

/** @throws {ConfigError} a setting that ranks cannot share */
function checkShared(
  { batchSize, batchNorm = "sync" }: RunConfig & { batchNorm?: string },
  { size }: Place,
): void {
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
function resolveConfig(
  { text, switches, settings }: Flags,
  base: SavedConfig,
  of: MethodSettings,
): SavedConfig {
  const { program, preset, method, data, skipBroken, sets, ...config } = base;
  const resolved = override(config, settings);
  of.check(resolved);
  return {
    program,
    preset: text.preset ? readPreset(text.preset) : preset,
    ...(text.method ? { method: readMethod(text.method) } : method && { method }),
    data: text.data ? fromHere(text.data) : data,
    skipBroken: switches.has("skipBroken") || skipBroken,
    ...(sets && { sets }),
    ...resolved,
  };
}

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
}

/** The settings that matter most, and what the progress line's short names stand for. */
async function describeRun(config: SavedConfig): Promise<string> {
  const { terms, summary } = await loadMethod(config.method ?? "emoco");
  const rival = config.method && config.method !== "emoco" ? `${METHODS[config.method].title}: ` : "";
  const legend = terms.map(({ short, meaning }) => `${short}: ${meaning}`).join("; ");
  return `${rival}${config.backbone}, width ${config.width}, ${config.imageSize} px, batches of ${config.batchSize}, ` +
    `${config.epochs} epochs; ${summary(config)} (${legend}).`;
}

function readPreset(name: string): keyof typeof PRESETS {
  if (Object.hasOwn(PRESETS, name)) return name as keyof typeof PRESETS;
  throw new ConfigError(`--preset=${name} does not exist; presets are ${Object.keys(PRESETS).join(", ")}.`);
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task pretrain: learn an encoder from faces labelled with emotions.",
    flags: FLAGS,
    settings:
      `Settings of EmoCo, each as --key=value (a rival lists its own when it is given an unknown one): ${
        Object.keys(PRESETS.quick).join(", ")
      }.`,
  }, main);
}
