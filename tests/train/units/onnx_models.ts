/**
 * Small action-unit models of random weights, what the training forward pass says of some pictures, and the fixture that
 * `tests/reference/onnx_check.py` checks. `deno run --allow-read --allow-write --allow-env --allow-ffi --allow-sys
 * tests/train/units/onnx_models.ts` writes it anew, into `tests/fixtures/onnx/`; `onnx_test.ts` says when that is due.
 */
import { EMOTIONS } from "@emoco/web/facs";
import { type AuModel, classifyEmotions } from "../../../train/units/au_model.ts";
import { openBackend, tf } from "../../../train/engine/backend.ts";
import { initEncoder, initLinear } from "../../../train/nets/encoder.ts";
import { classify } from "../../../train/units/linear_probe.ts";
import { toOnnx } from "../../../train/units/onnx.ts";
import type { Precision } from "../../../train/units/onnx_graph.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import {
  type Architecture,
  byRunning,
  featureCount,
  initRunningStatistics,
  resnet,
} from "../../../train/nets/resnet.ts";
import { unsettle } from "../toy_runs.ts";

export const SIDE = 32;

/** The models of the fixture; each is small enough to be committed. */
export const FIXTURE: readonly {
  file: string;
  precision: Precision;
  emotions: boolean;
  shape: Architecture;
}[] = [
  {
    file: "resnet18.onnx",
    precision: "float32",
    emotions: true,
    shape: { backbone: "resnet18", width: 1 / 32, stem: "imagenet" },
  },
  {
    file: "resnet18.f16.onnx",
    precision: "float16",
    emotions: true,
    shape: { backbone: "resnet18", width: 1 / 32, stem: "imagenet" },
  },
  {
    file: "resnet50.onnx",
    precision: "float32",
    emotions: false,
    shape: { backbone: "resnet50", width: 1 / 64, stem: "small" },
  },
];

export const FIXTURES = new URL("../../fixtures/onnx/", import.meta.url);

/** A model of three action units whose weights and running statistics come from `seed` alone. */
export function randomModel(architecture: Architecture, emotions: boolean, seed = 0): AuModel {
  const random = randomStream(21, seed);
  const all = initEncoder({ ...architecture, projectionSize: 12, embeddingSize: 8 }, random);
  const statistics = initRunningStatistics(architecture);
  unsettle(all, statistics, random);
  const { "w.weight": transposed } = initLinear("w", 8, EMOTIONS.length, random);
  all["classifier.weight"] = tf.mul(tf.transpose(transposed), 8);
  const isHead = (name: string) => /^(projection|classifier)\./.test(name);
  const part = (head: boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => isHead(name) === head));
  const count = featureCount(architecture);
  return {
    backbone: { architecture, weights: part(false), statistics },
    classifier: {
      weight: Float32Array.from(
        { length: 3 * count },
        () => 2 * normal(random) / (SCALE[architecture.backbone] * Math.sqrt(count)),
      ),
      bias: Float32Array.of(0.3, -0.4, 0),
    },
    aus: [4, 12, 25],
    emotionHead: emotions ? part(true) : undefined,
  };
}

/** Size of the features: random residual blocks add up, and saturated probabilities would hide every difference. */
const SCALE = { resnet18: 3, resnet34: 60, resnet50: 30 };

/** Pictures [count, 3, S, S] that another language can work out to the same bits. */
export function pictures(count: number): Float32Array<ArrayBuffer> {
  const values = new Float32Array(count * 3 * SIDE * SIDE);
  let i = 0;
  for (let n = 0; n < count; n++) {
    for (let c = 0; c < 3; c++) {
      for (let y = 0; y < SIDE; y++) {
        for (let x = 0; x < SIDE; x++) values[i++] = ((7 * n + 5 * c + 3 * y * (n + 1) + x * x) % 17) / 8 - 1;
      }
    }
  }
  return values;
}

/** What the training forward pass says of pictures [N, 3, S, S]. */
export function expectedOutputs(model: AuModel, images: Float32Array): { [output: string]: Float32Array } {
  const { architecture, weights, statistics } = model.backbone;
  const x = tf.transpose(tf.tensor4d(images, [images.length / (3 * SIDE * SIDE), 3, SIDE, SIDE]), [
    0,
    2,
    3,
    1,
  ]);
  const pooled = tf.tidy(() => resnet(weights, x, architecture, byRunning(weights, statistics)));
  const features = pooled.dataSync().slice() as Float32Array;
  const count = pooled.shape[0];
  tf.dispose([x, pooled]);
  return {
    probabilities: classify(model.classifier, features),
    features,
    ...(model.emotionHead ? { emotions: classifyEmotions(model.emotionHead, features, count) } : {}),
  };
}

/** Writes the fixture: the files, and the outputs of the training forward pass on five pictures. */
function writeFixture(): void {
  openBackend({ device: "cpu" });
  Deno.mkdirSync(FIXTURES, { recursive: true });
  const expected: Record<string, unknown> = {};
  for (const { file, precision, emotions, shape } of FIXTURE) {
    const model = randomModel(shape, emotions);
    Deno.writeFileSync(new URL(file, FIXTURES), toOnnx(model, SIDE, precision));
    const outputs = Object.entries(expectedOutputs(model, pictures(5)));
    expected[file] = {
      tolerance: precision === "float32" ? 1e-4 : 5e-3,
      outputs: Object.fromEntries(outputs.map(([name, values]) => [name, [...values]])),
    };
  }
  Deno.writeTextFileSync(new URL("expected.json", FIXTURES), JSON.stringify(expected) + "\n");
}

if (import.meta.main) writeFixture();
