/**
 * `deno task pack`: the library as an npm package, dist/npm/emoco-<version>.tgz unless `--out=folder` is given. tsdown
 * makes ES modules and declarations, file by file, so that what a module finds beside itself (its worker, the model) lies
 * there in the package as well.
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "tsdown";
import { fromHere } from "./files/from_here.ts";
import { runTool } from "./files/run_tool.ts";
import { npm } from "./npm_packages.ts";
import { BIN, type Entry, PACKAGED, packageJson } from "./pack/package_json.ts";
import { packageLicences } from "./web/licences.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MODEL = ["emoco.onnx", "emoco.json", "blazeface.onnx"];

/** What was packed. */
export interface Packed {
  /** The tarball. */
  readonly file: string;
  /** The folder that is in it. */
  readonly folder: string;
}

/**
 * Packs the library into `out`: the folder `package` and the tarball that npm makes of it.
 * @throws {Error} with the words of tsdown or npm where the code or the package is not in order
 */
export async function pack(out: string): Promise<Packed> {
  const folder = join(out, "package");
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  await Deno.mkdir(join(folder, "web/model"), { recursive: true });
  await compile(folder);
  const manifest = await packageJson(ROOT);
  await Deno.writeTextFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  await Deno.copyFile(join(ROOT, "tools/pack/README.md"), join(folder, "README.md"));
  await Deno.writeTextFile(join(folder, "LICENSE"), await packageLicences());
  for (const name of MODEL) {
    await Deno.copyFile(join(ROOT, "web/model", name), join(folder, "web/model", name));
  }
  const [{ filename }] = JSON.parse(await npm(folder, "pack", "--json", "--pack-destination", out));
  return { file: join(out, filename), folder };
}

/** Compiles the entries and what they import; packages stay imports. */
async function compile(folder: string): Promise<void> {
  const entries: readonly Entry[] = Object.values(PACKAGED);
  const tsconfig = join(folder, "tsconfig.json");
  await Deno.writeTextFile(tsconfig, JSON.stringify(await compilerConfig()));
  await build({
    config: false,
    cwd: ROOT,
    root: ROOT,
    tsconfig,
    entry: Object.fromEntries(
      [...entries, "web/reader_worker", BIN].map((path) => [path, join(ROOT, `${path}.ts`)]),
    ),
    outDir: folder,
    clean: false,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    unbundle: true,
    dts: true,
    hash: false,
    outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
    logLevel: "warn",
    checks: { pluginTimings: false },
    deps: { neverBundle: [/^(?!@emoco\/)[^./]/] },
    plugins: [{
      name: "addresses",
      // The address of a worker is no import, so that nobody else gives it its new ending.
      renderChunk: (code) => code.replaceAll(/(new URL\("\.\/\w+)\.ts"/g, '$1.js"'),
    }],
  });
  await Deno.remove(tsconfig);
}

/** TypeScript's options, with the members' exports as paths. */
async function compilerConfig() {
  const paths: Record<string, string[]> = {};
  for (const member of ["web", "serve"]) {
    const { name, exports } = JSON.parse(await Deno.readTextFile(join(ROOT, member, "deno.json")));
    for (const [key, file] of Object.entries<string>(exports)) {
      paths[name + key.slice(1)] = [join(ROOT, member, file)];
    }
  }
  return {
    compilerOptions: {
      ...{ target: "esnext", module: "esnext", moduleResolution: "bundler", strict: true, noEmit: true },
      ...{ skipLibCheck: true, allowImportingTsExtensions: true, types: ["node"], paths },
      lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
      typeRoots: [join(dirname(fileURLToPath(import.meta.resolve("@types/node/package.json"))), "..")],
    },
    files: [],
  };
}

if (import.meta.main) {
  await runTool("deno task pack --out=folder: the library as an npm package (dist/npm)", async (args) => {
    const { values } = parseArgs({ args, options: { out: { type: "string" } } });
    const { file } = await pack(values.out === undefined ? join(ROOT, "dist/npm") : fromHere(values.out));
    const { size } = await Deno.stat(file);
    console.log(`${file}: ${(size / 1e6).toFixed(1)} MB. npm install ${file}, or npm publish ${file}.`);
  });
}
