/** The programs that a study starts: each goes on with an earlier start of its own, and must come to its end. */
import { join } from "node:path";
import { UsageError } from "../../train/runs/flags.ts";
import { readMetrics, RUNS } from "../../train/runs/run_folder.ts";
import { exists, writeAtomically } from "../../train/runs/whole_file.ts";

/** What a run of a training program leaves when it is done. */
const DONE = {
  pretrain(folder: string): boolean {
    const { epochs } = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
    const metrics = readMetrics(folder);
    const lastStep = metrics.findLast((metric) => metric.type === "step");
    const lastProbe = metrics.findLast((metric) => metric.type === "evaluation");
    return lastStep?.epoch === epochs - 1 && lastProbe?.step === lastStep.step;
  },
  finetune: (folder: string) => exists(join(folder, "report.html")),
};

/** Seconds that the study has seen a run's program at work, kept in the run's folder. */
const SECONDS = "study_seconds.json";

/**
 * Runs a training program to its end, going on with an earlier start of the same name.
 * @throws {UsageError} it was stopped, or failed in a sentence of its own above
 */
export async function train(
  program: keyof typeof DONE,
  name: string,
  options: readonly string[],
): Promise<void> {
  const folder = join(RUNS, name);
  const resumes = exists(folder), wasDone = resumes && DONE[program](folder);
  const begun = performance.now();
  // The options again when it goes on: a run of other settings that happens to have this name is refused.
  const success = await runTask(program, [`--name=${name}`, ...options, ...(resumes ? ["--resume"] : [])]);
  if (exists(folder) && !wasDone) {
    const spent = (performance.now() - begun) / 1000 + (readSeconds(name) ?? 0);
    writeAtomically(join(folder, SECONDS), JSON.stringify({ seconds: spent }) + "\n");
  }
  // A Ctrl-C ends the child cleanly, so what says that it is done is its result.
  if (!success || !DONE[program](folder)) {
    throw new UsageError(`${name} did not finish; start the study again to go on with it.`);
  }
}

/** Seconds that a run's program took; null where another than the study has started it. */
export function readSeconds(name: string): number | null {
  const path = join(RUNS, name, SECONDS);
  return exists(path) ? JSON.parse(Deno.readTextFileSync(path)).seconds : null;
}

/**
 * Runs a task to its end.
 * @throws {UsageError} it failed, in a sentence of its own above
 */
export async function finish(task: string, options: readonly string[]): Promise<void> {
  if (await runTask(task, options)) return;
  throw new UsageError(`deno task ${task} ${options.join(" ")} failed, as it says above.`);
}

async function runTask(task: string, options: readonly string[]): Promise<boolean> {
  const waits = () => {}; // Ctrl-C reaches the program too: it saves, and its seconds are still to be kept
  Deno.addSignalListener("SIGINT", waits);
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["task", task, ...options],
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    return (await child.status).success;
  } finally {
    Deno.removeSignalListener("SIGINT", waits);
  }
}
