/**
 * The imports of a tree of modules as Deno itself resolves them.
 * @module
 */
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** An import: a path from the root for the project's own files, else the specifier as resolved (`npm:`, `node:`). */
export interface Import {
  readonly target: string;
  /** False for `import type`, which is gone at run time. */
  readonly isValue: boolean;
}

/**
 * What each file imports, as `deno info` resolves it, and what it cannot resolve.
 * @param files Paths from `root`.
 * @throws {Error} when `deno info` fails.
 */
export async function readModuleGraph(root: string, files: readonly string[]) {
  const folder = await Deno.makeTempDir();
  try {
    // One entry over all files, since a file may be reached by nothing but a Worker's URL.
    const entry = join(folder, "all.ts");
    const lines = files.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};`);
    await Deno.writeTextFile(entry, lines.join("\n"));
    const config = join(root, "deno.json");
    const { success, stdout, stderr } = await runDeno(root, [
      "info",
      "--json",
      "--no-lock",
      `--config=${config}`,
      entry,
    ]);
    if (!success) throw new Error(`deno info cannot read the module graph: ${stderr}`);
    return readGraph(root, JSON.parse(stdout), files);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

interface Reference {
  specifier?: string;
  error?: string;
}

function readGraph(
  root: string,
  { modules }: {
    modules: {
      specifier: string;
      dependencies?: { specifier: string; code?: Reference; type?: Reference }[];
    }[];
  },
  files: readonly string[],
) {
  const imports = new Map<string, Import[]>();
  const unresolved: { file: string; message: string }[] = [];
  const known = new Set(files);
  const pathOf = (specifier: string) =>
    specifier.startsWith("file:") ? relative(root, fileURLToPath(specifier)) : specifier;
  for (const { specifier, dependencies = [] } of modules) {
    const file = pathOf(specifier);
    if (!known.has(file)) continue;
    imports.set(file, []);
    for (const { specifier: written, code, type } of dependencies) {
      const error = code?.error ?? type?.error;
      const target = code?.specifier ?? type?.specifier;
      if (error) {
        unresolved.push({ file, message: `imports ${written}: ${error.split("\n")[0]}` });
      } else if (target) imports.get(file)?.push({ target: pathOf(target), isValue: code !== undefined });
    }
  }
  return { imports, unresolved };
}

/** Runs this very Deno. */
export async function runDeno(cwd: string, args: string[]) {
  const command = new Deno.Command(Deno.execPath(), { args, cwd, env: { NO_COLOR: "1" } });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
