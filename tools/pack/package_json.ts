/**
 * What the npm package says of itself.
 * @module
 */
import { join } from "node:path";

/** A module of this project by its path from the root, without ending. */
export type Entry = string;

/** What the package exports, and the modules that are it. */
export const PACKAGED: Readonly<Record<string, Entry>> = {
  ".": "mod",
  "./node": "serve/node",
  "./web": "web/read_camera",
  "./serve": "serve/app",
};
/** The program `emoco`. */
export const BIN: Entry = "tools/pack/emoco";

/** Packages that the code imports; the other ones are chosen by whoever installs this. */
const DEPENDENCIES = ["@hono/zod-openapi", "@jsquash/jpeg", "@jsquash/webp", "hono", "prom-client", "zod"];
/**
 * npm installs onnxruntime-web unasked, so that `npx emoco` works; the native ones take its place where they are
 * installed.
 */
const PEERS: Readonly<Record<string, { readonly optional: boolean }>> = {
  "onnxruntime-web": { optional: false },
  "onnxruntime-node": { optional: true },
  "sharp": { optional: true },
};

/**
 * The package.json; versions are those that this project is tested with, or newer compatible ones.
 * @param root of this project
 */
export async function packageJson(root: string): Promise<Record<string, unknown>> {
  const { version, imports } = JSON.parse(await Deno.readTextFile(join(root, "serve/deno.json")));
  const versionOf = (name: string): [string, string] => {
    const found: string | undefined = imports[name] ?? imports[`${name}/`];
    const exact = found?.match(/@(\d+\.\d+\.\d+)/)?.[1];
    if (!exact) throw new Error(`serve/deno.json names no version of ${name}, which the package needs.`);
    return [name, `^${exact}`];
  };
  return {
    name: "emoco",
    version,
    description: "Facial action units of every face in a photo or a video: in Node, browsers and on servers.",
    keywords: ["action units", "facs", "facial expression", "face detection", "onnx"],
    license: "MIT",
    type: "module",
    engines: { node: ">=20.6" },
    sideEffects: ["./web/reader_worker.js", `./${BIN}.js`],
    bin: { emoco: `${BIN}.js` },
    exports: {
      ...Object.fromEntries(
        Object.entries(PACKAGED).map((
          [name, path],
        ) => [name, { types: `./${path}.d.ts`, default: `./${path}.js` }]),
      ),
      "./model/*": "./web/model/*",
      "./package.json": "./package.json",
    },
    dependencies: Object.fromEntries(DEPENDENCIES.map(versionOf)),
    peerDependencies: Object.fromEntries(Object.keys(PEERS).map(versionOf)),
    peerDependenciesMeta: Object.fromEntries(Object.entries(PEERS).filter(([, { optional }]) => optional)),
  };
}
