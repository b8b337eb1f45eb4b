import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inference } from "../../../train/detectors/dsin.ts";
import { gatedGraph, graphOf } from "../../../train/detectors/gated_graph.ts";
import type { Layers } from "../../../train/detectors/layers.ts";
import { patchConvolution } from "../../../train/detectors/patch_convolution.ts";
import { tensorLayers } from "../../../train/detectors/tensor_layers.ts";
import { boundedEntropy } from "../../../train/detectors/unit_losses.ts";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../../../train/engine/backend.ts";
import { randomStream } from "../../../train/runs/random.ts";
import { isMoved, noise, open } from "./networks.ts";

describe("patchConvolution", () => {
  const shape = { count: 8, output: 3, bias: true };
  const { l, weights, statistics } = open((l) => patchConvolution(l, [16, 16, 2], "region", shape));

  it("equals 64 separate convolutions of separate patches", () => {
    const x = noise([2, 16, 16, 2]) as Tensor4D;
    const whole = patchConvolution<Tensor>(l, x, "region", shape).arraySync() as number[][][][];
    const part = (name: string, patch: number, length: number) =>
      tf.slice(weights[name], patch * length, length);
    for (let patch = 0; patch < 64; patch++) {
      const [row, column] = [Math.floor(patch / 8), patch % 8];
      const cut = tf.slice(x, [0, 2 * row, 2 * column, 0], [2, 2, 2, 2]);
      const scaled = tf.add(
        tf.mul(tf.div(cut, Math.sqrt(1 + 1e-5)), part("region.norm.weight", patch, 2)),
        part("region.norm.bias", patch, 2),
      );
      const kernel = tf.slice(weights["region.weight"], [0, 0, 0, 3 * patch], [3, 3, 2, 3]) as Tensor4D;
      const alone = tf.add(
        tf.conv2d(tf.relu(scaled) as Tensor4D, kernel, 1, "same"),
        part("region.bias", patch, 3),
      );
      const expected = alone.arraySync() as number[][][][];
      for (const [face, y, at, c] of [[0, 0, 0, 0], [1, 1, 0, 2], [0, 1, 1, 1]]) {
        assertAlmostEquals(whole[face][2 * row + y][2 * column + at][c], expected[face][y][at][c], 1e-5);
      }
    }
    assertEquals(Object.keys(statistics).length, 2);
  });

  it("lets a patch depend on no other", () => {
    const gradient = tf.grad((x) =>
      tf.sum(tf.slice(patchConvolution<Tensor>(l, x, "region", shape), [0, 2, 4, 0], [1, 2, 2, 3]))
    );
    const moved = gradient(noise([1, 16, 16, 2])).abs();
    const own = tf.slice(moved, [0, 2, 4, 0], [1, 2, 2, 2]);
    assert(isMoved(own));
    assertAlmostEquals(tf.sum(moved).dataSync()[0], tf.sum(own).dataSync()[0], 1e-6);
  });

  it("adds nothing to its input with kernels of zero: DRML's region layer is then a ReLU", () => {
    const zeros = { ...weights, "region.weight": tf.zerosLike(weights["region.weight"]) };
    const still = tensorLayers({ weights: zeros, statistics });
    const added = patchConvolution<Tensor>(still, noise([1, 16, 16, 2]), "region", shape);
    assert(!isMoved(added)); // biases start at zero
  });
});

describe("EAC-Net's loss", () => {
  it("is least beside the share that it is told, which is why it learns occurrence alone", () => {
    const at = (p: number, share: number) =>
      boundedEntropy(tf.tensor2d([[Math.log(p / (1 - p))]]), {
        present: tf.tensor2d([[share]]),
        labelled: tf.tensor2d([[1]]) as Tensor2D,
        unitWeights: tf.tensor1d([1]) as Tensor1D,
      }).dataSync()[0];
    for (const share of [0.2, 0.5, 0.8]) {
      const least = 1.1 * share - 0.05;
      for (const away of [-0.01, 0.01]) assertGreater(at(least + away, share), at(least, share));
    }
    assertGreater(at(0.2, 0.2), at(1.1 * 0.2 - 0.05, 0.2));
  });
});

