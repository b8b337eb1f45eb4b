import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Tensor2D, tf } from "../../../train/engine/backend.ts";
import { embed, follow, initEncoder, project } from "../../../train/nets/encoder.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { byBatch } from "../../../train/nets/resnet.ts";
import { dot, unit } from "../../helpers.ts";

describe("project", () => {
  it("is fully connected, ReLU, fully connected, unit length", () => {
    const random = randomStream(1),
      draw = (...shape: number[]) =>
        tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => normal(random)), shape);
    const weights = {
      "projection.0.weight": draw(3, 5),
      "projection.0.bias": draw(5),
      "projection.2.weight": draw(5, 4),
      "projection.2.bias": draw(4),
    };
    const layer = (x: number[], name: string) => {
      const matrix = weights[`${name}.weight` as keyof typeof weights].arraySync() as number[][];
      const bias = weights[`${name}.bias` as keyof typeof weights].arraySync() as number[];
      return bias.map((start, o) => start + dot(x, matrix.map((row) => row[o])));
    };
    const features = draw(6, 3) as Tensor2D, ours = project(weights, features).arraySync();
    features.arraySync().forEach((row, n) => {
      const hidden = layer(row, "projection.0").map((value) => Math.max(0, value));
      unit(layer(hidden, "projection.2")).forEach((value, i) => assertAlmostEquals(ours[n][i], value, 1e-5));
    });
  });
});

describe("follow", () => {
  it("is Eq. 3, for the key encoder's own weights", () => {
    const key = { a: tf.tensor1d([1, -2]), b: tf.scalar(3) };
    const query = { a: tf.tensor1d([5, 6]), b: tf.scalar(-1), "classifier.weight": tf.scalar(7) };
    const next = follow(key, query, 0.75);
    assertEquals(Object.keys(next), ["a", "b"]);
    assertEquals([...next.a.dataSync(), ...next.b.dataSync()], [2, 0, 2]);
  });
});

describe("initEncoder", () => {
  const shape = {
    backbone: "resnet18",
    width: 1 / 16,
    stem: "small",
    projectionSize: 24,
    embeddingSize: 10,
  } as const;

  it("gives other weights for another seed only, and embeddings of unit length that differ", () => {
    const [one, same, other] = [1, 1, 2].map((seed) => initEncoder(shape, randomStream(seed)));
    for (const name of Object.keys(one)) assertEquals(one[name].dataSync(), same[name].dataSync());
    assert(one["conv1.weight"].dataSync().some((value, i) => value !== other["conv1.weight"].dataSync()[i]));
    const random = randomStream(5);
    const images = tf.tensor4d(Float32Array.from({ length: 4 * 32 * 32 * 3 }, () => normal(random)), [
      4,
      32,
      32,
      3,
    ]);
    const rows = tf.tidy(() => embed(one, images, shape, byBatch(one))).arraySync();
    assertEquals([rows.length, rows[0].length], [4, 10]);
    for (const row of rows) assertAlmostEquals(Math.hypot(...row), 1, 1e-5);
    assert(Math.abs(rows[0][0] - rows[1][0]) > 1e-5);
  });

  it("keeps fully connected layers within PyTorch's +-1/sqrt(inputs), and uses that range", () => {
    const weights = initEncoder(shape, randomStream(3));
    for (const [name, inputs] of [["projection.0", 32], ["projection.2", 24]] as const) {
      const values = weights[`${name}.weight`].dataSync(), bound = 1 / Math.sqrt(inputs);
      const most = Math.max(...values.map(Math.abs));
      assert(most <= bound && most > 0.95 * bound, `${name}: ${most}, bound ${bound}`);
      const variance = dot(values, values) / values.length;
      assertAlmostEquals(variance, bound ** 2 / 3, 0.25 * bound ** 2 / 3);
    }
  });
});
