/** Command lines of the programs: known flags, and `--key=value` settings that override a config. */
import { parseArgs } from "node:util";

/** A command line that cannot be understood; the message says what is wrong and what to type. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Which device a program asked for; `auto` takes a GPU when TensorFlow finds one. */
export type Device = "auto" | "cpu" | "gpu";

/** What the programs print at their start. */
export interface EngineReport {
  /** Library and version, "tfjs-node-gpu 4.22.0". */
  readonly engine: string;
  /** TensorFlow's version as the loaded C library gives it. */
  readonly tensorflow: string;
  /** "CPU, 2 threads", or the name of the GPU. */
  readonly device: string;
  readonly onGpu: boolean;
}

/** Flags that a program knows, each with the sentence of `--help`. */
export type FlagList = Readonly<Record<string, { kind: "text" | "switch"; help: string }>>;

/** Flags as given. */
export interface Flags {
  text: Record<string, string>;
  switches: Set<string>;
  /** Everything else of the form `--key=value`. */
  settings: Record<string, string>;
}

/**
 * Reads a command line.
 * @param takesSettings whether `--key=value` may name settings beside the flags
 * @throws {UsageError} a word without `--`, a flag without its value, an unknown flag
 */
export function readFlags(args: readonly string[], known: FlagList, takesSettings: boolean): Flags {
  const flags: Flags = { text: {}, switches: new Set(), settings: {} };
  const options = Object.fromEntries(
    Object.entries(known).map((
      [name, { kind }],
    ) => [name, { type: kind === "text" ? "string" : "boolean" } as const]),
  );
  const { tokens } = parseArgs({
    args: args[0] === "--" ? args.slice(1) : [...args], // as npm passes options on
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (const token of tokens) {
    if (token.kind === "positional") {
      throw new UsageError(`"${token.value}" stands alone; options are written --name=value.`);
    }
    if (token.kind !== "option") continue;
    const { name, value } = token;
    const kind = Object.hasOwn(known, name) ? known[name].kind : undefined;
    if (kind === "switch") {
      if (value !== undefined) throw new UsageError(`--${name} takes no value.`);
      flags.switches.add(name);
    } else if (value === undefined || value === "") {
      const switches = Object.keys(known).filter((key) => known[key].kind === "switch").map((key) =>
        `--${key}`
      );
      throw new UsageError(
        `--${name} needs a value: --${name}=... (without one there are ${switches.join(", ")} only).`,
      );
    } else if (kind === "text") {
      flags.text[name] = value;
    } else if (takesSettings) {
      flags.settings[name] = value;
    } else {
      throw new UsageError(
        `--${name} is no option. Options are: ${Object.keys(known).map((key) => `--${key}`).join(", ")}.`,
      );
    }
  }
  return flags;
}

/**
 * A whole number that a flag gives, in digits.
 * @throws {UsageError} it is none, or not from `least` to `most`
 */
export function wholeNumber(flag: string, text: string, least = 1, most = Infinity): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  const range = most === Infinity ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new UsageError(`--${flag}=${text}: it must be a whole number ${range}.`);
}

/** @throws {UsageError} an unknown device */
export function readDevice(text = "auto"): Device {
  if (text === "auto" || text === "cpu" || text === "gpu") return text;
  throw new UsageError(`--device=${text}: a device is auto, cpu or gpu.`);
}

/** Engine, version and device in one line, for the first line of every program. */
export function describeEngine({ engine, tensorflow, device }: EngineReport): string {
  return `${engine}, TensorFlow ${tensorflow}, ${device}`;
}

/** Flags that mean the same in every program. */
export const SHARED_FLAGS = {
  data: { kind: "text", help: "folder with a manifest.jsonl (default: the faces that come with EmoCo)" },
  device: { kind: "text", help: "auto (default), cpu or gpu" },
  resume: { kind: "switch", help: "go on with the run of that --name" },
  eager: { kind: "switch", help: "run operation by operation instead of as one graph, for debugging" },
  skipBroken: { kind: "switch", help: "leave out faces that cannot be read, and count them" },
  help: { kind: "switch", help: "this text" },
} as const satisfies FlagList;

/** The text of `--help`. */
export function helpText(summary: string, known: FlagList, more = ""): string {
  const width = Math.max(...Object.keys(known).map((name) => name.length)) + 4;
  const lines = Object.entries(known).map(([name, { help }]) => `  ${`--${name}`.padEnd(width)}${help}`);
  return [summary, "", ...lines, ...(more ? ["", more] : [])].join("\n");
}

/** What a program is, for its command line and its `--help`. */
export interface Program {
  /** "deno task pretrain: learn an encoder from faces labelled with emotions." */
  summary: string;
  flags: FlagList;
  /** What `--help` says of `--key=value` settings; without it the program takes none. */
  settings?: string;
}

/**
 * Runs a program with its command line, or prints its `--help`. What it throws on purpose (an error class of this
 * project) is printed as one sentence with exit code 1; anything else is a defect and keeps its stack.
 */
export async function runProgram(
  { summary, flags: known, settings }: Program,
  main: (flags: Flags) => Promise<void> | void,
): Promise<void> {
  try {
    const flags = readFlags(Deno.args, known, settings !== undefined);
    if (flags.switches.has("help")) console.log(helpText(summary, known, settings));
    else await main(flags);
  } catch (error) {
    if (
      !(error instanceof Error) ||
      !/^(Usage|Config|Manifest|Run|Checkpoint|Write|Engine|Verify)Error$/.test(error.name)
    ) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
