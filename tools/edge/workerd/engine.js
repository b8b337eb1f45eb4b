/** onnxruntime's own starter with its wasm already compiled: what `EdgeFiles.engine` names. */
import start from "./ort-wasm-simd-threaded.mjs";
import wasm from "./ort-wasm-simd-threaded.wasm";

export default (options) =>
  start({
    ...options,
    instantiateWasm(imports, done) {
      const instance = new WebAssembly.Instance(wasm, imports);
      done(instance, wasm);
      return instance.exports;
    },
  });