describe("gatedGraph", () => {
  const units = 4, width = 6;
  const network = (l: Layers<readonly number[]>) =>
    gatedGraph(l, [units, width], { symbiosis: [units, units], exclusion: [units, units] }, "graph", 2);
  const { l } = open(network);
  const edges = (of: (a: number, b: number) => boolean) =>
    tf.tensor(Array.from({ length: units ** 2 }, (_, i) => Number(of(Math.floor(i / units), i % units))), [
      1,
      units,
      units,
    ]);
  const none = edges(() => false);
  /** Which units' inputs move unit 0. */
  const hears = (symbiosis: Tensor, exclusion: Tensor, rounds = 2) => {
    const gradient = tf.grad((x) =>
      tf.sum(
        tf.slice(gatedGraph<Tensor>(l, x, { symbiosis, exclusion }, "graph", rounds), [0, 0, 0], [
          1,
          1,
          width,
        ]),
      )
    );
    const moved = gradient(noise([1, units, width]));
    return Array.from({ length: units }, (_, a) => isMoved(tf.slice(moved, [0, a, 0], [1, 1, width])));
  };

  it("lets a unit without edges hear itself alone, and one with edges their ends, round by round", () => {
    assertEquals(hears(none, none), [true, false, false, false]);
    const chain = edges((a, b) => b === a + 1);
    assertEquals(hears(chain, none, 1), [true, true, false, false]);
    assertEquals(hears(chain, none, 2), [true, true, true, false]);
    assertEquals(hears(none, chain, 2), [true, true, true, false]);
  });

  it("answers its input after no round, and tells the two kinds of edges apart", () => {
    const x = noise([1, units, width]), chain = edges((a, b) => b === a + 1);
    assertEquals(
      gatedGraph<Tensor>(l, x, { symbiosis: none, exclusion: none }, "graph", 0).dataSync(),
      x.dataSync(),
    );
    const [one, other] = [[chain, none], [none, chain]].map(([symbiosis, exclusion]) =>
      gatedGraph<Tensor>(l, x, { symbiosis, exclusion }, "graph", 1).dataSync()
    );
    assert(one.some((value, i) => Math.abs(value - other[i]) > 1e-4));
  });

  it("is made of the labels given and of them alone: relations that are there, hardly any of shuffled ones", () => {
    const random = randomStream(77), faces = 600;
    const labels = Array.from({ length: faces }, () => {
      const one = Number(random() < 0.4);
      return [one, random() < 0.9 ? one : 1 - one, one ? 0 : Number(random() < 0.5), Number(random() < 0.3)];
    });
    const { symbiosis, exclusion } = graphOf(labels);
    assertEquals([symbiosis[1], symbiosis[units]], [1, 1]);
    assertEquals([exclusion[2], exclusion[2 * units]], [1, 1]);
    assertEquals([symbiosis[3], exclusion[3]], [0, 0]);
    const shuffled = labels.map((row) => row.map((_, a) => labels[Math.floor(random() * faces)][a]));
    const chance = graphOf(shuffled);
    assertLess([...chance.symbiosis, ...chance.exclusion].reduce((sum, edge) => sum + edge, 0), 2);
    // Unlabelled cells say nothing either way.
    const hidden = labels.map((row) => [row[0], undefined, row[2], row[3]]);
    assertEquals(graphOf(hidden).symbiosis[1], 0);
  });
});

describe("DSIN's inference", () => {
  const units = 4;
  const { weights, l } = open((l) => inference(l, [units], 3));
  const answer = (x: Tensor, weights_ = weights) =>
    inference<Tensor>(tensorLayers({ weights: weights_, statistics: {} }), x, 3).at(-1)!;

  it("is the fusion itself without rounds, and moves nothing across units where gates are shut", () => {
    assertEquals(inference<Tensor>(l, noise([1, units]), 0), []);
    const reaches = (weights_: typeof weights) => {
      const gradient = tf.grad((x) => tf.sum(tf.slice(answer(x, weights_), [0, 0], [1, 1])));
      return [...gradient(noise([1, units])).dataSync()].map((value) => Math.abs(value) > 1e-9);
    };
    assertEquals(reaches(weights), [true, true, true, true]);
    const shut = { ...weights, "inference.gate.bias": tf.fill([units, units], -80) };
    assertEquals(reaches(shut), [true, false, false, false]);
  });

  it("permutes with its units where they share their weights", () => {
    const x = noise([1, units]), order = [2, 0, 3, 1];
    const before = answer(x).dataSync();
    const after = answer(tf.gather(x, order, 1)).dataSync();
    order.forEach((from, to) => assertAlmostEquals(after[to], before[from], 1e-6));
  });
});

describe("dropout", () => {
  it("leaves half of the numbers, doubled; the same for a seed, others for another", () => {
    const draw = (seed: number[]) => {
      const training = { collected: new Map(), dropoutSeed: tf.tensor1d(seed, "int32") as Tensor1D };
      return [
        ...tensorLayers({ weights: {}, statistics: {}, training }).dropout(tf.ones([20, 100])).dataSync(),
      ];
    };
    const once = draw([3, 1]);
    assertEquals([...new Set(once)].sort(), [0, 2]);
    assertGreater(once.filter((value) => value).length, 850);
    assertLess(once.filter((value) => value).length, 1150);
    assertEquals(draw([3, 1]), once);
    assert(draw([3, 2]).some((value, i) => value !== once[i]));
  });
});
