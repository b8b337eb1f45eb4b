/** A server in a process of its own, started with the permissions of its task, for tools and tests that put it to work. */
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The arguments of deno in a task, and the environment that the task sets before. */
export function taskCommand(name: string): { args: string[]; env: Record<string, string> } {
  const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  const words: string[] = tasks[name].command.split(" "), at = words.indexOf("deno");
  return {
    args: words.slice(at + 1),
    env: Object.fromEntries(words.slice(0, at).map((word) => word.split("="))),
  };
}

/** A line of the server's log. */
export type LogLine = Record<string, unknown> & { event: string };

/** A running server. */
export class Served {
  readonly log: LogLine[] = [];
  /** What it wrote that is no line of the log. */
  errors = "";
  /** Its address. */
  url = "";
  #wake = Promise.withResolvers<void>();
  readonly #read: Promise<unknown>;

  private constructor(readonly process: Deno.ChildProcess) {
    this.#read = Promise.all([this.#readLog(), this.#readErrors()]);
  }

  /**
   * Starts a server on a free port of this machine.
   * @param options as on the command line of `deno task serve`
   * @param permissions beside those of the task, such as `--deny-ffi`
   * @throws {Error} with what it wrote when it ends instead
   */
  static async start(options: readonly string[], permissions: readonly string[] = []): Promise<Served> {
    const { args, env } = taskCommand("serve");
    const served = new Served(
      new Deno.Command(Deno.execPath(), {
        env,
        args: [...args.slice(0, -1), ...permissions, args.at(-1)!, "--port=0", ...options],
        cwd: ROOT,
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    served.url = (await served.logged(({ event }) => event === "listening")).url as string;
    return served;
  }

  /** Waits for a line of the log, from the one numbered `from` on. */
  async logged(matches: (line: LogLine) => boolean, from = 0): Promise<LogLine> {
    let hasEnded = false;
    this.#read.then(() => hasEnded = true);
    for (let at = from;;) {
      for (; at < this.log.length; at++) if (matches(this.log[at])) return this.log[at];
      if (hasEnded) throw new Error(`The server has ended. ${this.errors}`);
      await Promise.race([this.#wake.promise, this.#read]);
    }
  }

  /** Resident memory in bytes, as the server counts it; only `--allow-all` may read that of another process. */
  async memory(): Promise<number> {
    const metrics = await (await fetch(`${this.url}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (\d+)$/m.exec(metrics)![1]);
  }

  /** Ends it by SIGTERM unless it has ended; its exit code. */
  async end(): Promise<number> {
    try {
      this.process.kill("SIGTERM");
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
    await this.#read;
    return (await this.process.status).code;
  }

  async #readLog(): Promise<void> {
    let rest = "";
    for await (const text of this.process.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.log.push(...lines.map((line) => JSON.parse(line)));
      this.#wake.resolve();
      this.#wake = Promise.withResolvers();
    }
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.process.stderr.pipeThrough(new TextDecoderStream())) this.errors += text;
  }
}
