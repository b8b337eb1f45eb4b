/** The licences of what the built page contains. */
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

/** One text with the licence of every part. */
export async function licences(): Promise<string> {
  const read = (path: string | URL) => Deno.readTextFile(path);
  const own = await read(new URL("LICENSE", ROOT));
  const { licence, name, version } = JSON.parse(await read(new URL("web/model/emoco.json", ROOT)));
  const packaged = (name: string) => {
    const entry = fileURLToPath(import.meta.resolve(name));
    return read(`${entry.slice(0, entry.lastIndexOf(`/${name}/`))}/${name}/LICENSE`);
  };
  const parts: [title: string, text: string][] = [
    ["EmoCo, the page", own],
    [`The model ${name} ${version} (emoco.onnx, emoco.f16.onnx, emoco.json)`, `${licence}\n`],
    [
      "The face finder (blazeface.onnx)",
      await read(new URL("web/model/blazeface.txt", ROOT)) + "\n" +
      await read(new URL("web/model/blazeface.LICENSE", ROOT)),
    ],
    [
      "ONNX Runtime Web 1.30.0 (ort.*.js, engine-*.wasm)",
      own.replace(/^Copyright .*$/m, "Copyright (c) Microsoft Corporation"),
    ],
    ["uPlot 1.6.32", await packaged("uplot")],
    [
      "Mediabunny 1.61.0; its source is the npm package of that name and version, unchanged",
      await packaged("mediabunny"),
    ],
    ["The example picture (example.jpg)", await read(new URL("tests/fixtures/astronaut.txt", ROOT))],
  ];
  return parts.map(([title, text]) => `${title}\n${"=".repeat(title.length)}\n\n${text.trim()}\n`).join(
    "\n\n",
  );
}
