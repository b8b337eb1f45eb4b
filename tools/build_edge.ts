/**
 * `deno task build-edge`: the edge as a folder with all that it reads, serve/dist unless `--out=folder` is given. For
 * `--target=deno` (unless another is given) and `node` its `edge.js` exports `default { fetch }`, for `workerd` that is
 * `worker.js`; it needs no permission but to read that folder. `--precision=float16` takes the smaller model file.
 * @module
 */
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildFolder } from "./files/built_folder.ts";
import { fromHere } from "./files/from_here.ts";
import { runTool } from "./files/run_tool.ts";
import { edgeLicences } from "./web/licences.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const packaged = (specifier: string) => fileURLToPath(import.meta.resolve(specifier));

const ROOT = path("..");
const DIST = path("../serve/dist");

/** The hosts that an edge is built for. */
export const TARGETS = ["deno", "node", "workerd"] as const;
export type EdgeTarget = typeof TARGETS[number];

/** What runs the models, what starts it, and what decodes pictures, by the names that the code knows. */
const ENGINE = packaged("onnxruntime-web/ort-wasm-simd-threaded.wasm");
const STARTER = packaged("onnxruntime-web/ort-wasm-simd-threaded.mjs");
const CODECS = [
  packaged("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"),
  packaged("@jsquash/webp/codec/dec/webp_dec.wasm"),
];

/** How a folder is made for a host. */
interface Plan {
  /** Bundled, each to a file of its name. */
  readonly entries: readonly string[];
  /** Copied as they are. */
  readonly copies: readonly string[];
  /** Where the model lies in the folder. */
  readonly model: string;
}

const PLANS: Readonly<Record<EdgeTarget, Plan>> = {
  deno: { entries: ["edge"], copies: [], model: "model" },
  node: { entries: ["edge", "server"], copies: [], model: "model" },
  workerd: {
    entries: ["edge"],
    copies: ["worker.js", "engine.js", "workerd.capnp", "wrangler.toml"].map((name) =>
      path(`edge/workerd/${name}`)
    ),
    model: ".",
  },
};

/** How an edge is built. */
export interface EdgeBuild {
  /** "deno" unless given. */
  readonly target?: EdgeTarget;
  /** Folder of emoco.onnx, emoco.json and blazeface.onnx; the committed model unless given. */
  readonly model?: string;
  /** "float16" takes emoco.f16.onnx, half the size; "float32" unless given. */
  readonly precision?: "float32" | "float16";
}

/** What was built, with bytes by what they are for. */
export interface BuiltEdge {
  readonly folder: string;
  readonly target: EdgeTarget;
  readonly bytes: {
    readonly code: number;
    readonly engine: number;
    readonly codecs: number;
    readonly model: number;
    /** All that the host loads, each file compressed by gzip, which is what hosts count. */
    readonly compressed: number;
  };
}

/**
 * Builds the edge; the folder appears when it is complete.
 * @throws {Error} with the bundler's words when the code cannot be bundled
 */
export async function buildEdge(folder: string, build: EdgeBuild = {}): Promise<BuiltEdge> {
  const { target = "deno", model = path("../web/model"), precision = "float32" } = build;
  const { entries, copies, model: place } = PLANS[target];
  const half = precision === "float16" ? "emoco.f16.onnx" : "emoco.onnx";
  const files = [[half, "emoco.onnx"], ["emoco.json", "emoco.json"], ["blazeface.onnx", "blazeface.onnx"]];
  if (!await Deno.stat(join(model, half)).catch(() => undefined)) {
    throw new Error(`${join(model, half)} does not exist: export the model with --precision=float16 first.`);
  }
  let codeNames: string[] = [];
  await buildFolder(folder, DIST, async (out) => {
    const plain = join(out, "plain");
    await bundle(plain, entries.map((name) => path(`edge/${target}/${name}.ts`)));
    const plainFiles = Array.from(Deno.readDirSync(plain), ({ name }) => join(plain, name));
    const code = (await Promise.all(plainFiles.map((file) => Deno.readTextFile(file)))).join("\n");
    const packages = packagesIn(code); // minified, it names its modules no more
    if (target === "workerd") await settleRequire(join(plain, "edge.js"));
    // From the plain bundle: in minified code the bundler makes a require that works only if it has a plain name there.
    await bundle(out, entries.map((name) => join(plain, `${name}.js`)), "--minify");
    await Deno.remove(plain, { recursive: true });
    codeNames = Array.from(Deno.readDirSync(out), ({ name }) => name);
    for (const from of [...copies, STARTER, ENGINE, ...CODECS]) {
      await Deno.copyFile(from, join(out, basename(from)));
    }
    await Deno.mkdir(join(out, place), { recursive: true });
    for (const [from, to] of files) await Deno.copyFile(join(model, from), join(out, place, to));
    if (target === "node") await Deno.writeTextFile(join(out, "package.json"), '{ "type": "module" }\n');
    await Deno.writeTextFile(join(out, "licences.txt"), await edgeLicences(packages));
  });

  const parts = {
    code: [
      ...codeNames,
      ...[...copies, STARTER].map((from) => basename(from)).filter((name) => /\.m?js$/.test(name)),
    ],
    engine: [basename(ENGINE)],
    codecs: CODECS.map((from) => basename(from)),
    model: files.map(([, name]) => join(place, name)),
  };
  const sizeOf = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + Deno.statSync(join(folder, name)).size, 0);
  const compressed = await Promise.all(
    Object.values(parts).flat().map((name) => zippedSize(join(folder, name))),
  );
  return {
    folder,
    target,
    bytes: {
      code: sizeOf(parts.code),
      engine: sizeOf(parts.engine),
      codecs: sizeOf(parts.codecs),
      model: sizeOf(parts.model),
      compressed: compressed.reduce((sum, size) => sum + size),
    },
  };
}

