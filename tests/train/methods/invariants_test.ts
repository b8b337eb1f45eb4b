import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Scalar, type Tensor2D, type Tensor4D, tf } from "../../../train/engine/backend.ts";
import { byol, predictionLoss } from "../../../train/methods/byol.ts";
import { negativeCosine } from "../../../train/methods/simsiam.ts";
import { rankingLoss } from "../../../train/methods/temporal_ranking.ts";
import { spreadOf, viewMasks } from "../../../train/methods/two_views.ts";
import { curriculumAt, curriculumMean } from "../../../train/nets/curriculum.ts";
import { unitRows } from "../../../train/nets/encoder.ts";
import { enlarge } from "../../../train/nets/flow_decoder.ts";
import { inBatchLoss } from "../../../train/nets/in_batch_loss.ts";
import { sinkhorn } from "../../../train/nets/sinkhorn.ts";
import { warp } from "../../../train/nets/warp.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { slope } from "../../helpers.ts";

const random = randomStream(11);
const draw = (...shape: number[]) =>
  tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => normal(random)), shape);
const rows = (...list: number[][]) => tf.tensor2d(list);
const value = (x: { dataSync(): ArrayLike<number> }) => x.dataSync()[0];

describe("the loss within a batch", () => {
  const B = 5, tau = 0.2;
  const alone = { rank: 0, size: 1 };
  const simclr = (z: Tensor2D, temperature = tau) => {
    const { self, other } = viewMasks(z.shape[0] / 2, alone);
    return inBatchLoss(z, z, { self, positives: other, temperature });
  };
  const supcon = (z: Tensor2D, classes: number[], temperature = tau) => {
    const { self } = viewMasks(z.shape[0] / 2, alone);
    const y = tf.oneHot(tf.tensor1d([...classes, ...classes], "int32"), 5, 1, 0, "float32") as Tensor2D;
    const positives = tf.sub(tf.matMul(y, y, false, true), self) as Tensor2D;
    return inBatchLoss(z, z, { self, positives, temperature });
  };

  it("is ln(2B - 1) of SimCLR when all embeddings are one", () => {
    const z = tf.tile(rows([0.6, 0.8]), [2 * B, 1]);
    assertAlmostEquals(value(simclr(z).loss), Math.log(2 * B - 1), 1e-5);
  });

  it("is ln(1 + (2B - 2) exp(-1/tau)) of SimCLR when faces are orthogonal and their views one", () => {
    const z = tf.tile(tf.eye(B), [2, 1]) as Tensor2D;
    assertAlmostEquals(value(simclr(z).loss), Math.log(1 + (2 * B - 2) * Math.exp(-1 / tau)), 1e-5);
  });

  it("is SimCLR's when every face is a class of its own", () => {
    const z = unitRows(draw(2 * B, 4) as Tensor2D);
    assertAlmostEquals(value(supcon(z, [0, 1, 2, 3, 4]).loss), value(simclr(z).loss), 1e-5);
  });

  it("has SupCon's closed form when classes are orthogonal points, above that of the sum inside the log", () => {
    const classes = [0, 0, 1, 1, 1], counts = [4, 6];
    const z = tf.oneHot(tf.tensor1d([...classes, ...classes], "int32"), 5, 1, 0, "float32") as Tensor2D;
    const of = (n: number) => Math.log((n - 1) * Math.exp(1 / tau) + 2 * B - n) - 1 / tau;
    const expected = (counts[0] * of(counts[0]) + counts[1] * of(counts[1])) / (2 * B);
    assertAlmostEquals(value(supcon(z, classes).loss), expected, 1e-5);
    // -ln (1/|P|...) inside would have ln(n - 1) less at every anchor.
    const inside = counts.reduce(
      (sum, n) => sum - n * Math.log((n - 1) * Math.exp(1 / tau) / ((n - 1) * Math.exp(1 / tau) + 2 * B - n)),
      0,
    );
    const less = counts.reduce((sum, n) => sum + n * Math.log(n - 1), 0);
    assertAlmostEquals(expected * 2 * B - inside, less, 1e-9);
  });
});

