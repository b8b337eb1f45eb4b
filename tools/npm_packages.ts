/**
 * Packages for tests and benches that must lie in a folder as npm makes it: installed once with their exact versions,
 * without running their scripts, and kept in the user's cache.
 * @module
 */
import { join } from "node:path";

/** Exact versions by name. */
export type Packages = Readonly<Record<string, string>>;

/** What runs in Node's own world, pinned. */
export const PINNED = {
  workerd: { workerd: "1.20261117.1" },
} as const satisfies Record<string, Packages>;

/**
 * A folder whose `node_modules` holds the packages; nobody else writes there.
 * @throws {Error} with npm's words when they cannot be installed
 */
export async function npmFolder(packages: Packages): Promise<string> {
  const cache = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? ".", ".cache");
  const names = Object.entries(packages).map(([name, version]) => `${name}@${version}`).sort();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(names.join())));
  const folder = join(cache, "emoco", `npm-${hash.slice(0, 6).toHex()}`);
  if (await exists(join(folder, "node_modules"))) return folder;
  await Deno.mkdir(join(cache, "emoco"), { recursive: true });
  const made = await Deno.makeTempDir({ dir: join(cache, "emoco"), prefix: "npm-" });
  await Deno.writeTextFile(join(made, "package.json"), JSON.stringify({ private: true }));
  await npm(made, "install", "--save-exact", "--ignore-scripts", ...names);
  try {
    await Deno.rename(made, folder);
  } catch (error) {
    if (!await exists(join(folder, "node_modules"))) throw error;
    await Deno.remove(made, { recursive: true }); // another process was quicker
  }
  return folder;
}

/**
 * Runs npm in a folder; returns what it printed.
 * @throws {Error} with npm's words when it fails
 */
export async function npm(folder: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command("npm", {
    args: [...args, "--no-audit", "--no-fund", "--loglevel=error"],
    cwd: folder,
    stdin: "null",
  });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`npm ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}
