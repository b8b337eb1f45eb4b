/**
 * The worker that `deno task build-edge --target=workerd` copies beside what it bundles. workerd compiles no wasm and
 * reads no files: all of it is imported, as the modules that the configuration names.
 */
import card from "./emoco.json";
import finder from "./blazeface.onnx";
import model from "./emoco.onnx";
import jpeg from "./mozjpeg_dec.wasm";
import webp from "./webp_dec.wasm";
import { createEdge } from "./edge.js";

export default createEdge({
  model: () =>
    Promise.resolve({
      model: new Uint8Array(model),
      card: new TextEncoder().encode(card),
      finder: new Uint8Array(finder),
      codecs: { jpeg, webp },
      engine: "./engine.js",
    }),
});
