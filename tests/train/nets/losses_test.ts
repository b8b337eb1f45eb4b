import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Tensor1D, type Tensor2D, tf } from "../../../train/engine/backend.ts";
import {
  actionUnitLoss,
  contrastiveLoss,
  emotionLoss,
  intraClassNormalize,
  prototypesOf,
} from "../../../train/nets/losses.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { cosineOf, dot, logSumExp, slope, towards, unit } from "../../helpers.ts";

const D = 8, C = 3, K = 5, EMOTIONS = [2, 0, 2, 1], TEMPERATURE = 0.2;
const random = randomStream(11);
const draw = () => Array.from({ length: D }, () => normal(random));
const drawUnits = (count: number) => Array.from({ length: count }, () => unit(draw()));

const queries = drawUnits(4), positives = drawUnits(4), classifier = [draw(), draw(), draw()];
const prototypes = classifier.map(unit);
const rings = Array.from({ length: C }, () => drawUnits(K)), filled = [5, 1, 3];

/** Eqs. 4 and 5 as they are printed: every negative normalised on its own, one query after the other. */
function directLoss(
  query: ArrayLike<number>[],
  negatives: (i: number) => number[][],
  prototype?: (i: number) => number[],
): number {
  const losses = query.map((q, i) => {
    const normalize = (v: ArrayLike<number>) => prototype ? towards(v, prototype(i)) : Array.from(v);
    const score = (k: number[]) => dot(normalize(q), normalize(k)) / TEMPERATURE;
    return logSumExp([positives[i], ...negatives(i)].map(score)) - score(positives[i]);
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}

function contrast(options: { single?: boolean; plain?: boolean; keys?: number[][][]; filled?: number[] }) {
  const keys = options.keys ?? rings;
  const bySlot = Array.from({ length: keys[0].length }, (_, slot) => keys.map((ring) => ring[slot]));
  return {
    key: tf.tensor2d(positives),
    keys: tf.tensor3d(options.single ? bySlot.map(([first]) => [first]) : bySlot),
    filled: tf.tensor1d(options.filled ?? (options.single ? [filled[0]] : filled), "int32"),
    labels: oneHot(EMOTIONS),
    prototypes: options.plain ? undefined : tf.tensor2d(prototypes),
    temperature: TEMPERATURE,
  };
}

const oneHot = (emotions: number[]) =>
  tf.oneHot(tf.tensor1d(emotions, "int32"), C, 1, 0, "float32") as Tensor2D;
const own = (i: number) => prototypes[EMOTIONS[i]];
const ofEmotion = (i: number) => rings[EMOTIONS[i]].slice(0, filled[EMOTIONS[i]]);
const ofAll = () => rings[0].slice(0, filled[0]);

describe("contrastiveLoss", () => {
  const cases = [
    { name: "per-emotion rings with N", options: {}, negatives: ofEmotion, prototype: own },
    {
      name: "per-emotion rings with L2",
      options: { plain: true },
      negatives: ofEmotion,
      prototype: undefined,
    },
    { name: "a single ring with N", options: { single: true }, negatives: ofAll, prototype: own },
    {
      name: "a single ring with L2",
      options: { single: true, plain: true },
      negatives: ofAll,
      prototype: undefined,
    },
  ];
  for (const { name, options, negatives, prototype } of cases) {
    it(`equals Eq. 5 term by term, value and gradient, for ${name}`, () => {
      tf.tidy(() => {
        const expected = directLoss(queries, negatives, prototype);
        const of = (query: Tensor2D) => contrastiveLoss(query, contrast(options));
        assertAlmostEquals(of(tf.tensor2d(queries)).dataSync()[0], expected, 2e-6 * expected);
        const gradient = tf.grad(of as never)(tf.tensor2d(queries)).dataSync();
        const flat = Float32Array.from(queries.flat());
        const differences = slope(
          (at) =>
            directLoss(queries.map((_, i) => Array.from(at.slice(i * D, (i + 1) * D))), negatives, prototype),
          flat,
          1e-3,
        );
        differences.forEach((value, i) => assertAlmostEquals(gradient[i], value, 1e-4));
      });
    });
  }

  for (const distance of [0.5, 0.05]) {
    it(`keeps its fast form exact for keys at ${distance} from their prototype`, () => {
      tf.tidy(() => {
        // Unit keys at that very distance: a chord of length d subtends the angle 2 asin(d / 2).
        const angle = 2 * Math.asin(distance / 2);
        const near = prototypes.map((w) =>
          Array.from({ length: K }, () => {
            const across = draw(), along = dot(across, w);
            const side = unit(across.map((value, i) => value - along * w[i]));
            return w.map((value, i) => Math.cos(angle) * value + Math.sin(angle) * side[i]);
          })
        );
        assertAlmostEquals(
          Math.hypot(...near[1][2].map((value, i) => value - prototypes[1][i])),
          distance,
          1e-12,
        );
        const loss = contrastiveLoss(tf.tensor2d(queries), contrast({ keys: near, filled: [K, K, K] }));
        const expected = directLoss(queries, (i) => near[EMOTIONS[i]], own);
        assertAlmostEquals(loss.dataSync()[0], expected, 1e-4 * expected);
      });
    });
  }

  it("stays finite for a key, a query and a positive that sit on the prototype", () => {
    tf.tidy(() => {
      const onIt = prototypes.map((w) => Array.from({ length: K }, () => w));
      const query = tf.tensor2d([prototypes[2], ...queries.slice(1)]);
      const what = { ...contrast({ keys: onIt }), key: tf.tensor2d([prototypes[2], ...positives.slice(1)]) };
      const { value, grad } = tf.valueAndGrad((query) => contrastiveLoss(query as Tensor2D, what))(query);
      for (const number of [...value.dataSync(), ...grad.dataSync()]) assert(Number.isFinite(number));
    });
  });

  it("moves query and negative towards the prototype with N, apart from it with L2 (Fig. 3)", () => {
    // q and k symmetric about w, and a step down the negative's term alone.
    const w = prototypes[0],
      side = towards(draw(), w),
      across = unit(side.map((v, i) => v - dot(side, w) * w[i]));
    const at = (angle: number) => w.map((value, i) => Math.cos(angle) * value + Math.sin(angle) * across[i]);
    const [q, k] = [at(0.6), at(-0.6)];
    for (const normalization of ["N", "L2"]) {
      const loss = (query: Tensor2D) =>
        contrastiveLoss(query, {
          key: tf.tensor2d([positives[0]]),
          keys: tf.tensor3d([[k]]),
          filled: tf.tensor1d([1], "int32"),
          labels: oneHot([0]),
          prototypes: normalization === "N" ? tf.tensor2d(prototypes) : undefined,
          temperature: TEMPERATURE,
        });
      const gradient = tf.tidy(() => tf.grad(loss as never)(tf.tensor2d([q])).dataSync());
      // d loss / d q = p/t (d s_negative - d s_positive): the positive's part is known and taken away.
      const score = (at: ArrayLike<number>, key: number[]) =>
        normalization === "N" ? dot(towards(at, w), towards(key, w)) : dot(at, key);
      const share = 1 / (1 + Math.exp((score(q, positives[0]) - score(q, k)) / TEMPERATURE)) / TEMPERATURE;
      const ofPositive = slope((at) => score(at, positives[0]), Float32Array.from(q), 1e-3);
      const step = Array.from(gradient, (value, i) => -(value + share * ofPositive[i]));
      const moved = unit(q.map((value, i) => value + 0.01 * step[i] / Math.hypot(...step)));
      if (normalization === "N") assertGreater(dot(moved, w), dot(q, w) + 1e-4);
      else assertLess(dot(moved, w), dot(q, w) - 1e-4);
    }
  });
});

describe("intraClassNormalize", () => {
  it("gives the unit direction from the prototype, Eq. 4", () => {
    tf.tidy(() => {
      const ours = intraClassNormalize(tf.tensor2d(queries), tf.tensor2d(queries.map((_, i) => own(i))))
        .arraySync();
      queries.forEach((query, i) => assertGreater(cosineOf(ours[i], towards(query, own(i))), 1 - 1e-9));
      ours.forEach((row) => assertAlmostEquals(Math.hypot(...row), 1, 1e-6));
    });
  });
});

describe("emotionLoss", () => {
  const direct = (flat: ArrayLike<number>) => {
    const w = classifier.map((_, c) => Array.from(flat).slice(c * D, (c + 1) * D));
    return queries.reduce((sum, q, i) => {
      const logits = w.map((row) => dot(row, q));
      return sum + (logSumExp(logits) - logits[EMOTIONS[i]]) / queries.length;
    }, 0);
  };

  it("equals Eq. 2 term by term, and so does its gradient by W", () => {
    tf.tidy(() => {
      const of = (w: Tensor2D) => emotionLoss(tf.tensor2d(queries), w, oneHot(EMOTIONS));
      const flat = Float32Array.from(classifier.flat());
      assertAlmostEquals(of(tf.tensor2d(classifier)).dataSync()[0], direct(flat), 1e-6);
      const gradient = tf.grad(of as never)(tf.tensor2d(classifier)).dataSync();
      slope(direct, flat, 1e-2).forEach((value, i) => assertAlmostEquals(gradient[i], value, 1e-5));
    });
  });
});

describe("prototypesOf", () => {
  it("gives the rows of W at unit length", () => {
    tf.tidy(() => {
      const ours = prototypesOf(tf.tensor2d(classifier)).arraySync().flat();
      prototypes.flat().forEach((value, i) => assertAlmostEquals(ours[i], value, 1e-6));
    });
  });
});

describe("actionUnitLoss", () => {
  const logits = [[0.3, -2, 80], [-1.5, 0, -90], [2, 0.7, 0.1]], present = [[1, 0, 0], [0, 1, 1], [9, 1, 0]];
  const labelled = [[1, 1, 1], [1, 0, 1], [0, 1, 1]], weights = [0.5, 2, 1.5];
  const direct = (flat: ArrayLike<number>) => {
    let sum = 0, count = 0;
    logits.forEach((row, n) =>
      row.forEach((_, a) => {
        if (!labelled[n][a]) return;
        const x = flat[n * 3 + a], signed = present[n][a] ? x : -x;
        sum += weights[a] * (signed < -30 ? -signed : Math.log1p(Math.exp(-signed))); // -log sigmoid
        count++;
      })
    );
    return sum / count;
  };
  const of = (x: Tensor2D, known = labelled) =>
    actionUnitLoss(x, tf.tensor2d(present), tf.tensor2d(known), tf.tensor1d(weights) as Tensor1D);

  it("equals the weighted cross-entropy over labelled cells alone, without overflow", () => {
    tf.tidy(() => {
      const expected = direct(logits.flat());
      assertAlmostEquals(of(tf.tensor2d(logits)).dataSync()[0], expected, 1e-6 * expected);
    });
  });

  it("has the gradient of that sum, and none at unlabelled cells", () => {
    tf.tidy(() => {
      const gradient = tf.grad(of as never)(tf.tensor2d(logits)).dataSync();
      const differences = slope(direct, Float32Array.from(logits.flat()), 1e-2);
      differences.forEach((value, i) => assertAlmostEquals(gradient[i], value, 1e-4, `cell ${i}`));
      assertEquals([gradient[4], gradient[6]].map(Math.abs), [0, 0]);
    });
  });

  it("is 0, not NaN, when nothing is labelled", () => {
    tf.tidy(() => {
      assertEquals(of(tf.tensor2d(logits), labelled.map((row) => row.map(() => 0))).dataSync()[0], 0);
    });
  });
});
