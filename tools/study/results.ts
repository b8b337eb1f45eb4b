/** The study's results: one file a part, one record a run, so that a stopped study goes on. */
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { manifestPath, readManifest } from "../../train/input/data.ts";
import { UsageError } from "../../train/runs/flags.ts";
import { exists, writeAtomically } from "../../train/runs/whole_file.ts";
import { claimNames } from "../files/claim.ts";
import type { Asked, StudyResult } from "./run.ts";

/** What all runs of a part have in common. */
export interface Setting {
  preset: string;
  epochs: number;
  /** `--key=value` of every pretraining, beside those that make its method. */
  settings: string[];
  /** Faces of `pretrain`, and of `au` and `test`. */
  pretrainFaces: number;
  probeFaces: number;
  /** Epochs of every finetuning; absent where the part has none. */
  finetuneEpochs?: number;
  /** Photographs of the test split; absent where none were given. */
  photographs?: number;
  /** Set where the faces are frames of clips. */
  clips?: true;
}

/** All results of a part and the setting that they share. */
export interface StudyResults {
  setting: Setting;
  runs: StudyResult[];
}

/** Folder of the results that come with the project, and are drawn into its README. */
export const COMMITTED_RESULTS = fileURLToPath(new URL(".", import.meta.url));

/** Name of a part's results: on clips the same part asks another question. */
export function resultsName(part: string, { clips }: Pick<Asked, "clips">): string {
  return clips ? `${part}-clips` : part;
}

/**
 * The results so far; absent where there are none.
 * @throws {UsageError} a file of that name that is something else
 */
export function readResults(folder: string, name: string): StudyResults | undefined {
  const file = join(folder, `${name}.json`);
  if (!exists(file)) return undefined;
  try {
    const results = JSON.parse(Deno.readTextFileSync(file), revive);
    if (results?.setting && Array.isArray(results.runs)) return results;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UsageError(`${file} holds no results of a study: choose another --out.`);
}

/** Keeps the results. */
export function writeResults(folder: string, name: string, results: StudyResults): void {
  Deno.mkdirSync(folder, { recursive: true });
  writeAtomically(join(folder, `${name}.json`), JSON.stringify(results, null, 1) + "\n");
}

/** Takes the names of a part that has no results yet, before anything is trained. @throws {Error} somebody else's files */
export function claimResults(folder: string, name: string): void {
  const isOwn = folder === COMMITTED_RESULTS || exists(join(folder, `${name}.json`));
  if (!isOwn) claimNames("--out", folder, [`${name}.json`, `${name}.md`]);
}

/**
 * The results to go on with.
 * @throws {UsageError} those that there are were made in another setting
 */
export function openResults(folder: string, name: string, setting: Setting): StudyResults {
  const results = readResults(folder, name);
  if (!results) return { setting, runs: [] };
  const path = join(relative(".", folder), `${name}.json`);
  for (const key of Object.keys({ ...results.setting, ...setting }) as (keyof Setting)[]) {
    const [before, now] = [results.setting[key], setting[key]].map((value) => JSON.stringify(value));
    if (before === now) continue;
    throw new UsageError(
      `${path} was made with ${key} ${before ?? "none"}, and this is ${
        now ?? "none"
      }: go on with that, or give ` +
        "another --out.",
    );
  }
  return results;
}

/** The setting that is asked for. @param photographs of the test split */
export function settingOf(asked: Asked, photographs?: number): Setting {
  const faces = readManifest(manifestPath(asked.data));
  const count = (...splits: string[]) =>
    faces.filter((face) => face.split && splits.includes(face.split)).length;
  return {
    preset: "quick",
    epochs: asked.epochs,
    settings: [...asked.settings].sort(),
    pretrainFaces: count("pretrain"),
    probeFaces: count("au", "test"),
    finetuneEpochs: asked.finetuneEpochs,
    ...(photographs === undefined ? {} : { photographs }),
    ...(asked.clips ? { clips: true as const } : {}),
  };
}

/** JSON has no NaN: the AUC of a unit that one class lacks is written as null. */
function revive(this: unknown, key: string, value: unknown): unknown {
  const isUnit = typeof this === "object" && this !== null && "au" in this;
  return isUnit && value === null && (key === "f1" || key === "auc") ? NaN : value;
}
