/** Command lines of the programs: known flags, and `--key=value` settings that override a config. */
import { parseArgs } from "node:util";
import type { Device, EngineReport } from "./backend.ts";

/** A command line that cannot be understood; the message says what is wrong and what to type. */
export class UsageError extends Error {
  override name = "UsageError";
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

/** @throws {UsageError} an unknown device */
export function readDevice(text = "auto"): Device {
  if (text === "auto" || text === "cpu" || text === "gpu") return text;
  throw new UsageError(`--device=${text}: a device is auto, cpu or gpu.`);
}

/** Engine, version and device in one line, for the first line of every program. */
export function describeEngine({ engine, tensorflow, device }: EngineReport): string {
  return `${engine}, TensorFlow ${tensorflow}, ${device}`;
}

/** The text of `--help`. */
export function helpText(summary: string, known: FlagList, more = ""): string {
  const width = Math.max(...Object.keys(known).map((name) => name.length)) + 4;
  const lines = Object.entries(known).map(([name, { help }]) => `  ${`--${name}`.padEnd(width)}${help}`);
  return [summary, "", ...lines, ...(more ? ["", more] : [])].join("\n");
}

/**
 * Runs a program: what it throws on purpose (an error class of this project) is printed as one sentence with exit
 * code 1; anything else is a defect and keeps its stack.
 */
export async function runProgram(program: () => Promise<void> | void): Promise<void> {
  try {
    await program();
  } catch (error) {
    if (
      !(error instanceof Error) ||
      !/^(Usage|Config|Manifest|Run|Checkpoint|Write|Engine|Verify)Error$/.test(error.name)
    ) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
