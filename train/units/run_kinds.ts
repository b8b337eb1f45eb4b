/** Which runs there are of each kind: pretrained encoders, and action-unit models. */
import { join } from "node:path";
import { hasCheckpoint } from "../runs/checkpoint.ts";
import { listRuns, RunError } from "../runs/run_folder.ts";

/** Names of all pretraining runs, the newest first. */
export function pretrainedRuns(): string[] {
  return listRuns((folder) => programOf(folder) === "pretrain" && hasCheckpoint(folder));
}

/** The newest run of a kind that has a checkpoint. @throws {RunError} none */
export function newest(program: "pretrain" | "finetune"): string {
  const [name] = listRuns((folder) => isRunOf(folder, program));
  if (name) return name;
  throw new RunError(
    program === "pretrain"
      ? "There is no pretrained run yet: start with deno task pretrain, or give --from=random."
      : "There is no action-unit model yet: start with deno task finetune.",
  );
}

/** What is said of the runs of a kind where another was asked for. */
export function choices(program: "pretrain" | "finetune"): string {
  const runs = listRuns((folder) => isRunOf(folder, program));
  return runs.length ? `Runs of that kind: ${runs.join(", ")}.` : "There is no run of that kind yet.";
}

/** Programs whose runs are action-unit models. */
export const MODEL_PROGRAMS: readonly (string | undefined)[] = ["finetune", "adapt"];

function isRunOf(folder: string, program: "pretrain" | "finetune"): boolean {
  const own = programOf(folder);
  return (program === "pretrain" ? own === program : MODEL_PROGRAMS.includes(own)) && hasCheckpoint(folder);
}

/** The program that made a run; `undefined` of a folder that is none. */
export function programOf(folder: string): string | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(join(folder, "config.json"))).program;
  } catch {
    return undefined;
  }
}
