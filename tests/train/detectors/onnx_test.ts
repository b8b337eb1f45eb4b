import { assert, assertAlmostEquals, assertEquals, assertLess, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as ort from "onnxruntime-web";
import { runDetector } from "../../../train/detectors/detector_step.ts";
import { DETECTOR_NAMES } from "../../../train/detectors/names.ts";
import { type Tensor3D, type Tensor4D, tf } from "../../../train/engine/backend.ts";
import { toTensor } from "../../../train/engine/state_values.ts";
import { initLinear } from "../../../train/nets/encoder.ts";
import { RunError } from "../../../train/runs/run_folder.ts";
import { randomStream } from "../../../train/runs/random.ts";
import type { AuModel } from "../../../train/units/au_model.ts";
import { GEOMETRY_SIZE } from "../../../train/units/face_geometry.ts";
import { toOnnx } from "../../../train/units/onnx.ts";
import { randomModel } from "../units/onnx_models.ts";
import { ReferenceRun } from "./reference_run.ts";

const FACES = [0, 1, 2, 3, 4];

/** A model that finds points about the middle of views of that side. */
function pointsModel(side = 32): AuModel {
  const model = randomModel({ backbone: "resnet18", stem: "small", width: 1 / 16 }, false, 1);
  const inputs = Math.ceil(side / 16) ** 2 * 32;
  const { "geometry.weight": weight, "geometry.bias": bias } = initLinear(
    "geometry",
    inputs,
    GEOMETRY_SIZE,
    randomStream(4),
  );
  const heads = { "geometry.weight": weight, "geometry.bias": tf.add(bias, 5) };
  return { ...model, heads, parts: ["points"] };
}

for (const name of DETECTOR_NAMES) {
  describe(`toOnnx of ${name}`, () => {
    const run = new ReferenceRun(name);
    const { detector, shape } = run, side = shape.imageSize;
    const { weights, statistics } = run.start();
    const model: AuModel = {
      detector: { name, shape },
      backbone: { architecture: shape.trunk, weights, statistics },
      classifier: { weight: new Float32Array(0), bias: new Float32Array(shape.aus.length) },
      aus: shape.aus,
    };
    const needs = detector.points === "always";

    it("writes what training computes", async () => {
      const finder = needs ? toOnnx(pointsModel(), side, "float32") : undefined;
      const { images } = run.inputs(FACES);
      const nchw = tf.tidy(() => tf.transpose(toTensor(images), [0, 3, 1, 2]).dataSync().slice());
      const session = await ort.InferenceSession.create(toOnnx(model, side, "float32", "float32", finder));
      assertEquals(session.inputNames, ["image"]);
      const image = new ort.Tensor("float32", nchw as Float32Array, [FACES.length, 3, side, side]);
      const outputs = await session.run({ image });
      assertEquals(Object.keys(outputs).sort(), [
        "features",
        ...(needs ? ["points"] : []),
        "probabilities",
      ]);
      const points = outputs.points?.data as Float32Array<ArrayBuffer> | undefined;
      const expected = tf.tidy(() => {
        const { logits, features } = runDetector(detector, shape, { weights, statistics }, {
          images: toTensor(images) as Tensor4D,
          points: points && toTensor({ values: points, shape: [FACES.length, 68, 2] }) as Tensor3D,
        });
        return { probabilities: tf.sigmoid(logits).dataSync(), features: features.dataSync() };
      });
      for (const [output, values] of Object.entries(expected)) {
        const scale = output === "features" ? Math.max(...values.map(Math.abs)) : 1;
        const data = outputs[output].data as Float32Array;
        assertEquals(data.length, values.length);
        const furthest = data.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i])), 0);
        assertLess(furthest / scale, 1e-4, output);
      }
      const [first, second] = [0, 1].map((face) =>
        outputs.probabilities.data.slice(face * shape.aus.length, (face + 1) * shape.aus.length)
      );
      assert(first.some((value, i) => Math.abs(Number(value) - Number(second[i])) > 1e-6), "all faces alike");
      if (finder) {
        const alone = await ort.InferenceSession.create(finder);
        const found = await alone.run({ image });
        assertEquals(points, found.points.data);
      }
    });

    if (needs) {
      it("shows a model of points of another side the views resized, as TensorFlow resizes them", async () => {
        for (const other of [24, 56]) {
          const finder = toOnnx(pointsModel(other), other, "float32");
          const { images } = run.inputs(FACES);
          const file = toOnnx(model, side, "float32", "float32", finder);
          const [whole, alone] = await Promise.all(
            [file, finder].map((bytes) => ort.InferenceSession.create(bytes)),
          );
          const fed = (to: number) => {
            const values = tf.tidy(() => {
              const views = tf.image.resizeBilinear(toTensor(images) as Tensor4D, [to, to], false, true);
              return tf.transpose(views, [0, 3, 1, 2]).dataSync().slice() as Float32Array;
            });
            return { image: new ort.Tensor("float32", values, [FACES.length, 3, to, to]) };
          };
          const { points } = await whole.run(fed(side));
          const found = (await alone.run(fed(other))).points.data as Float32Array;
          (points.data as Float32Array).forEach((value, i) => assertAlmostEquals(value, found[i], 1e-4));
          assert(found.some((value, i) => Math.abs(value - found[i % 136]) > 1e-3), "all faces alike");
        }
      });

      it("refuses to be without a model of points", () => {
        const without = toOnnx(
          randomModel({ backbone: "resnet18", stem: "small", width: 1 / 16 }, false),
          side,
          "float32",
        );
        assertThrows(() => toOnnx(model, side, "float32"), RunError, "name its emoco.onnx by --points=FILE");
        assertThrows(
          () => toOnnx(model, side, "float32", "float32", without),
          RunError,
          'has no output "points"',
        );
      });
    }
  });
}
