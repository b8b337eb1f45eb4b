/** What `deno task build-edge --target=node` bundles: the edge's handler, with its files read by Node. */
import { createEdge } from "@emoco/serve/edge";
import { readFile } from "node:fs/promises";

const read = (name: string) => readFile(new URL(name, import.meta.url));

export default createEdge({
  async model() {
    const [model, card, finder, jpeg, webp] = await Promise.all([
      read("model/emoco.onnx"),
      read("model/emoco.json"),
      read("model/blazeface.onnx"),
      read("mozjpeg_dec.wasm").then((bytes) => WebAssembly.compile(bytes)),
      read("webp_dec.wasm").then((bytes) => WebAssembly.compile(bytes)),
    ]);
    return { model, card, finder, codecs: { jpeg, webp } };
  },
});
