/**
 * `deno task build-edge`: the edge as a folder with all that it reads, serve/dist unless `--out=folder` is given. Its
 * `edge.js` exports `default { fetch }` and needs no permission but to read that folder.
 * @module
 */
import { join } from "node:path";
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

/** What the code looks for, by the names that it knows, beside itself. */
const ASSETS: readonly [name: string, path: string][] = [
  ["ort-wasm-simd-threaded.mjs", packaged("onnxruntime-web/ort-wasm-simd-threaded.mjs")],
  ["ort-wasm-simd-threaded.wasm", packaged("onnxruntime-web/ort-wasm-simd-threaded.wasm")],
  ["mozjpeg_dec.wasm", packaged("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm")],
  ["webp_dec.wasm", packaged("@jsquash/webp/codec/dec/webp_dec.wasm")],
];
const MODEL = ["emoco.onnx", "emoco.json", "blazeface.onnx"];

/** What was built, with bytes by what they are for. */
export interface BuiltEdge {
  readonly folder: string;
  readonly bytes: {
    readonly code: number;
    readonly engine: number;
    readonly codecs: number;
    readonly model: number;
  };
}

/**
 * Builds the edge; the folder appears when it is complete.
 * @param model folder of emoco.onnx, emoco.json and blazeface.onnx; the committed model unless given
 * @throws {Error} with the bundler's words when the code cannot be bundled
 */
export async function buildEdge(folder: string, model = path("../web/model")): Promise<BuiltEdge> {
  await buildFolder(folder, DIST, async (out) => {
    await bundle(join(out, "edge.js"));
    const packages = packagesIn(await Deno.readTextFile(join(out, "edge.js"))); // minified, it names them no more
    await bundle(join(out, "edge.js"), "--minify");
    for (const [name, from] of ASSETS) await Deno.copyFile(from, join(out, name));
    await Deno.mkdir(join(out, "model"));
    for (const name of MODEL) await Deno.copyFile(join(model, name), join(out, "model", name));
    await Deno.writeTextFile(join(out, "licences.txt"), await edgeLicences(packages));
  });
  const sizeOf = (...names: string[]) =>
    names.reduce((sum, name) => sum + Deno.statSync(join(folder, name)).size, 0);
  return {
    folder,
    bytes: {
      code: sizeOf("edge.js", ASSETS[0][0]),
      engine: sizeOf(ASSETS[1][0]),
      codecs: sizeOf(ASSETS[2][0], ASSETS[3][0]),
      model: sizeOf(...MODEL.map((name) => join("model", name))),
    },
  };
}

/** Folders of the packages whose modules a bundle names. */
function packagesIn(code: string): string[] {
  const found = code.matchAll(/node_modules\/\.deno\/[^/]+\/node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/g);
  return [...new Set(Array.from(found, ([folder]) => join(ROOT, folder)))].sort();
}

async function bundle(out: string, ...options: string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), {
    // sharp is native: the edge never asks for it.
    args: [
      "bundle",
      "--quiet",
      "--platform",
      "deno",
      ...options,
      "--external",
      "sharp",
      "--output",
      out,
      path("edge/entry.ts"),
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`The edge cannot be bundled: ${new TextDecoder().decode(stderr)}`);
}

/** The sizes in one line. */
export function describe({ bytes }: BuiltEdge): string {
  const megabytes = (count: number) => `${(count / 1e6).toFixed(1)} MB`;
  return `code ${megabytes(bytes.code)}, onnxruntime's wasm ${megabytes(bytes.engine)}, codecs ` +
    `${megabytes(bytes.codecs)}, model and finder ${megabytes(bytes.model)}`;
}

if (import.meta.main) {
  const usage =
    `deno task build-edge --out=folder --model=folder: the edge for any host of fetch handlers (serve/dist)`;
  await runTool(usage, async (args) => {
    const options = { out: { type: "string" }, model: { type: "string" } } as const;
    const { values } = parseArgs({ args, options });
    const built = await buildEdge(
      values.out ? fromHere(values.out) : DIST,
      values.model && fromHere(values.model),
    );
    console.log(`${built.folder}: ${describe(built)}. Any host of fetch handlers can run its edge.js.`);
  });
}
