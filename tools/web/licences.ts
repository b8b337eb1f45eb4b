/** The licences of what is in the built page, and in the built edge. */
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

type Part = readonly [title: string, text: string];

/** One text with the licence of every part of the page. */
export async function licences(): Promise<string> {
  return join([
    ...await shared("EmoCo, the page", "emoco.onnx, emoco.f16.onnx, emoco.json", "ort.*.js, engine-*.wasm"),
    ["uPlot 1.6.32", await packaged("uplot")],
    [
      "Mediabunny 1.61.0; its source is the npm package of that name and version, unchanged",
      await packaged("mediabunny"),
    ],
    ["The example picture (example.jpg)", await read(new URL("tests/fixtures/astronaut.txt", ROOT))],
  ]);
}

/**
 * One text with the licence of every part of the edge.
 * @param packages folders of the packages whose code is in it
 */
export async function edgeLicences(packages: readonly string[]): Promise<string> {
  const parts = await shared(
    "EmoCo, the edge",
    "emoco.onnx, emoco.json",
    "onnxruntime, ort-*.mjs, ort-*.wasm",
  );
  for (const folder of packages) {
    const { name, version, license } = JSON.parse(await read(`${folder}/package.json`));
    if (name.startsWith("onnxruntime-")) continue; // among the parts above
    const file = [...Deno.readDirSync(folder)].find((entry) => /^licen[cs]e/i.test(entry.name));
    const text = file
      ? await read(`${folder}/${file.name}`)
      : `${license}; the package brings no text of it.`;
    parts.push([`${name} ${version}`, text]);
  }
  return join(parts);
}

/** One text with the licence of every part of the npm package; what it only names as a dependency brings its own. */
export async function packageLicences(): Promise<string> {
  const [own, model, finder] = await shared("EmoCo", "emoco.onnx, emoco.f16.onnx, emoco.json", "");
  return join([own, model, finder]);
}

/** What page and edge have both: this project, the model, the finder and the engine. */
async function shared(own: string, model: string, engine: string): Promise<Part[]> {
  const licence = await read(new URL("LICENSE", ROOT));
  const card = JSON.parse(await read(new URL("web/model/emoco.json", ROOT)));
  return [
    [own, licence],
    [`The model ${card.name} ${card.version} (${model})`, `${card.licence}\n`],
    [
      "The face finder (blazeface.onnx)",
      await read(new URL("web/model/blazeface.txt", ROOT)) + "\n" +
      await read(new URL("web/model/blazeface.LICENSE", ROOT)),
    ],
    [
      `ONNX Runtime Web 1.30.0 (${engine})`,
      licence.replace(/^Copyright .*$/m, "Copyright (c) Microsoft Corporation"),
    ],
  ];
}

function join(parts: readonly Part[]): string {
  return parts.map(([title, text]) => `${title}\n${"=".repeat(title.length)}\n\n${text.trim()}\n`).join(
    "\n\n",
  );
}

function read(path: string | URL): Promise<string> {
  return Deno.readTextFile(path);
}

/** The licence that a package brings. */
function packaged(name: string): Promise<string> {
  const entry = fileURLToPath(import.meta.resolve(name));
  return read(`${entry.slice(0, entry.lastIndexOf(`/${name}/`))}/${name}/LICENSE`);
}
