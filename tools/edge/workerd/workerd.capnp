# npx workerd serve workerd.capnp    (http://127.0.0.1:8787; --socket-addr=http=127.0.0.1:8000 for another)
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "edge", worker = .edge)],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "edge")],
);

const edge :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "edge.js", esModule = embed "edge.js"),
    (name = "engine.js", esModule = embed "engine.js"),
    (name = "ort-wasm-simd-threaded.mjs", esModule = embed "ort-wasm-simd-threaded.mjs"),
    (name = "ort-wasm-simd-threaded.wasm", wasm = embed "ort-wasm-simd-threaded.wasm"),
    (name = "mozjpeg_dec.wasm", wasm = embed "mozjpeg_dec.wasm"),
    (name = "webp_dec.wasm", wasm = embed "webp_dec.wasm"),
    (name = "emoco.onnx", data = embed "emoco.onnx"),
    (name = "blazeface.onnx", data = embed "blazeface.onnx"),
    (name = "emoco.json", text = embed "emoco.json"),
  ],
  compatibilityDate = "2026-01-01",
  compatibilityFlags = ["nodejs_compat", "no_nodejs_compat_v2"],
);
