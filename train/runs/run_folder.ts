/**
 * A run's folder, `runs/<name>/`: its name, its config, and `metrics.jsonl`, to which a run appends as it goes.
 *
 * The room `runs`: what a program needs in order to be one (flags, settings, progress, Ctrl-C, random streams) and what a
 * run leaves behind (folder, checkpoint, report page); it imports no other room, and no TensorFlow.
 */
import { join } from "node:path";
import { appendLine, attempt, exists, writeAtomically } from "./whole_file.ts";

/** A run that cannot be started or gone on with; the message says why and what to do. */
export class RunError extends Error {
  override name = "RunError";
}

/** Folder of all runs, in the working directory. */
export const RUNS = "runs";

/** One line of `metrics.jsonl`. */
export type Metric = { type: string; step: number; [field: string]: unknown };

/** `<stem>-<n>` with the next free number; with `plain`, the first one is the bare stem. */
export function freeName(stem: string, plain = false): string {
  for (let n = 1;; n++) {
    const name = plain && n === 1 ? stem : `${stem}-${n}`;
    if (!exists(join(RUNS, name))) return name;
  }
}

/** @throws {RunError} when no run can be started under a name: it says why */
export function checkNewName(name: string): void {
  if (!/^\w[\w.+-]*$/.test(name)) {
    throw new RunError(
      `--name=${name}: a run's name is made of letters, digits, ".", "_", "+" and "-", and starts with a letter or digit.`,
    );
  }
  const folder = join(RUNS, name);
  if (exists(folder)) {
    throw new RunError(`${folder} exists. Go on with it by --resume, or give another --name.`);
  }
}

/**
 * Opens the folder of a new run, which holds its `config.json` from the first moment on.
 * @throws {RunError} when the name is taken or none; {WriteError} when the folder cannot be written
 */
export function createRun(name: string, config: object): string {
  checkNewName(name);
  const folder = join(RUNS, name), unborn = join(RUNS, `.${name}.starting`);
  attempt(folder, "no run was started", () => {
    Deno.mkdirSync(unborn, { recursive: true });
    Deno.writeTextFileSync(join(unborn, "config.json"), JSON.stringify(config, null, 2) + "\n");
    Deno.renameSync(unborn, folder);
  });
  return folder;
}

/**
 * Keeps a run to this process until it ends, however it ends: two of them would write over each other.
 * @throws {RunError} when another process has the run
 */
export function holdRun(folder: string): Disposable {
  const file = Deno.openSync(join(folder, "config.json"), { read: true });
  if (!file.tryLockSync(true)) {
    file.close();
    throw new RunError(`${folder} is being trained by another process; stop that one first.`);
  }
  return file;
}

/**
 * Opens the folder of a run to go on with; nothing that was given beside `--resume` may differ from what was saved.
 * @param given the saved config with the settings from the command line on top
 * @param program whose run it must be
 * @throws {RunError} no such run, another program's run, other settings
 */
export function reopenRun<C extends object>(
  name: string,
  given: (saved: C) => C,
  program?: string,
): { folder: string; config: C } {
  const folder = join(RUNS, name);
  let config: C & { program?: unknown };
  try {
    config = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
  } catch (error) {
    const runs = listRuns(() => true);
    throw new RunError(
      `--resume: ${join(folder, "config.json")} cannot be read (${(error as Error).message}). ` +
        (runs.length ? `Runs are: ${runs.join(", ")}.` : "There are no runs yet."),
    );
  }
  if (program && config?.program !== program) {
    throw new RunError(
      `--resume: ${folder} is a run of ${config?.program ?? "another program"}, not of ${program}.`,
    );
  }
  refuseChanges(config, given(config), "the run was started with");
  return { folder, config };
}

/** Refuses a config that differs from the one that was saved, naming the first setting that does. */
export function refuseChanges(saved: object, now: object, where: string): void {
  const settingsBefore = new Map(Object.entries(saved)), settingsNow = new Map(Object.entries(now));
  for (const key of new Set([...settingsBefore.keys(), ...settingsNow.keys()])) {
    // What an older run did not know it did without: an empty list, none of a thing.
    const without = [settingsBefore, settingsNow].some((settings) => Array.isArray(settings.get(key)))
      ? []
      : undefined;
    const [before, after] = [settingsBefore, settingsNow].map((settings) =>
      JSON.stringify(settings.get(key) ?? without)
    );
    if (before === undefined && (after === "0" || after === "false")) continue;
    if (before !== after) {
      throw new RunError(
        `${key} is ${after} now, but ${where} ${before}. A resumed run keeps its settings: leave ${key} out, ` +
          "or start a new run.",
      );
    }
  }
}

/**
 * Names of the runs whose folder passes, the last started first: a folder's own time would make an old run the newest
 * when it is tested or exported once more.
 */
export function listRuns(passes: (folder: string) => boolean): string[] {
  if (!exists(RUNS)) return [];
  const started = (name: string) => {
    const path = join(RUNS, name, "config.json");
    return exists(path) ? Deno.statSync(path).mtime?.getTime() ?? 0 : 0;
  };
  return [...Deno.readDirSync(RUNS)]
    .filter((entry) => entry.isDirectory && !entry.name.startsWith(".") && passes(join(RUNS, entry.name)))
    .map(({ name }) => ({ name, time: started(name) }))
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

/** Appends one line to `metrics.jsonl`. Numbers that are not finite are written as null. @throws {WriteError} */
export function logMetric(folder: string, metric: Metric): void {
  appendLine(join(folder, METRICS), JSON.stringify(metric));
}

const METRICS = "metrics.jsonl";
