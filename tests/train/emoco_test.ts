import { assert, assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { tf } from "../../train/engine/backend.ts";
import { paper } from "../../train/config.ts";
import { type Feeds, initState, type Losses, type Method, type State, step } from "../../train/emoco.ts";
import { QueuePositions } from "../../train/nets/queue.ts";
import { normal, randomStream } from "../../train/runs/random.ts";
import { cosineOf, relativeError } from "../helpers.ts";

const RINGS = [6, 8, 6], EMOTIONS = [0, 1, 2, 1];

const small: Method = {
  ...paper,
  backbone: "resnet18",
  width: 1 / 32,
  stem: "small",
  projectionSize: 32,
  embeddingSize: 16,
  encoderMomentum: 0.9,
  batchNormGroups: 2,
};

describe("step", () => {
  it("keeps the number of tensors over 100 steps", () => {
    const positions = new QueuePositions(RINGS);
    let state = initState(small, { emotions: 3, queueSizes: RINGS, randomKeys: false, seed: 3 });
    const feeds = smallFeeds(positions, EMOTIONS);
    const before = tf.memory().numTensors;
    for (let t = 0; t < 100; t++) {
      const next = tf.tidy(() => step(state, feeds, small));
      tf.dispose(state as never);
      state = next.state;
      readLosses(next.losses);
      assertEquals(tf.memory().numTensors, before);
    }
    tf.dispose([state as never, feeds as never]);
  });

  for (const encoderMomentum of [0, 1]) {
    it(`${encoderMomentum ? "freezes" : "copies the query encoder to"} the key encoder at m = ${encoderMomentum}`, () => {
      const { state, feeds } = afterOneStep({ ...small, encoderMomentum });
      const next = tf.tidy(() => step(state, feeds, { ...small, encoderMomentum }));
      const target = encoderMomentum ? state.key : state.weights;
      for (const name of Object.keys(state.key)) {
        assertEquals(next.state.key[name].dataSync(), target[name].dataSync(), name);
      }
      assert(
        cosineOf(state.key["conv1.weight"].dataSync(), state.weights["conv1.weight"].dataSync()) < 1 - 1e-9,
        "the two encoders must differ for this to mean anything",
      );
    });
  }

  it("never lets the keys of one emotion into the loss of another", () => {
    const { state, feeds } = afterOneStep(small);
    const only = {
      ...feeds,
      emotions: tf.tensor1d([2, 2, 2, 2], "int32"),
      filled: tf.tensor1d(RINGS, "int32"),
    };
    const lossWith = (keys: number[][][]) => {
      const queue = { keys: tf.tensor3d(keys) };
      return readLosses(tf.tidy(() => step({ ...state, queue }, only, small)).losses)[2];
    };
    const random = randomStream(9);
    const draw = () => Array.from({ length: small.embeddingSize }, () => random() - 0.5);
    const keys = Array.from({ length: 8 }, () => [0, 1, 2].map(draw));
    const loss = lossWith(keys);
    assertEquals(lossWith(keys.map((slot) => [draw(), draw(), slot[2]])), loss);
    assert(lossWith(keys.map((slot) => [slot[0], slot[1], draw()])) !== loss, "its own ring must matter");
    // Slots beyond the shorter ring's six hold nothing that counts.
    assertEquals(lossWith(keys.map((slot, i) => i < 6 ? slot : [0, 1, 2].map(draw))), loss);
  });

  it("enqueues after the loss, so that no key is its own negative", () => {
    const method: Method = { ...small, losses: "contrastive" };
    const positions = new QueuePositions(RINGS);
    const state = initState(method, { emotions: 3, queueSizes: RINGS, randomKeys: false, seed: 5 });
    const feeds = smallFeeds(positions, EMOTIONS);
    const next = tf.tidy(() => step(state, feeds, method));
    // With empty rings the positive stands alone: -log 1. A key among its own negatives would give log 2 or more.
    assertAlmostEquals(readLosses(next.losses)[2], 0, 1e-6);
    const keys = next.state.queue.keys.arraySync() as number[][][];
    const held = keys.map((slot) => slot.map((key) => Math.hypot(...key)));
    for (const [slot, ring] of [[0, 0], [0, 1], [0, 2], [1, 1]]) {
      assertAlmostEquals(held[slot][ring], 1, 1e-5);
    }
    assertAlmostEquals(held.flat().reduce((sum, norm) => sum + norm, 0), 4, 1e-5);
  });

  it("leaves the key encoder and the queue out of a run on the emotion loss alone", () => {
    const method: Method = { ...small, losses: "emotion" };
    const state = initState(method, { emotions: 3, queueSizes: [6], randomKeys: true, seed: 5 });
    assertEquals([state.key, state.queue], [{}, {}]);
  });

  it("gives other keys with shuffled sub-batches than over the whole batch, and other queries", () => {
    const { state, feeds } = afterOneStep(small);
    const run = (changes: Partial<Method>, order = feeds) => {
      const { state: { queue }, losses } = tf.tidy(() => step(state, order, { ...small, ...changes }));
      return { keys: queue.keys.dataSync(), losses: readLosses(losses) };
    };
    const sync = run({}), split = run({ batchNorm: "split" });
    const inOrder = tf.tensor1d([0, 1, 2, 3], "int32");
    const unshuffled = run({ batchNorm: "split" }, { ...feeds, keyOrder: inOrder, keyOrderBack: inOrder });
    assertGreater(relativeError(split.keys, sync.keys), 1e-3);
    assertGreater(relativeError(unshuffled.keys, split.keys), 1e-3, "the order of the keys must matter");
    assertEquals(unshuffled.losses[1], split.losses[1], "the queries are never shuffled");
    assertGreater(Math.abs(split.losses[1] - sync.losses[1]), 1e-5);
  });

  it("names no gradient for W in the contrastive loss: W and its velocity stay", () => {
    const method: Method = { ...small, losses: "contrastive" };
    const { state, feeds } = afterOneStep(method);
    const next = tf.tidy(() => step(state, feeds, method));
    assertEquals(
      next.state.weights["classifier.weight"].dataSync(),
      state.weights["classifier.weight"].dataSync(),
    );
  });

  it("takes two steps of the paper's setting at K = 65,536", () => {
    const rings = Array(7).fill(paper.queueSize);
    const positions = new QueuePositions(rings, true);
    let state = initState(paper, { emotions: 7, queueSizes: rings, randomKeys: true, seed: 0 });
    assertEquals(state.queue.keys.shape, [65536, 7, 128]);
    const emotions = [0, 1, 2, 3, 4, 5, 6, 0];
    for (let t = 0; t < 2; t++) {
      const feeds = { ...smallFeeds(positions, emotions, 64), learningRate: tf.scalar(0.03 * 8 / 256) };
      const next = tf.tidy(() => step(state, feeds, paper));
      assertEquals(shapes(next.state), shapes(state));
      tf.dispose([state as never, feeds as never]);
      state = next.state;
      const [loss, emotion, contrastive] = readLosses(next.losses);
      assertAlmostEquals(loss, emotion + contrastive, 1e-4);
      assertAlmostEquals(emotion, Math.log(7), 0.2); // W starts small and q has unit length
      // 65,536 random keys against one positive: between 0 and what a positive opposite to its query would give.
      assert(contrastive > 1 && contrastive < Math.log(1 + 65536 * Math.exp(2 / paper.temperature)));
    }
    tf.dispose(state as never);
  });
});

function shapes(state: State): Record<string, Record<string, number[]>> {
  return Object.fromEntries(
    Object.entries(state).map(([part, weights]) => [
      part,
      Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight.shape])),
    ]),
  );
}

