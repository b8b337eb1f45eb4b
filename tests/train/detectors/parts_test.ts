import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { inference } from "../../../train/detectors/dsin.ts";
import { detectorStep } from "../../../train/detectors/detector_step.ts";
import { gatedGraph, graphOf } from "../../../train/detectors/gated_graph.ts";
import { DETECTORS } from "../../../train/detectors/index.ts";
import type { Layers } from "../../../train/detectors/layers.ts";
import { patchConvolution } from "../../../train/detectors/patch_convolution.ts";
import { initStatistics, initWeights, planOf } from "../../../train/detectors/plan.ts";
import { attentionMaps, centresOf, crops, REGIONS, regionsOf } from "../../../train/detectors/regions.ts";
import { tensorLayers } from "../../../train/detectors/tensor_layers.ts";
import { boundedEntropy, weightedDice } from "../../../train/detectors/unit_losses.ts";
import {
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../../../train/engine/backend.ts";
import { toTensor } from "../../../train/engine/state_values.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { ReferenceRun } from "./reference_run.ts";

/** Random weights for a network, and its words over them. */
function open(
  network: (l: Layers<readonly number[]>) => unknown,
  fixed: { [name: string]: Float32Array } = {},
) {
  const plan = planOf(network);
  const weights = initWeights(plan, randomStream(5)), statistics = initStatistics(plan, fixed);
  return { weights, statistics, l: tensorLayers({ weights, statistics }) };
}

function noise(shape: number[], seed = 1): Tensor {
  const random = randomStream(9, seed);
  const length = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(Float32Array.from({ length }, () => normal(random)), shape);
}

/** Whether any number of a tensor differs from 0. */
const isMoved = (x: Tensor) => x.dataSync().some((value) => value !== 0);

/** A value moves with `x`, and yet no path leads back to it along which a gradient could pass. */
function assertCut(value: (x: Tensor) => Tensor, x: Tensor, moved: Tensor): void {
  assertNotEquals(value(x).dataSync(), value(moved).dataSync());
  assertThrows(() => tf.grad(value)(x), Error, "Cannot compute gradient");
}

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

describe("regions", () => {
  const l = tensorLayers({ weights: {}, statistics: {} });

  it("lie where EAC-Net and JAA-Net put them: counted out by hand for one face", () => {
    const points = new Float32Array(136);
    const put = (point: number, x: number, y: number) => points.set([x, y], 2 * point);
    put(39, 0.4, 0.5);
    put(42, 0.6, 0.5); // r = 0.2
    put(21, 0.45, 0.3);
    put(22, 0.55, 0.32);
    put(41, 0.3, 0.55);
    put(46, 0.7, 0.56);
    const centres = centresOf<Tensor>(l, tf.tensor(points, [1, 68, 2]), regionsOf([1, 6])).dataSync();
    [0.45, 0.2, 0.55, 0.22, 0.3, 0.75, 0.7, 0.76].forEach((value, i) =>
      assertAlmostEquals(centres[i], value, 1e-6)
    );
    assertThrows(() => regionsOf([1, 99]), Error, "AU99 has no region");
    assertEquals(Object.keys(REGIONS).length, 23);
  });

  it("attract most at the cell that holds the centre, and not at all beyond their reach", () => {
    const centres = tf.tensor([[[0.31, 0.62]]]);
    const map = attentionMaps<Tensor>(l, centres, { side: 40, slope: 4, reach: 4 / 40, rounds: true });
    const rows = (map.arraySync() as number[][][][])[0][0];
    const [x, y] = [Math.floor(0.31 * 40), Math.floor(0.62 * 40)];
    rows.forEach((row, i) =>
      row.forEach((value, j) => {
        const away = [Math.abs(i - y), Math.abs(j - x)];
        const expected = Math.max(...away) <= 4 ? Math.max(0, 1 - 4 * (away[0] + away[1]) / 40) : 0;
        assertAlmostEquals(value, expected, 1e-5);
      })
    );
    assertAlmostEquals(rows[y][x], 1, 1e-6);
  });

  it("are cut out as a slice would, moved inside at an edge, and a moved centre moves its crop alone", () => {
    const map = noise([1, 12, 12, 2]), values = map.arraySync() as number[][][][];
    const cut = (centres: number[][]) =>
      crops<Tensor>(l, map, tf.tensor([centres]), 3, 2).arraySync() as number[][][][];
    const found = cut([[0.5, 0.3], [0.99, 0.01]]);
    const first = [[Math.floor(0.5 * 12 - 1), Math.floor(0.3 * 12 - 1)], [9, 0]];
    for (let y = 0; y < 6; y++) {
      for (let x = 0; x < 6; x++) {
        first.forEach(([left, top], k) => {
          const place = values[0][top + Math.floor(y / 2)][left + Math.floor(x / 2)];
          place.forEach((value, c) => assertAlmostEquals(found[0][y][x][2 * k + c], value, 1e-6));
        });
      }
    }
    const other = cut([[0.5, 0.3], [0.2, 0.6]]);
    assertEquals(
      other[0].flat().map((place) => place.slice(0, 2)),
      found[0].flat().map((place) => place.slice(0, 2)),
    );
    assert(other[0][0][0][2] !== found[0][0][0][2]);
  });

  it("hand no gradient to the points, and all of it to the places of the crop", () => {
    const map = noise([1, 12, 12, 1]), centres = tf.tensor([[[0.5, 0.3]]]);
    assertCut((centres) => crops<Tensor>(l, map, centres, 3), centres, tf.add(centres, 0.2));
    const byMap = tf.grad((map) => tf.sum(crops<Tensor>(l, map, centres, 3)))(map);
    assertEquals([...byMap.dataSync()].filter((value) => value === 1).length, 9);
    assertEquals(tf.sum(byMap).dataSync()[0], 9);
  });
});

describe("JAA-Net", () => {
  it("lets the units' loss reach the predicted points by no map", () => {
    const run = new ReferenceRun("jaa");
    const state = run.start();
    const { images, points: known } = run.inputs([0, 1, 2]);
    const layer = "align.points.weight";
    const logits = (weight: Tensor) => {
      const l = tensorLayers({
        weights: { ...state.weights, [layer]: weight },
        statistics: state.statistics,
      });
      const inputs = { image: toTensor(images), points: toTensor(known) };
      return DETECTORS.jaa.forward<Tensor>(l, inputs, run.shape).logits;
    };
    // The units read what comes before the points, so this layer could be reached through the maps alone.
    assertCut(logits, state.weights[layer], tf.mul(state.weights[layer], -1));
  });

  it("asks nothing more of a perfect answer by its dice loss, and 1/2 of one that is wrong", () => {
    const labels = (present: number) => ({
      present: tf.tensor2d([[present]]),
      labelled: tf.tensor2d([[1]]),
      unitWeights: tf.tensor1d([1]) as Tensor1D,
    });
    assertAlmostEquals(weightedDice(tf.tensor2d([[60]]), labels(1)).dataSync()[0], 0, 1e-6);
    assertAlmostEquals(weightedDice(tf.tensor2d([[0]]), labels(0.5)).dataSync()[0], 0, 1e-6);
    assertAlmostEquals(weightedDice(tf.tensor2d([[-60]]), labels(1)).dataSync()[0], 0.5, 1e-6);
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
    const tried = Array.from({ length: 999 }, (_, i) => (i + 1) / 1000);
    const least = (share: number) => tried.reduce((best, p) => at(p, share) < at(best, share) ? p : best);
    assertAlmostEquals(least(0.2), 1.1 * 0.2 - 0.05, 2e-3);
    assertAlmostEquals(least(0.8), 1.1 * 0.8 - 0.05, 2e-3);
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

describe("a detector's step", () => {
  it("leaves what the labels gave as it is, and what the frozen net reads is moved by its own loss alone", () => {
    const run = new ReferenceRun("srerl");
    const state = run.start();
    const feeds = tf.tidy(() =>
      Object.fromEntries(Object.entries(run.feeds(1)).map(([name, values]) => [name, toTensor(values)]))
    ) as unknown as Parameters<typeof detectorStep>[1];
    const next = tf.tidy(() => detectorStep(state, feeds, run.detector, run.shape, 0).state);
    for (const name of ["relations.symbiosis", "relations.exclusion"]) {
      assertEquals(next.statistics[name].dataSync(), state.statistics[name].dataSync());
    }
    assert(isMoved(tf.sub(next.weights["conv1.weight"], state.weights["conv1.weight"])));
    const eac = new ReferenceRun("eac"), start = eac.start();
    const { images, points } = eac.inputs([0, 1]);
    const logits = (kernel: Tensor) => {
      const weights = { ...start.weights, "conv1.weight": kernel };
      const l = tensorLayers({ weights, statistics: start.statistics });
      const inputs = { image: toTensor(images), points: toTensor(points) };
      return DETECTORS.eac.forward<Tensor>(l, inputs, eac.shape).logits;
    };
    assertCut(logits, start.weights["conv1.weight"], tf.mul(start.weights["conv1.weight"], -1));
  });
});