describe("Sinkhorn's codes", () => {
  const [N, K, epsilon] = [12, 4, 0.5];
  const scores = draw(N, K) as Tensor2D;
  const sums = (codes: Tensor2D, axis: number) => [...tf.sum(codes, axis).dataSync()];
  const difference = (one: Tensor2D, other: Tensor2D) => value(tf.max(tf.abs(tf.sub(one, other))));

  it("sum to 1 for each face at once, to N/K for each prototype only in the end", () => {
    const three = sinkhorn(scores, epsilon, 3), hundred = sinkhorn(scores, epsilon, 100);
    for (const sum of [...sums(three, 1), ...sums(hundred, 1)]) assertAlmostEquals(sum, 1, 1e-5);
    for (const sum of sums(hundred, 0)) assertAlmostEquals(sum, N / K, 1e-4);
    assert(sums(three, 0).some((sum) => Math.abs(sum - N / K) > 1e-3), "three iterations must not suffice");
  });

  it("do not see a number added to all scores of a prototype, but after three iterations one added to a face's", () => {
    const codes = sinkhorn(scores, epsilon, 3);
    const byPrototype = tf.add(scores, tf.tensor2d([[1, -2, 0.5, 0]])) as Tensor2D;
    assertLess(difference(sinkhorn(byPrototype, epsilon, 3), codes), 1e-5);
    const byFace = tf.add(scores, tf.mul(draw(N, 1), 3)) as Tensor2D;
    assertGreater(difference(sinkhorn(byFace, epsilon, 3), codes), 1e-4);
  });

  it("are 1/K where all scores are equal, so that the loss is ln K", () => {
    const codes = sinkhorn(tf.zeros([N, K]) as Tensor2D, epsilon, 3);
    for (const code of codes.dataSync()) assertAlmostEquals(code, 1 / K, 1e-6);
  });

  it("leave out faces that are not there yet, as if there were fewer", () => {
    const used = tf.concat([tf.ones([8, 1]), tf.zeros([N - 8, 1])]) as Tensor2D;
    const part = tf.slice(sinkhorn(scores, epsilon, 3, used), 0, 8);
    assertLess(difference(part, sinkhorn(tf.slice(scores, 0, 8), epsilon, 3)), 1e-5);
  });
});

describe("the losses of predicting another view", () => {
  const p = draw(6, 5) as Tensor2D, z = draw(6, 5) as Tensor2D;

  it("of BYOL are 0 at cosine 1, and 2 + 2 times SimSiam's", () => {
    assertAlmostEquals(value(predictionLoss(p, tf.mul(p, 3))), 0, 1e-5);
    assertAlmostEquals(value(predictionLoss(p, z)), 2 + 2 * value(negativeCosine(p, z)), 1e-5);
  });

  it("of SimSiam have no gradient by the projection, and are least at cosine 1", () => {
    const both = tf.grads((p, z) =>
      tf.add(negativeCosine(p as Tensor2D, z as Tensor2D), tf.mul(tf.sum(z), 0))
    );
    const [byP, byZ] = both([p, z]);
    assertEquals([...byZ.dataSync()].every((x) => x === 0), true);
    assert([...byP.dataSync()].some((x) => Math.abs(x) > 1e-3));
    assertAlmostEquals(value(negativeCosine(p, p)), -1, 1e-6);
  });

  it("tell a collapse by the spread: 0 at one point, near 1 over the sphere", () => {
    assertAlmostEquals(value(spreadOf(tf.tile(unitRows(draw(1, 32) as Tensor2D), [50, 1]))), 0, 1e-6);
    assertAlmostEquals(value(spreadOf(unitRows(draw(500, 32) as Tensor2D))), 1, 0.05);
  });
});

describe("BYOL's target", () => {
  const config = {
    ...{ backbone: "resnet18", width: 1 / 32, stem: "small", seed: 1, batchSize: 4 },
    ...{ baseLearningRate: 0.5, sgdMomentum: 0.9, weightDecay: 0, projectionSize: 6, embeddingSize: 4 },
  } as const;
  const feeds = (targetMomentum: number) => ({
    viewQ: draw(4, 32, 32, 3) as Tensor4D,
    viewK: draw(4, 32, 32, 3) as Tensor4D,
    emotions: tf.tensor1d([0, 1, 2, 3], "int32"),
    learningRate: tf.scalar(0.01),
    targetMomentum: tf.scalar(targetMomentum),
  });
  const plan = { steps: 10, counts: [4] };

  for (const momentum of [0, 1]) {
    it(`${momentum ? "stands still to the bit" : "is the online network after its step"} at ${momentum}`, () => {
      const full = { ...config, targetMomentum: momentum } as never;
      const state = byol.initState(full, plan);
      const { state: next } = byol.step(state, feeds(momentum), full);
      const expected = momentum ? state.target : next.weights;
      for (const [name, weight] of Object.entries(next.target)) {
        assertEquals(weight.dataSync(), expected[name].dataSync(), name);
      }
      assert(
        [...next.weights["conv1.weight"].dataSync()].some((x, i) =>
          x !== state.weights["conv1.weight"].dataSync()[i]
        ),
        "the online network must have moved",
      );
    });
  }

  it("keeps to a momentum that rises to 1", () => {
    const clock = byol.clock({ ...config, targetMomentum: 0.9 } as never, plan);
    const at = (step: number) =>
      clock.tick(step, { own: new Int32Array(), all: new Int32Array() }).targetMomentum.values[0];
    assertAlmostEquals(at(0), 0.9, 1e-6);
    assertAlmostEquals(at(5), 0.95, 1e-6);
    assertAlmostEquals(at(10), 1, 1e-6);
  });
});

