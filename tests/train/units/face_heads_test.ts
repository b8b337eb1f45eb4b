import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Scalar, type Tensor, type Tensor2D, type Tensor4D, tf } from "../../../train/engine/backend.ts";
import type { Weights } from "../../../train/nets/resnet.ts";
import { randomStream } from "../../../train/runs/random.ts";
import {
  GEOMETRY,
  GEOMETRY_PARTS,
  GEOMETRY_SIZE,
  geometryStart,
} from "../../../train/units/face_geometry.ts";
import {
  geometryParts,
  hasHeads,
  type HeadFeeds,
  headLosses,
  type HeadWeights,
  initHeads,
  NO_HEADS,
} from "../../../train/units/face_heads.ts";
import {
  ALL,
  BATCH,
  drawn,
  EMBEDDING,
  EMOTIONS,
  feeds,
  HEADS,
  HIDDEN,
  lossOf,
  type Numbers,
  toNumbers,
  toTensors,
  UNITS,
} from "./head_feeds.ts";

const FEATURES = 4, MAP_SIDE = 2, MAP = MAP_SIDE * MAP_SIDE * FEATURES;

const WEIGHTS = drawn(1, {
  "projection.0.weight": [FEATURES, HIDDEN],
  "projection.0.bias": [HIDDEN],
  "projection.2.weight": [HIDDEN, EMBEDDING],
  "projection.2.bias": [EMBEDDING],
  "classifier.weight": [EMOTIONS, EMBEDDING],
  "geometry.weight": [MAP, GEOMETRY_SIZE],
  "geometry.bias": [GEOMETRY_SIZE],
  "visible.weight": [FEATURES, UNITS],
  "visible.bias": [UNITS],
});
const NETWORK = drawn(2, {
  map: [BATCH, MAP_SIDE, MAP_SIDE, FEATURES],
  pooled: [BATCH, FEATURES],
});

/** x W + b of one row, number by number. */
function layer(name: string, x: readonly number[]): number[] {
  const { shape: [inputs, outputs], values } = WEIGHTS[`${name}.weight`];
  assertEquals(x.length, inputs);
  return Array.from({ length: outputs }, (_, to) => {
    let sum = WEIGHTS[`${name}.bias`].values[to];
    for (let from = 0; from < inputs; from++) sum += x[from] * values[from * outputs + to];
    return sum;
  });
}

const rowOf = ({ values }: { values: Float32Array }, n: number) => {
  const width = values.length / BATCH;
  return [...values.subarray(n * width, (n + 1) * width)];
};

/** The heads' losses and their gradients by the biases `geometry.bias` and `visible.bias`, by plain loops. */
function slow(fed: Numbers) {
  let entropy = 0, faces = 0, unseen = 0, cells = 0;
  const distance = new Map(GEOMETRY_PARTS.map((part) => [part, { sum: 0, count: 0 }]));
  const visibleSlope = new Array<number>(UNITS).fill(0);
  const geometrySlope = new Array<number>(GEOMETRY_SIZE).fill(0);
  for (let n = 0; n < BATCH; n++) {
    const pooled = rowOf(NETWORK.pooled, n);
    const raw = layer("projection.2", layer("projection.0", pooled).map((value) => Math.max(0, value)));
    const length = Math.hypot(...raw), query = raw.map((value) => value / length);
    const scores = Array.from({ length: EMOTIONS }, (_, c) => {
      const own = WEIGHTS["classifier.weight"].values.subarray(c * EMBEDDING, (c + 1) * EMBEDDING);
      return Math.exp(query.reduce((sum, value, d) => sum + value * own[d], 0));
    });
    const total = scores.reduce((sum, score) => sum + score, 0);
    rowOf(fed.emotions, n).forEach((weight, c) => {
      entropy -= weight * Math.log(scores[c] / total);
      faces += weight;
    });

    const geometry = layer("geometry", rowOf(NETWORK.map, n));
    for (const part of GEOMETRY_PARTS) {
      const start = geometryStart(part), of = distance.get(part)!;
      for (let i = start; i < start + GEOMETRY[part].count; i++) {
        if (!rowOf(fed.geometryLabelled, n)[i]) continue;
        const off = geometry[i] - rowOf(fed.geometry, n)[i], rounded = Math.hypot(off, 0.02);
        of.sum += rounded - 0.02;
        of.count++;
        geometrySlope[i] += off / rounded;
      }
    }

    layer("visible", pooled).forEach((logit, a) => {
      if (!rowOf(fed.visibleLabelled, n)[a]) return;
      const chance = 1 / (1 + Math.exp(-logit)), is = rowOf(fed.visible, n)[a];
      unseen -= is * Math.log(chance) + (1 - is) * Math.log(1 - chance);
      cells++;
      visibleSlope[a] += chance - is;
    });
  }
  const losses: { [name: string]: number } = { emotion: entropy / faces, visible: unseen / cells };
  for (const [part, { sum, count }] of distance) {
    losses[part] = sum / count;
    for (let i = geometryStart(part); i < geometryStart(part) + GEOMETRY[part].count; i++) {
      geometrySlope[i] /= count;
    }
  }
  return { losses, geometrySlope, visibleSlope: visibleSlope.map((slope) => slope / cells) };
}

