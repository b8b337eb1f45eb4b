/** A training task in a process of its own, as its user starts it, with what can be seen of it from outside. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Metric, readMetrics } from "../../train/runs/run_folder.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A task that is under way. */
export interface StartedTask {
  /** Folder of its run. */
  folder: string;
  /** What it has logged so far. */
  metrics(): Metric[];
  /** Resident bytes of the process that trains, `undefined` before it runs. */
  resident(): number | undefined;
  /** Resolves at its end. @throws {Error} an exit code other than 0 */
  ended: Promise<void>;
}

/** Starts `deno task <task>` under a name of its own; its output goes to this terminal. */
export function startTask(task: string, args: readonly string[]): StartedTask {
  const name = `soak-${new Date().toISOString().replace(/\D/g, "").slice(0, 14)}`;
  const folder = join(ROOT, "runs", name);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", task, `--name=${name}`, ...args],
    cwd: ROOT,
    stdin: "null",
  }).spawn();
  return {
    folder,
    metrics: () => readMetrics(folder),
    resident() {
      // The task's own process starts another one, which is known by program and name.
      const { stdout } = new Deno.Command("ps", { args: ["-eo", "rss=,args="] }).outputSync();
      const lines = new TextDecoder().decode(stdout).split("\n");
      const line = lines.find((line) => line.includes(`train/${task}.ts`) && line.includes(`--name=${name}`));
      return line ? 1024 * Number.parseInt(line) : undefined;
    },
    ended: child.status.then(({ code }) => {
      if (code !== 0) throw new Error(`deno task ${task} ended with exit code ${code}.`);
    }),
  };
}
