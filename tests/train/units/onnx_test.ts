import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import * as ort from "onnxruntime-web";
import { Buffer } from "node:buffer";
import { tf } from "../../../train/engine/backend.ts";
import { toOnnx } from "../../../train/units/onnx.ts";
import type { Precision } from "../../../train/units/onnx_graph.ts";
import type { Architecture } from "../../../train/nets/resnet.ts";
import { expectedOutputs, FIXTURE, FIXTURES, pictures, randomModel, SIDE } from "./onnx_models.ts";

type Outputs = { [output: string]: Float32Array };

/** What onnxruntime-web says of pictures [N, 3, S, S]. */
async function run(session: ort.InferenceSession, images: Float32Array): Promise<Outputs> {
  const count = images.length / (3 * SIDE * SIDE);
  const outputs = await session.run({ image: new ort.Tensor("float32", images, [count, 3, SIDE, SIDE]) });
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data, dims, type }]) => {
      assertEquals(type, "float32");
      assertEquals(dims[0], count);
      return [name, data as Float32Array];
    }),
  );
}

function greatestDifference(ours: ArrayLike<number>, theirs: ArrayLike<number>): number {
  assertEquals(ours.length, theirs.length);
  return Array.from(ours).reduce((most, value, i) => Math.max(most, Math.abs(value - theirs[i])), 0);
}

const VARIANTS: [Architecture["backbone"], Architecture["stem"], emotions: boolean][] = [
  ["resnet18", "imagenet", true],
  ["resnet18", "small", false],
  ["resnet34", "small", true],
  ["resnet50", "imagenet", false],
  ["resnet50", "small", true],
];

describe("toOnnx", () => {
  for (const [backbone, stem, emotions] of VARIANTS) {
    it(`writes ${backbone} with the ${stem} stem${emotions ? " and emotions" : ""}: what training computes, face by face`, async () => {
      const model = randomModel({ backbone, stem, width: 1 / 16 }, emotions, 1);
      const images = pictures(5);
      const expected = expectedOutputs(model, images);
      const names = ["probabilities", "features", ...(emotions ? ["emotions"] : [])];
      for (const [precision, tolerance] of [["float32", 1e-4], ["float16", 5e-3]] as [Precision, number][]) {
        const session = await ort.InferenceSession.create(toOnnx(model, SIDE, precision));
        assertEquals([session.inputNames, session.outputNames], [["image"], names]);
        const five = await run(session, images);
        for (const name of names) {
          const scale = name === "features" ? Math.max(...expected[name].map(Math.abs)) : 1;
          assert(scale > 0.01, "features of nothing but zeros show nothing");
          const difference = greatestDifference(five[name], expected[name]) / scale;
          assertLessOrEqual(difference, tolerance, `${precision} ${name}`);
        }
        for (let n = 0; n < 5; n++) {
          const one = await run(session, images.slice(n * 3 * SIDE * SIDE, (n + 1) * 3 * SIDE * SIDE));
          for (const name of names) {
            const columns = five[name].length / 5;
            const row = five[name].slice(n * columns, (n + 1) * columns);
            const exact = precision === "float32" ? 1e-5 : 5e-3;
            assertLessOrEqual(
              greatestDifference(one[name], row),
              exact * Math.max(1, ...row),
              `face ${n} alone`,
            );
          }
        }
        await session.release();
      }
      for (let a = 0; a < 3; a++) {
        const column = expected.probabilities.filter((_, i) => i % 3 === a);
        assert(Math.max(...column) - Math.min(...column) > 1e-3, "faces that all look alike show nothing");
      }
      tf.dispose([model.backbone.weights, model.backbone.statistics, model.emotionHead ?? {}]);
    });
  }

  it("writes the bytes of the fixture, which onnx_check.py has seen, and the fixture expects what training says", () => {
    const expected = JSON.parse(Deno.readTextFileSync(new URL("expected.json", FIXTURES)));
    assertEquals(Object.keys(expected), FIXTURE.map(({ file }) => file));
    for (const { file, precision, emotions, shape } of FIXTURE) {
      const model = randomModel(shape, emotions);
      const same = Buffer.compare(
        toOnnx(model, SIDE, precision),
        Deno.readFileSync(new URL(file, FIXTURES)),
      ) === 0;
      assert(
        same,
        `${file} is no longer what the exporter writes. If that is meant, write it anew (tests/train/units/onnx_models.ts), ` +
          "and run tests/reference/onnx_check.py on it.",
      );
      for (const [name, values] of Object.entries(expectedOutputs(model, pictures(5)))) {
        assertLessOrEqual(greatestDifference(values, expected[file].outputs[name]), 1e-4, `${file} ${name}`);
      }
    }
  });
});