type Given = { [name: string]: Tensor };

/** The losses by the product, of `WEIGHTS` and `NETWORK` as tensors. */
function lossesOf({ map, pooled, ...weights }: Given, fed: Numbers, learnt: HeadWeights) {
  const network = { map: map as Tensor4D, pooled: pooled as Tensor2D };
  return headLosses(weights as Weights, network, toTensors(fed) as HeadFeeds, learnt);
}

const numbersOf = (losses: { [name: string]: Scalar }): { [name: string]: number } =>
  Object.fromEntries(Object.entries(losses).map(([name, loss]) => [name, loss.dataSync()[0]]));

/** All losses, and the gradients of their sum by every weight, feature map and features. */
function learn(fed: Numbers) {
  return tf.tidy(() => {
    const given = toTensors({ ...WEIGHTS, ...NETWORK }), names = Object.keys(given);
    const losses = numbersOf(lossesOf(given, fed, ALL));
    const { grads } = tf.valueAndGrads((...tensors: Tensor[]) => {
      const now = Object.fromEntries(names.map((name, i) => [name, tensors[i]]));
      return tf.addN(Object.values(lossesOf(now, fed, ALL))) as Scalar;
    })(names.map((name) => given[name]));
    return { losses, gradients: Object.fromEntries(names.map((name, i) => [name, grads[i].dataSync()])) };
  });
}

describe("headLosses", () => {
  it("are what plain loops make of them, and so are the gradients by the biases", () => {
    const fed = feeds(), expected = slow(fed), { losses, gradients } = learn(fed);
    assertEquals(Object.keys(losses).sort(), Object.keys(expected.losses).sort());
    for (const [name, loss] of Object.entries(expected.losses)) {
      assertLess(0.01, loss, name);
      assertAlmostEquals(losses[name], loss, 1e-5 * (1 + loss), name);
    }
    expected.geometrySlope.forEach((slope, i) =>
      assertAlmostEquals(gradients["geometry.bias"][i], slope, 1e-5, `geometry ${i}`)
    );
    expected.visibleSlope.forEach((slope, a) =>
      assertAlmostEquals(gradients["visible.bias"][a], slope, 1e-5, `unit ${a}`)
    );
  });

  it("neither see what stands in a cell without a label nor pass a gradient back from it", () => {
    assertEquals(learn(feeds(-40)), learn(feeds(3)));

    // Of one face nothing is known: whatever the network makes of it is as it should be.
    const silent = 1, fed = feeds();
    for (const name of ["emotions", "geometryLabelled", "visibleLabelled"]) {
      const width = fed[name].values.length / BATCH;
      fed[name].values.fill(0, silent * width, (silent + 1) * width);
    }
    const { gradients } = learn(fed);
    for (const name of ["map", "pooled"]) {
      for (let n = 0; n < BATCH; n++) {
        const { length } = gradients[name], own = length / BATCH;
        const moved = gradients[name].subarray(n * own, (n + 1) * own).some((slope) => slope !== 0);
        assertEquals(moved, n !== silent, `${name} of face ${n}`);
      }
    }
  });

  it("are 0, gradients too, where nothing at all is labelled", () => {
    const fed = feeds();
    for (const name of ["emotions", "geometryLabelled", "visibleLabelled"]) fed[name].values.fill(0);
    const { losses, gradients } = learn(fed);
    assertEquals(Object.values(losses).map(Math.abs), HEADS.map(() => 0));
    for (const [name, values] of Object.entries(gradients)) {
      assert(values.every((slope) => slope === 0), name);
    }
  });

  it("are learnt one by one: no head knows of another", () => {
    const fed = feeds(), { losses } = learn(fed);
    for (const head of HEADS) {
      const alone = tf.tidy(() =>
        numbersOf(lossesOf(toTensors({ ...WEIGHTS, ...NETWORK }), fed, { ...NO_HEADS, [head]: 0.1 }))
      );
      assertEquals(alone, { [lossOf(head)]: losses[lossOf(head)] });
    }
  });
});