/** A state whose key encoder lags behind its query encoder, whose queue holds keys, and what the next step is fed. */
function afterOneStep(method: Method): { state: State; feeds: Feeds } {
  const positions = new QueuePositions(RINGS);
  const first = initState(method, { emotions: 3, queueSizes: RINGS, randomKeys: false, seed: 4 });
  const { state, losses } = tf.tidy(() => step(first, smallFeeds(positions, EMOTIONS), method));
  readLosses(losses);
  return { state, feeds: smallFeeds(positions, EMOTIONS) };
}

function smallFeeds(positions: QueuePositions, emotions: number[], side = 32): Feeds {
  const { rows, filled } = positions.advance(emotions);
  const random = randomStream(emotions.length, side);
  const shape: [number, number, number, number] = [emotions.length, side, side, 3];
  const view = () =>
    tf.tensor4d(
      Float32Array.from({ length: emotions.length * side * side * 3 }, () => normal(random)),
      shape,
    );
  const order = emotions.map((_, i) => (i * 3 + 2) % emotions.length); // any order that moves keys between halves
  return {
    viewQ: view(),
    viewK: view(),
    emotions: tf.tensor1d(emotions, "int32"),
    rows: tf.tensor1d(rows, "int32"),
    filled: tf.tensor1d(filled, "int32"),
    learningRate: tf.scalar(0.1),
    keyOrder: tf.tensor1d(order, "int32"),
    keyOrderBack: tf.tensor1d(order.map((_, i) => order.indexOf(i)), "int32"),
  };
}

/** The three losses as numbers; disposes them. */
function readLosses(losses: Losses): [loss: number, emotion: number, contrastive: number] {
  const tensors = [losses.loss, losses.emotionLoss, losses.contrastiveLoss];
  const values = tensors.map((loss) => loss.dataSync()[0]) as [number, number, number];
  tf.dispose(tensors);
  return values;
}
