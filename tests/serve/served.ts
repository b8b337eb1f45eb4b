/** A server in a process of its own, started as `deno task serve` starts it, with a model small enough to be quick. */
import { fileURLToPath } from "node:url";
import { type TinyModel, writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";
import type { ModelCard } from "@emoco/web/model-card";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A model of two AUs and three emotions, read off the face's mean colour. */
export const TINY: TinyModel = {
  weights: [[1.5, -0.7], [0.3, 0.9], [-2, 0.4]],
  bias: [0.1, -0.2],
  emotions: [[1, 0, -1], [0.5, 2, 0], [-1, 1, 0.5]],
};

/** Bytes of a tiny model and its card. */
export async function tinyFiles(changes: Partial<ModelCard> = {}, model = TINY) {
  const bytes = writeTinyModel(model, 32);
  const card = await writeTinyCard(bytes, { emotions: ["neutral", "happy", "fear"], ...changes });
  return { model: bytes, card: new TextEncoder().encode(JSON.stringify(card)) };
}

/** Writes them into a folder, each whole at once as training does. */
export async function writeModelFolder(folder: string, files: { model: Uint8Array; card: Uint8Array }) {
  for (const [name, bytes] of [["emoco.onnx", files.model], ["emoco.json", files.card]] as const) {
    await Deno.writeFile(`${folder}/${name}.tmp`, bytes);
    await Deno.rename(`${folder}/${name}.tmp`, `${folder}/${name}`);
  }
}

/** The arguments of deno in the task, so that the server runs with the permissions it is given there. */
export function taskArguments(name: string): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  return tasks[name].command.split(" ").slice(1);
}

/** A line of the server's log. */
export type LogLine = Record<string, unknown> & { event: string };

/** A running server. */
export class Served {
  readonly log: LogLine[] = [];
  /** What it wrote that is no line of the log. */
  errors = "";
  url = "";
  readonly #waiting: (() => void)[] = [];
  readonly #read: Promise<unknown>;

  private constructor(readonly folder: string, readonly process: Deno.ChildProcess) {
    this.#read = Promise.all([this.#readLog(), this.#readErrors()]);
  }

  /** Starts a server on a free port of this machine. */
  static async start(
    options: string[] = [],
    files?: { model: Uint8Array; card: Uint8Array },
  ): Promise<Served> {
    const folder = await Deno.makeTempDir({ prefix: "emoco-serve-" });
    await writeModelFolder(folder, files ?? await tinyFiles());
    const process = new Deno.Command(Deno.execPath(), {
      args: [...taskArguments("serve"), `--model=${folder}`, "--port=0", ...options],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const served = new Served(folder, process);
    const { url } = await served.logged((line) => line.event === "listening");
    served.url = url as string;
    return served;
  }

  /** Waits for a line of the log, from the one numbered `from` on. */
  async logged(matches: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    for (let at = from;;) {
      for (; at < this.log.length; at++) if (matches(this.log[at])) return this.log[at];
      if (await Promise.race([this.#more(), this.process.status]) !== undefined) {
        await this.#read;
        if (at < this.log.length) continue;
        throw new Error(`The server ended: ${this.errors}`);
      }
    }
  }

  /** Resident memory in bytes, as the system counts it. */
  get memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.process.pid}/status`);
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024;
  }

  /** Ends it by SIGTERM unless it has ended; its exit code. */
  async end(): Promise<number> {
    try {
      this.process.kill("SIGTERM");
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
    const { code } = await this.process.status;
    await this.#read;
    await Deno.remove(this.folder, { recursive: true }).catch(() => undefined);
    return code;
  }

  #more(): Promise<undefined> {
    return new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
  }

  async #readLog(): Promise<void> {
    let rest = "";
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.log.push(...lines.map((line) => JSON.parse(line)));
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.process.stderr.pipeThrough(new TextDecoderStream())) this.errors += text;
  }
}