describe("initHeads", () => {
  const start = {
    map: MAP,
    features: FEATURES,
    units: UNITS,
    emotions: EMOTIONS,
    mean: Float32Array.from({ length: GEOMETRY_SIZE }, (_, i) => i / 8),
    projectionSize: HIDDEN,
    embeddingSize: EMBEDDING,
  };
  function started(weights: HeadWeights, emotionHead?: Weights): Numbers {
    const heads = initHeads(weights, { ...start, emotionHead }, randomStream(7)), numbers = toNumbers(heads);
    tf.dispose(heads);
    return numbers;
  }

  it("makes the layers of the heads that are learnt, in the shapes that their losses take", () => {
    const shapes = (heads: Numbers) =>
      Object.fromEntries(Object.entries(heads).map(([name, { shape }]) => [name, [...shape]]));
    assertEquals(shapes(started(ALL)), shapes(WEIGHTS));
    assertEquals(started(NO_HEADS), {});
    const layers = (head: keyof HeadWeights) =>
      new Set(Object.keys(started({ ...NO_HEADS, [head]: 1 })).map((name) => name.split(".")[0]));
    assertEquals(layers("emotionWeight"), new Set(["projection", "classifier"]));
    assertEquals(layers("visibleWeight"), new Set(["visible"]));
    for (const part of GEOMETRY_PARTS) {
      assertEquals(layers(`${part}Weight`), new Set(["geometry"]));
      assertEquals(geometryParts({ ...NO_HEADS, [`${part}Weight`]: 1 }), [part]);
    }
    for (const head of HEADS) assert(hasHeads({ ...NO_HEADS, [head]: 1e-3 }), head);
    assert(!hasHeads(NO_HEADS));
  });

  it("starts at the mean face, at units that are all in sight, and at the encoder's own emotions", () => {
    const heads = started(ALL);
    assertEquals(heads["geometry.bias"].values, start.mean);
    assertEquals([...heads["visible.weight"].values, ...heads["visible.bias"].values], [
      ...new Array(FEATURES * UNITS).fill(0),
      ...new Array(UNITS).fill(3),
    ]);
    const own = toTensors(
      Object.fromEntries(Object.entries(WEIGHTS).filter(([name]) => /^(proj|class)/.test(name))),
    );
    const copied = started({ ...NO_HEADS, emotionWeight: 1 }, own);
    for (const name of Object.keys(own)) assertEquals(copied[name].values, WEIGHTS[name].values, name);
    // The caller's own: freeing the heads, as above, leaves the encoder's.
    for (const [name, tensor] of Object.entries(own)) {
      assertEquals(tensor.dataSync(), WEIGHTS[name].values, name);
    }
    tf.dispose(own);
  });
});
