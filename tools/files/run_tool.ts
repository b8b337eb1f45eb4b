/**
 * The command line of a tool: what `--help` says, and one sentence where something that was asked for is wrong.
 * @module
 */

/** Names of errors that are mistakes of this project's own and need their stack. */
const DEFECTS = [TypeError, RangeError, ReferenceError, SyntaxError];

/**
 * Runs a tool. `--help` and `-h` print its usage; what it throws about the world is printed as it is, without a stack.
 * The process ends with 1 then, once everything is written.
 */
export async function runTool(usage: string, main: (args: string[]) => Promise<void> | void): Promise<void> {
  const args = Deno.args[0] === "--" ? Deno.args.slice(1) : Deno.args; // as npm passes options on
  if (args.some((arg) => arg === "--help" || arg === "-h")) return console.log(usage);
  try {
    await main(args);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    const isCommandLine = code?.startsWith("ERR_PARSE_ARGS");
    if (!isCommandLine && DEFECTS.some((defect) => error instanceof defect)) throw error;
    console.error(isCommandLine ? `${message}\n${usage}` : message);
    Deno.exitCode = 1;
  }
}
