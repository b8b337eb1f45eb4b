/** Processes that are measured against each other: all stay alive, one computes at a time. */
import process from "node:process";
import { TextLineStream } from "./lines.ts";

/** One measured round. */
export interface Round {
  seconds: number;
  cpuSeconds: number;
  loss: number;
  /** Greatest resident memory of the process so far. */
  peakBytes: number;
}

/** What a contender says when it is ready. */
export interface Greeting {
  engine: string;
  parameters: number;
}

/**
 * A process that greets with one line of JSON, then answers each line "round <steps>" on its standard input with another.
 * What those hold is for both sides to agree on: a `Greeting` and a `Round`, unless the bench measures something else.
 */
export class Contender<Answer = Round, Hello = Greeting> {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: ReadableStreamDefaultReader<string>;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    env: { [name: string]: string } = {},
  ) {
    this.#process = new Deno.Command(command, {
      args: [...args],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#lines = this.#process.stdout.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
      .getReader();
  }

  /** Waits until it has warmed up. */
  greeting(): Promise<Hello> {
    return this.#answer() as Promise<Hello>;
  }

  async round(steps: number): Promise<Answer> {
    await this.#writer.write(new TextEncoder().encode(`round ${steps}\n`));
    return await this.#answer() as Answer;
  }

  async end(): Promise<void> {
    await this.#writer.close().catch(() => {}); // it may have ended by itself
    await this.#process.status;
  }

  async #answer(): Promise<unknown> {
    for (;;) {
      const { value, done } = await this.#lines.read();
      if (done) {
        throw new Error(`${this.name} ended before it was asked to; what it wrote stands above.`);
      }
      if (value.startsWith("{")) return JSON.parse(value);
    }
  }
}

/** The other side, of our own contenders: does a round's work, which gives its loss, and says what it took. */
export async function measure(work: () => number | Promise<number>): Promise<Round> {
  const [start, before] = [performance.now(), processUse()];
  const loss = await work(), use = processUse();
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: use.cpuSeconds - before.cpuSeconds,
    loss,
    peakBytes: use.peakBytes,
  };
}

/** Greets, then does a round for each line on standard input until that ends. */
export async function answerRounds(
  greeting: Greeting,
  round: (steps: number) => Promise<Round>,
): Promise<void> {
  console.log(JSON.stringify(greeting));
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const line of lines) console.log(JSON.stringify(await round(Number(line.split(" ")[1]))));
}

/** Processor time and greatest resident memory of this process so far. */
export function processUse(): { cpuSeconds: number; peakBytes: number } {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 };
}