describe("warp", () => {
  const S = 6;
  const picture = draw(2, S, S, 3) as Tensor4D;

  it("gives the picture back to the bit where nothing flows", () => {
    assertEquals(warp(picture, tf.zeros([2, S, S, 2])).dataSync(), picture.dataSync());
  });

  it("shifts by k pixels where all flows by 2k/(S - 1), and takes the edge beyond it", () => {
    const k = 2;
    const flow = tf.tile(tf.tensor([2 * k / (S - 1), 0]).reshape([1, 1, 1, 2]), [2, S, S, 1]) as Tensor4D;
    const [moved, before] = [warp(picture, flow).arraySync(), picture.arraySync()];
    for (let y = 0; y < S; y++) {
      for (let x = 0; x < S; x++) {
        moved[1][y][x].forEach((v, c) =>
          assertAlmostEquals(v, before[1][y][Math.min(x + k, S - 1)][c], 1e-4)
        );
      }
    }
  });

  it("has the slope that differences give, by the flow alone", () => {
    const at = Float32Array.from({ length: 2 * S * S * 2 }, () => 0.15 * normal(random));
    const shape: [number, number, number, number] = [2, S, S, 2];
    const weights = draw(2, S, S, 3);
    const of = (flow: Float32Array) =>
      tf.tidy(() => value(tf.sum(tf.mul(warp(picture, tf.tensor4d(flow, shape)), weights))));
    const gradient = tf.grad((flow) => tf.sum(tf.mul(warp(picture, flow as Tensor4D), weights)) as Scalar)(
      tf.tensor4d(at, shape),
    ).dataSync();
    // Where a step of the difference crosses a pixel or the edge, the slope has a kink; few do.
    const numeric = slope(of, at, 1e-3);
    const apart = [...gradient].filter((g, i) => Math.abs(g - numeric[i]) > 0.02 * Math.max(1, Math.abs(g)));
    assertLess(apart.length, 0.05 * gradient.length);
  });
});

describe("enlarge", () => {
  it("has the slope that differences give", () => {
    const at = Float32Array.from({ length: 2 * 3 * 2 }, () => normal(random));
    const weights = draw(1, 6, 9, 2);
    const of = (x: Tensor4D) => tf.sum(tf.mul(enlarge(x, 3), weights)) as Scalar;
    const gradient = tf.grad((x) => of(x as Tensor4D))(tf.tensor4d(at, [1, 2, 3, 2])).dataSync();
    const numeric = slope((x) => tf.tidy(() => value(of(tf.tensor4d(x, [1, 2, 3, 2])))), at, 0.1);
    gradient.forEach((g, i) => assertAlmostEquals(g, numeric[i], 1e-3));
  });
});

describe("the curriculum", () => {
  it("averages a window of the sorted losses, which moves from the easy half up", () => {
    const losses = tf.tensor1d([5, 1, 4, 2, 3, 9, 8, 7, 6, 10]);
    const mean = (step: number) => {
      const { from, to } = curriculumAt(step, 100);
      return value(curriculumMean(losses, { from: tf.scalar(from), to: tf.scalar(to) }));
    };
    assertAlmostEquals(mean(0), (1 + 2 + 3 + 4 + 5) / 5, 1e-5);
    assertAlmostEquals(mean(99), (5 + 6 + 7 + 8 + 9) / 5, 1e-5);
  });

  it("hands a gradient to the chosen ones alone", () => {
    const feeds = { from: tf.scalar(0), to: tf.scalar(0.5) };
    const gradient = tf.grad((losses) => curriculumMean(losses as never, feeds))(tf.tensor1d([4, 1, 2, 3]));
    assertEquals([...gradient.dataSync()], [0, 0.5, 0.5, 0]);
  });
});

describe("the ranking of frames", () => {
  const at = (x: number) => tf.tensor2d([[x, 0], [0, x]]);

  it("costs N times the margin when all frames are one, nothing when each lies further off by the margin", () => {
    assertAlmostEquals(value(rankingLoss(Array.from({ length: 12 }, () => at(1)), 0.03)), 0.3, 1e-6);
    const apart = [at(0), ...Array.from({ length: 11 }, (_, i) => at(Math.sqrt(0.031 * (1 + i))))];
    assertAlmostEquals(value(rankingLoss(apart, 0.03)), 0, 1e-6);
  });

  it("costs at least what the whole distance leaves open", () => {
    const frames = Array.from({ length: 12 }, () => unitRows(draw(4, 6) as Tensor2D));
    const distance = (i: number) => tf.sum(tf.squaredDifference(frames[0], frames[i]), 1);
    const open = 0.3 - value(tf.mean(tf.sub(distance(11), distance(1))));
    assertGreater(value(rankingLoss(frames, 0.03)), open - 1e-6);
  });
});
