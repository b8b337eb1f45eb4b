/** What the programs of action-unit training read before they begin: settings, faces, and what must not change later. */
import type { TrainedOn } from "./saved_config.ts";
import { override } from "../runs/settings.ts";
import { type Face, readManifest } from "../input/data.ts";
import { checkFinetuneConfig, type FinetuneConfig } from "./finetune_config.ts";
import type { Source } from "./finetune_run.ts";
import type { Flags } from "../runs/flags.ts";
import { setsOf } from "../scores/licensed_sets.ts";
import { checkPrecision } from "../engine/precision.ts";
import { RunError } from "../runs/run_folder.ts";
import { scoreTarget, type Target, targetRows } from "../scores/target.ts";
import { sha256 } from "../runs/whole_file.ts";

/**
 * The defaults, or the settings of the run that is gone on with, and the command line's on top.
 * @throws {ConfigError} a setting that there is not, or that cannot be used
 */
export function finetuneSettings(
  { text, settings, switches }: Flags,
  defaults: FinetuneConfig,
  saved?: FinetuneConfig,
): FinetuneConfig {
  const keys = Object.keys(defaults) as (keyof FinetuneConfig)[];
  const base = saved
    // A run of before there were detectors has none.
    ? Object.fromEntries(keys.map((key) => [key, saved[key] ?? defaults[key]])) as unknown as FinetuneConfig
    : defaults;
  const config = override(base, {
    ...settings,
    ...(text.protocol ? { protocol: text.protocol } : {}),
    ...(text.target ? { target: text.target } : {}),
    ...(text.preset ? { preset: text.preset } : {}),
    ...(text.detector ? { detector: text.detector } : {}),
    ...(text.detector && text.detector !== "linear" && !text.protocol ? { protocol: "finetune" } : {}),
  });
  checkFinetuneConfig(config);
  checkPrecision(config.precision, switches.has("eager"));
  return config;
}

/** All faces of a manifest; what is left out (`skipBroken`) is said. @throws {ManifestError} */
export function readAllFaces(manifest: string, skipBroken: boolean): Face[] {
  const broken: string[] = [];
  const all = readManifest(manifest, { skipBroken, onBroken: (sentence) => broken.push(sentence) });
  if (broken.length) console.log(`skipped ${broken.length} lines; the first: ${broken[0]}`);
  return all;
}

/** What the run learns from, as its config keeps it. */
export function trainedOn(manifest: string, faces: readonly Face[], source: Source): TrainedOn {
  return {
    facesSha256: sha256(Deno.readFileSync(manifest), JSON.stringify(faces.map((face) => face.line))),
    sourceSha256: source.sha256 ?? null,
    pretrainingData: source.pretrainingData ?? null,
    sets: [...new Set([...source.pretrainingSets, ...setsOf(faces)])].sort(),
    architecture: source.backbone.architecture,
    imageSize: source.imageSize,
  };
}

/**
 * Refuses to go on with a run whose faces or encoder have changed since it started.
 * @throws {RunError} saying which of them
 */
export function refuseOtherInputs(saved: TrainedOn, now: TrainedOn, manifest: string, source: string): void {
  if (saved.facesSha256 !== now.facesSha256) {
    throw new RunError(
      `${manifest} or the pictures it names have changed since the run was started, so the run would not be the same run. ` +
        "Put the old ones back, or start a new run.",
    );
  }
  if (saved.sourceSha256 !== now.sourceSha256) {
    throw new RunError(
      `${source} has been trained further since this run started from it: its folds would start from different ` +
        "weights. Start a new run.",
    );
  }
}

/** How many of the faces show each unit, for the first lines of a program. */
export function countUnits(faces: readonly Face[], aus: readonly number[], target: Target): string {
  const [zeros, rows] = [faces.map(() => aus.map(() => 0)).flat(), targetRows(faces, aus, target)];
  const counts = scoreTarget(target, aus, zeros, rows);
  const partly = counts.some(({ count }) => count < faces.length);
  return counts.map(({ au, falseNegatives, count }) =>
    `AU${au} ${falseNegatives}${partly ? ` of ${count}` : ""}`
  ).join(", ");
}

/** What a table of scores says, above it. */
export function describeScores(what: string, target: Target): string {
  return target === "occurrence"
    ? `${what}, in per cent (F1 at probability 0.5)`
    : `${what} (intensity 0 to 5; present from 2 on; F1, AUC and positive rate in per cent)`;
}
