/** Paths as their user means them. */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/**
 * A path from where the user stands: `deno task` runs everything in the project's folder, and leaves the user's own in
 * INIT_CWD.
 */
export function fromHere(path: string): string {
  const here = resolve(Deno.cwd()) === ROOT ? Deno.env.get("INIT_CWD") : undefined;
  return resolve(here ?? Deno.cwd(), path);
}
