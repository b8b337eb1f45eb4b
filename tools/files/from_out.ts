/**
 * The command line of a tool that makes one new file: `--from=what-there-is --out=file`.
 * @module
 */
import { parseArgs } from "node:util";
import { fromHere } from "./from_here.ts";
import { checkNewFile } from "./out_folder.ts";

/** Both paths, from where the user stands. @throws {Error} one is missing, unknown, or a file that is there already */
export function readFromOut(args: readonly string[], usage: string): { from: string; out: string } {
  const options = { from: { type: "string" }, out: { type: "string" } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const [from, out] = [values.from, values.out].map((path) => path && fromHere(path));
  if (!from || !out) throw new Error(`Missing --${from ? "out" : "from"}. ${usage}`);
  checkNewFile("--out", out);
  return { from, out };
}
