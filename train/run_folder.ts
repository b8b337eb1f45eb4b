/** A run's folder, `runs/<name>/`: its name, its config, and `metrics.jsonl`, to which a run appends as it goes. */
import { join } from "node:path";
import { writeAtomically } from "./checkpoint.ts";

/** A run that cannot be started or gone on with; the message says why and what to do. */
export class RunError extends Error {
  override name = "RunError";
}

/** Folder of all runs, in the working directory. */
export const RUNS = "runs";

/** One line of `metrics.jsonl`. */
export type Metric = { type: string; step: number; [field: string]: unknown };

/** `<stem>-<n>` with the next free number. */
export function freeName(stem: string): string {
  let n = 1;
  while (exists(join(RUNS, `${stem}-${n}`))) n++;
  return `${stem}-${n}`;
}

/** Opens the folder of a new run and writes its `config.json`. */
export function createRun(name: string, config: object): string {
  if (!/^[\w.+-]+$/.test(name)) {
    throw new RunError(`--name=${name}: a run's name is made of letters, digits, ".", "_", "+" and "-".`);
  }
  const folder = join(RUNS, name);
  if (exists(folder)) {
    throw new RunError(`${folder} exists. Go on with it by --resume, or give another --name.`);
  }
  Deno.mkdirSync(folder, { recursive: true });
  writeAtomically(join(folder, "config.json"), JSON.stringify(config, null, 2) + "\n");
  return folder;
}

/**
 * Opens the folder of a run to go on with; nothing that was given beside `--resume` may differ from what was saved.
 * @param given settings from the command line
 */
export function reopenRun<C extends object>(
  name: string,
  given: (saved: C) => C,
): { folder: string; config: C } {
  const folder = join(RUNS, name);
  let config: C;
  try {
    config = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
  } catch (error) {
    const runs = listRuns(() => true);
    throw new RunError(
      `--resume: ${join(folder, "config.json")} cannot be read (${(error as Error).message}). ` +
        (runs.length ? `Runs are: ${runs.join(", ")}.` : "There are no runs yet."),
    );
  }
  refuseChanges(config, given(config), "the run was started with");
  return { folder, config };
}

/** Refuses a config that differs from the one that was saved, naming the first setting that does. */
export function refuseChanges(saved: object, now: object, where: string): void {
  const settingsBefore = new Map(Object.entries(saved)), settingsNow = new Map(Object.entries(now));
  for (const key of new Set([...settingsBefore.keys(), ...settingsNow.keys()])) {
    const [before, after] = [JSON.stringify(settingsBefore.get(key)), JSON.stringify(settingsNow.get(key))];
    if (before !== after) {
      throw new RunError(
        `${key} is ${after} now, but ${where} ${before}. A resumed run keeps its settings: leave ${key} out, ` +
          "or start a new run.",
      );
    }
  }
}

/** Names of the runs whose folder passes, the newest first. */
export function listRuns(passes: (folder: string) => boolean): string[] {
  if (!exists(RUNS)) return [];
  return [...Deno.readDirSync(RUNS)]
    .filter((entry) => entry.isDirectory && passes(join(RUNS, entry.name)))
    .map(({ name }) => ({ name, time: Deno.statSync(join(RUNS, name)).mtime?.getTime() ?? 0 }))
    .sort((one, other) => other.time - one.time)
    .map(({ name }) => name);
}

/** Reads `metrics.jsonl`; a last line that a crash cut short is left out. */
export function readMetrics(folder: string): Metric[] {
  const path = join(folder, METRICS);
  if (!exists(path)) return [];
  return Deno.readTextFileSync(path).split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as Metric];
    } catch {
      return [];
    }
  });
}

/** Drops what was logged after `step`: those steps will be done again. */
export function cutMetrics(folder: string, step: number): void {
  const kept = readMetrics(folder).filter((metric) => metric.step <= step);
  writeAtomically(join(folder, METRICS), kept.map((metric) => JSON.stringify(metric) + "\n").join(""));
}

/** Appends one line to `metrics.jsonl`. Numbers that are not finite are written as null. */
export function logMetric(folder: string, metric: Metric): void {
  Deno.writeTextFileSync(join(folder, METRICS), JSON.stringify(metric) + "\n", { append: true });
}

const METRICS = "metrics.jsonl";

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
