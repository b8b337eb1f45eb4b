/** `deno task pretrain`: faces labelled with emotions in, an EmoCo encoder out. */
import { EMOTIONS } from "@emoco/web/facs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Device, type EngineReport, openBackend } from "./backend.ts";
import { checkPretrainConfig, ConfigError, override, PRESETS, type PretrainConfig } from "./config.ts";
import {
  countEmotions,
  type Face,
  holdBackSubjects,
  ManifestError,
  manifestPath,
  readManifest,
} from "./data.ts";
import { type FlagList, type Flags, helpText, readFlags, runProgram, UsageError } from "./flags.ts";
import { type PretrainData, train } from "./pretraining.ts";
import { createRun, freeName, reopenRun } from "./run_folder.ts";

const FLAGS: FlagList = {
  preset: {
    kind: "text",
    help: "quick (default): minutes on two CPU cores; paper: the paper's setting, for GPU servers",
  },
  data: { kind: "text", help: "folder with a manifest.jsonl (default: the faces that come with EmoCo)" },
  name: { kind: "text", help: "folder under runs/ (default: <preset>-<n>)" },
  resume: { kind: "switch", help: "go on with the run of that --name" },
  device: { kind: "text", help: "auto (default), cpu or gpu" },
  eager: { kind: "switch", help: "run operation by operation instead of as one graph, for debugging" },
  skipBroken: { kind: "switch", help: "leave out faces that cannot be read, and count them" },
  help: { kind: "switch", help: "this text" },
};

/** The faces that come with the project. */
const COMMITTED_FACES = fileURLToPath(new URL("./faces", import.meta.url));

/** What `config.json` of a pretraining run holds. */
type SavedConfig = PretrainConfig & {
  program: "pretrain";
  preset: keyof typeof PRESETS;
  data: string;
  skipBroken: boolean;
};

async function main(): Promise<void> {
  const flags = readFlags(Deno.args, FLAGS, true);
  if (flags.switches.has("help")) {
    const settings = `Settings, each as --key=value: ${Object.keys(PRESETS.quick).join(", ")}.`;
    console.log(
      helpText("deno task pretrain: learn an encoder from faces labelled with emotions.", FLAGS, settings),
    );
    return;
  }
  const device = readDevice(flags.text.device);
  const { name, folder, config, resumes } = openRun(flags);
  const engine = openBackend({ device });
  console.log(`${describe(engine)}`);
  const data = readFaces(config);
  printData(config, data);
  console.log(`Run ${name}, in ${folder}.`);
  await train({
    name,
    folder,
    engine: describe(engine),
    config,
    data,
    resumes,
    eager: flags.switches.has("eager"),
  });
}

/** A new run, or the one to go on with. */
function openRun(flags: Flags): { name: string; folder: string; config: SavedConfig; resumes: boolean } {
  if (flags.switches.has("resume")) {
    const name = flags.text.name;
    if (!name) throw new UsageError("--resume needs --name=<run>, the run to go on with.");
    const given = (saved: SavedConfig) => resolveConfig(flags, saved);
    return { name, ...reopenRun(name, given), resumes: true };
  }
  const preset = PRESETS[readPreset(flags.text.preset ?? "quick")];
  const config = resolveConfig(flags, {
    program: "pretrain",
    preset: readPreset(flags.text.preset ?? "quick"),
    data: COMMITTED_FACES,
    skipBroken: false,
    ...preset,
  });
  const name = flags.text.name ?? freeName(config.preset);
  return { name, folder: createRun(name, config), config, resumes: false };
}

/** `base` with what the command line says on top. */
function resolveConfig({ text, switches, settings }: Flags, base: SavedConfig): SavedConfig {
  const { program, preset, data, skipBroken, ...config } = base;
  const resolved = override(config, settings) as PretrainConfig;
  checkPretrainConfig(resolved);
  return {
    program,
    preset: text.preset ? readPreset(text.preset) : preset,
    data: text.data ? resolve(text.data) : data,
    skipBroken: switches.has("skipBroken") || skipBroken,
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
  const faces = ofSplit.filter((face) => face.emotion);
  if (faces.length < ofSplit.length) {
    console.log(`${ofSplit.length - faces.length} faces carry no emotion and are left out.`);
  }

  const { kept, held } = holdBackSubjects(faces, config.heldBack, config.seed);
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new ManifestError(`${manifest}: ${sentence}`);
  };
  demand(
    held.length > 0 && kept.length > 0,
    `heldBack=${config.heldBack} of its subjects leaves nobody to train on or to probe with; it needs faces of more people.`,
  );
  countEmotions(kept).forEach((count, i) => {
    demand(
      count >= 2,
      `${count === 0 ? "no face" : "one face only"} is left for "${
        EMOTIONS[i]
      }" after ${held.length} were held back; ` +
        "every one of the seven emotions needs two faces or more, since a face is contrasted with others of its emotion.",
    );
  });
  demand(
    kept.length >= config.batchSize,
    `${kept.length} faces are fewer than one batch; give a --batchSize of at most that many.`,
  );
  return { manifest, kept, held };
}

function printData(config: SavedConfig, { manifest, kept, held }: PretrainData): void {
  const subjects = (faces: readonly Face[]) => new Set(faces.map((face) => face.subject)).size;
  const counts = countEmotions(kept).map((count, i) => `${EMOTIONS[i]} ${count}`).join(", ");
  console.log(`${manifest}: ${kept.length} faces of ${subjects(kept)} people to train on (${counts});`);
  console.log(`  ${held.length} faces of ${subjects(held)} people held back for the probes.`);
  console.log(
    `${config.backbone}, width ${config.width}, ${config.imageSize} px, batches of ${config.batchSize}, ${config.epochs} epochs; ` +
      `queues ${config.queues}, normalization ${config.normalization}, losses ${config.losses}.`,
  );
}

function readPreset(name: string): keyof typeof PRESETS {
  if (name in PRESETS) return name as keyof typeof PRESETS;
  throw new ConfigError(`--preset=${name} does not exist; presets are ${Object.keys(PRESETS).join(", ")}.`);
}

/** @throws {UsageError} an unknown device */
export function readDevice(text = "auto"): Device {
  if (text === "auto" || text === "cpu" || text === "gpu") return text;
  throw new UsageError(`--device=${text}: a device is auto, cpu or gpu.`);
}

function describe({ engine, tensorflow, device }: EngineReport): string {
  return `${engine}, TensorFlow ${tensorflow}, ${device}`;
}

if (import.meta.main) await runProgram(main);
