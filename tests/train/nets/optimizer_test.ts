import { assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { tf } from "../../../train/engine/backend.ts";
import { adamW, biasCorrections, cosine, sgd, zerosLike } from "../../../train/nets/optimizer.ts";
import { readFixture } from "../../helpers.ts";

const { tensors } = readFixture("optimizer");
const [steps, size] = tensors.gradients.shape;
const start = () => ({
  moved: tf.tensor1d(tensors.start.values.slice(0, size)),
  untouched: tf.tensor1d(tensors.start.values.slice(size)),
});
const gradientsAt = (t: number) => ({
  moved: tf.tensor1d(tensors.gradients.values.slice(t * size, (t + 1) * size)),
  untouched: undefined,
});

function assertOnPath(path: string, t: number, weights: ReturnType<typeof start>) {
  const expected = tensors[path].values.slice(t * size, (t + 1) * size);
  weights.moved.dataSync().forEach((value, i) =>
    assertAlmostEquals(value, expected[i], 2e-6, `${path}, step ${t}, entry ${i}`)
  );
  assertEquals(weights.untouched.dataSync(), tensors.start.values.slice(size), "no gradient, no move");
}

describe("sgd", () => {
  it("walks PyTorch's path with momentum, weight decay and a changing rate", () => {
    let weights = start(), velocity: ReturnType<typeof zerosLike> = zerosLike(weights);
    for (let t = 0; t < steps; t++) {
      const rate = tf.scalar(tensors.rates.values[t]);
      const next = sgd(weights, velocity, gradientsAt(t), rate, { momentum: 0.8, weightDecay: 0.03 });
      weights = next.weights as typeof weights;
      velocity = next.velocity;
      assertOnPath("sgd", t, weights);
    }
  });
});

describe("adamW", () => {
  it("walks PyTorch's path with decoupled decay, bias correction and a changing rate", () => {
    let weights = start(), moments = { first: zerosLike(weights), second: zerosLike(weights) };
    for (let t = 0; t < steps; t++) {
      const rate = tf.scalar(tensors.rates.values[t]), { first, second } = biasCorrections(t + 1);
      const corrections = { first: tf.scalar(first), second: tf.scalar(second) };
      const next = adamW(weights, moments, gradientsAt(t), rate, corrections, 0.07);
      weights = next.weights as typeof weights;
      moments = next.moments;
      assertOnPath("adamW", t, weights);
    }
  });
});

describe("cosine", () => {
  it("starts at the base rate, halves in the middle, ends at zero", () => {
    assertEquals(cosine(0.03, 0, 200), 0.03);
    assertAlmostEquals(cosine(0.03, 100, 200), 0.015, 1e-12);
    assertAlmostEquals(cosine(0.03, 50, 200), 0.03 * (2 + Math.SQRT2) / 4, 1e-12);
    assertAlmostEquals(cosine(0.03, 200, 200), 0, 1e-12);
  });
});