/** Folders of the packages whose modules a bundle names. */
function packagesIn(code: string): string[] {
  const found = code.matchAll(/node_modules\/\.deno\/[^/]+\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/g);
  return [...new Set(Array.from(found, ([folder]) => join(ROOT, folder)))].sort();
}

/** Bundles each entry to a file of its name in the folder. */
async function bundle(out: string, entries: readonly string[], ...options: string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    // sharp is native: the edge never asks for it.
    args: [
      ...["bundle", "--quiet", "--platform", "deno", ...options, "--external", "sharp"],
      ...entries.length > 1
        ? ["--code-splitting", "--outdir", out]
        : ["--output", join(out, `${basename(entries[0], extname(entries[0]))}.js`)],
      ...entries,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`The edge cannot be bundled: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Gives the plain bundle's `require`, through which packages ask for what is built into the host, a place to look from:
 * in workerd modules have no address.
 * @throws {Error} when the bundler makes it in another way than it did
 */
async function settleRequire(file: string): Promise<void> {
  const code = await Deno.readTextFile(file);
  const settled = code.replace(
    /^(var __require = \w+)\(import\.meta\.url\);$/m,
    '$1("file:///edge.js");',
  );
  if (settled === code) throw new Error(`${file} makes its require in a way that workerd may not know.`);
  await Deno.writeTextFile(file, settled);
}

async function zippedSize(file: string): Promise<number> {
  const zipped = (await Deno.open(file)).readable.pipeThrough(new CompressionStream("gzip"));
  let size = 0;
  for await (const part of zipped) size += part.length;
  return size;
}

/** The sizes in one line. */
export function describe({ bytes }: BuiltEdge): string {
  const megabytes = (count: number) => `${(count / 1e6).toFixed(1)} MB`;
  return `code ${megabytes(bytes.code)}, onnxruntime's wasm ${megabytes(bytes.engine)}, codecs ` +
    `${megabytes(bytes.codecs)}, model and finder ${megabytes(bytes.model)}; compressed ` +
    `${megabytes(bytes.compressed)} in all`;
}

const START: Readonly<Record<EdgeTarget, string>> = {
  deno: "Any host of fetch handlers can run its edge.js",
  node: "node server.js there serves it; any host of fetch handlers on Node can run its edge.js",
  workerd: "npx workerd serve workerd.capnp there runs it, npx wrangler deploy publishes it",
};

function oneOf<T extends string>(name: string, value: string, all: readonly T[]): T {
  const found = all.find((one) => one === value);
  if (!found) throw new Error(`--${name}=${value} is none of ${all.join(", ")}.`);
  return found;
}

if (import.meta.main) {
  const usage =
    `deno task build-edge --target=${TARGETS.join("|")} --precision=float32|float16 --out=folder ` +
    "--model=folder: the edge for any host of fetch handlers (deno, float32, serve/dist, web/model)";
  await runTool(usage, async (args) => {
    const { values } = parseArgs({
      args,
      options: {
        out: { type: "string" },
        model: { type: "string" },
        target: { type: "string", default: "deno" },
        precision: { type: "string", default: "float32" },
      },
    });
    const built = await buildEdge(values.out === undefined ? DIST : fromHere(values.out), {
      target: oneOf("target", values.target, TARGETS),
      precision: oneOf("precision", values.precision, ["float32", "float16"] as const),
      model: values.model === undefined ? undefined : fromHere(values.model),
    });
    console.log(`${built.folder}: ${describe(built)}. ${START[built.target]}.`);
  });
}
