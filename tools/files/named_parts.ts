/**
 * Tasks of several parts, such as `deno task bench <name>`: which there are, and the one that is asked for.
 * @module
 */
import { type FlagList, type Flags, helpText, readFlags, UsageError } from "../../train/runs/flags.ts";

/** Parts by name. Each is loaded when it is asked for. */
export interface NamedParts<Module> {
  readonly [name: string]: { readonly help: string; readonly load: () => Promise<Module> };
}

/**
 * Runs the part that the command line names. The process ends with 2 where nothing that exists was asked for, with 1
 * where the part throws; its sentence is printed.
 */
export async function runNamed<Module>(
  task: string,
  parts: NamedParts<Module>,
  run: (part: Module, args: string[]) => Promise<void>,
): Promise<void> {
  const [name, ...args] = Deno.args.filter((arg, i) => i > 0 || arg !== "--"); // as npm passes options on
  const list = Object.entries(parts).map(([name, { help }]) => `  deno task ${task} ${name}   ${help}`);
  const usage = `Name one of these; each explains itself with --help:\n${list.join("\n")}`;
  if (name === "--help" || name === "-h") return console.log(usage);
  try {
    if (!Object.hasOwn(parts, name ?? "")) throw new UsageError(usage);
    await run(await parts[name].load(), args);
  } catch (problem) {
    console.error((problem as Error).message);
    Deno.exit(problem instanceof UsageError ? 2 : 1);
  }
}

/**
 * A part's own command line; undefined where `--help` was asked for, which is printed.
 * @throws {UsageError} what it does not know
 */
export function readPart(summary: string, known: FlagList, args: readonly string[]): Flags | undefined {
  const flags = readFlags(args, known, false);
  if (!flags.switches.has("help")) return flags;
  console.log(helpText(summary, known));
}
