/**
 * `deno task bench <name>`: measures a part of the project beside its best-known peer. Last lines are
 * `RATIO <what> <value>`, ours divided by the peer's.
 * @module
 */
import { type NamedParts, runNamed } from "./files/named_parts.ts";

const BENCHES: NamedParts<{ bench(args: string[]): Promise<void> }> = {
  step: {
    help: "a training step, beside the same in PyTorch",
    load: () => import("./bench/step.ts"),
  },
  input: {
    help: "pictures to views, beside a PyTorch DataLoader with torchvision",
    load: () => import("./bench/input.ts"),
  },
  web: {
    help: "the page, beside @vladmandic/human",
    load: () => import("./bench/web.ts"),
  },
  serve: {
    help: "the server, beside Python's onnxruntime, OpenCV and FastAPI",
    load: () => import("./bench/serve.ts"),
  },
  film: {
    help: "films into tables, beside MediaPipe's face mesh in Python",
    load: () => import("./bench/film.ts"),
  },
  faces: {
    help: "the renderer of faces, beside the first one",
    load: () => import("./bench/faces.ts"),
  },
  edge: {
    help: "the edge alone: its size, memory and cold start",
    load: () => import("./bench/edge.ts"),
  },
};

if (import.meta.main) await runNamed("bench", BENCHES, ({ bench }, args) => bench(args));
