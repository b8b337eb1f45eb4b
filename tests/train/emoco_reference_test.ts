import { viewFeeds } from "../../train/methods/method.ts";
import { queueFeeds } from "../../train/methods/queued.ts";
import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { tf } from "../../train/engine/backend.ts";
import { type Feeds, type Method, type State, step } from "../../train/emoco.ts";
import { cosine, zerosLike } from "../../train/nets/optimizer.ts";
import { QueuePositions } from "../../train/nets/queue.ts";
import { initRunningStatistics, type Weights } from "../../train/nets/resnet.ts";
import { openStepRunner } from "../../train/engine/step_runner.ts";
import { cosineOf, type FixtureTensor, readFixture, relativeError } from "../helpers.ts";

const STEPS = 20, PROBED = [1, 10, 20];
const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];

/** The runs of tests/reference/emoco.py: every combination of Table IV's switches. */
const RUNS = [
  ...["emoco", "emoco-contrastive", "emoco-l2", "emoco-l2-contrastive"],
  ...["single", "single-contrastive", "single-l2", "moco", "emotion"],
];

const initial = readFixture("initial");

for (const run of RUNS) {
  const reference = readFixture(run);
  const method: Method & { queueFill: string; baseLearningRate: number } = reference.metadata.method;
  const names: [string, number[]][] = initial.metadata.names[method.stem];

  const open = (state: State, options: { eager: boolean; decay?: number }) =>
    openStepRunner(
      (state: State, feeds: Feeds) =>
        step(state, feeds, { ...method, weightDecay: options.decay ?? method.weightDecay }),
      state,
      options,
    );

  describe(`step beside the PyTorch reference "${run}"`, () => {
    // Losses as a run computes them, traced; gradients eagerly, as the step is written.
    it("gives the same 20 losses and running statistics", async () => {
      const positions = openQueue(reference.metadata.sizes, reference.metadata.filled);
      const runner = open(firstState(run), { eager: false });
      for (let t = 1; t <= STEPS; t++) {
        const losses = await runner.run(feed(t, method, positions));
        const expected = reference.tensors.losses.values.slice(3 * (t - 1), 3 * t);
        [losses.loss, losses.emotionLoss, losses.contrastiveLoss].forEach(([value], i) =>
          assertAlmostEquals(
            value,
            expected[i],
            1e-4 * Math.abs(expected[i]),
            `step ${t}, loss ${i}: ${value}`,
          )
        );
      }
      const names = reference.metadata.statistics as string[];
      const { statistics } = await runner.readState("statistics");
      assertEquals(Object.keys(statistics).length, names.length);
      const ours = names.flatMap((name) => [...statistics[name].values]);
      assertLess(relativeError(ours, reference.tensors.statistics.values), 1e-3);
      runner.dispose();
    });

    it("gives the same gradient from the reference's weights at steps 1, 10 and 20", async () => {
      for (const t of PROBED) {
        const { state, filled } = stateAt(t, run);
        // From a velocity of zero and without decay, SGD's new velocity is the gradient itself.
        const runner = open(state, { eager: true, decay: 0 });
        await runner.run(feed(t, method, openQueue(reference.metadata.sizes, filled)));
        const { velocity } = await runner.readState("velocity");
        runner.dispose();
        const scale = reference.tensors[`gradientScale.${t}`].values[0];
        const expected = reference.tensors[`gradient.${t}`].values.map((value) => value * scale);
        const ours = new Float32Array(names.flatMap(([name]) => [...velocity[name].values]));
        assertGreater(cosineOf(ours, expected), 0.9999, `step ${t}`);
        assertLess(relativeError(ours, expected), 5e-3, `step ${t}: the length differs`);
        forEachWeight(names, (name, from, to) => {
          const [one, other] = [ours.subarray(from, to), expected.subarray(from, to)];
          const isNothing = other.every((value) => Math.abs(value) < 1e-3 * scale);
          assert(
            isNothing || cosineOf(one, other) > 0.999,
            `step ${t}: the gradient of ${name} points elsewhere`,
          );
        });
      }
    });
  });
}

/** Queue positions that hold as many keys as the reference's queues do, oldest first. */
function openQueue(sizes: number[], filled: ArrayLike<number>): QueuePositions {
  const positions = new QueuePositions(sizes);
  positions.filled.set(filled);
  positions.next.set(sizes.map((size, ring) => filled[ring] % size));
  return positions;
}

/** The reference's first state. */
function firstState(run: string): State {
  const { method, sizes } = readFixture(run).metadata;
  const rings = sizes.length, slots = Math.max(...sizes), embedding = method.embeddingSize;
  const { values, shape: [_, width] } = initial.tensors.keys; // [slots, 7, D]: a single queue takes the first ring
  const keys = Float32Array.from({ length: slots * rings * embedding }, (_, i) => {
    const slot = Math.floor(i / (rings * embedding)), rest = i % (rings * embedding);
    return values[slot * width * embedding + rest];
  });
  return assemble(method, initial.tensors[method.stem].values, initial.tensors[method.stem].values, {
    values: keys,
    shape: [slots, rings, embedding],
  });
}

/** The reference's state before its step `t`, with no velocity, and how full its queues are. */
function stateAt(t: number, run: string): { state: State; filled: ArrayLike<number> } {
  const { tensors, metadata } = readFixture(run);
  if (t === 1) return { state: firstState(run), filled: metadata.filled };
  const state = assemble(
    metadata.method,
    tensors[`weights.${t}`].values,
    tensors[`key.${t}`]?.values,
    tensors[`keys.${t}`],
  );
  return { state, filled: tensors[`filled.${t}`]?.values ?? metadata.filled };
}

function assemble(method: Method, all: Float32Array, key: Float32Array, keys: FixtureTensor): State {
  const weights = split(method, all);
  const contrasts = method.losses !== "emotion";
  const { "classifier.weight": classifier, ...encoder } = contrasts ? split(method, key) : {};
  classifier?.dispose();
  return {
    weights,
    statistics: initRunningStatistics(method),
    key: encoder,
    velocity: zerosLike(weights),
    queue: contrasts ? { keys: tf.tensor(keys.values, keys.shape) } : {},
  };
}

/** Named tensors out of one vector; the key encoder's has no classifier, whose place stays empty. */
function split({ stem }: Method, values: Float32Array): Weights {
  const weights: Weights = {};
  forEachWeight(initial.metadata.names[stem], (name, from, to, shape) => {
    if (to <= values.length) weights[name] = tf.tensor(values.slice(from, to), shape);
  });
  return weights;
}

function forEachWeight(
  names: [string, number[]][],
  visit: (name: string, from: number, to: number, shape: number[]) => void,
): void {
  let from = 0;
  for (const [name, shape] of names) {
    const to = from + shape.reduce((product, size) => product * size, 1);
    visit(name, from, to, shape);
    from = to;
  }
}

/** What step `t` = 1, 2, ... of every reference is fed. */
function feed(t: number, method: Method & { baseLearningRate: number }, positions: QueuePositions) {
  const { batches, orders, views, emotions } = initial.tensors;
  const [steps, size] = batches.shape, [, , side] = views.shape;
  const faces = batches.values.subarray((t - 1) * size, t * size);
  const keyOrder = Int32Array.from(orders.values.subarray((t - 1) * size, t * size));
  const labels = Int32Array.from(faces, (face) => emotions.values[face]);
  const pixels = side * side * 3;
  const view = (which: number) =>
    Float32Array.from({ length: size * pixels }, (_, i) => {
      const byte = views.values[(faces[Math.floor(i / pixels)] * 2 + which) * pixels + i % pixels];
      return (byte / 255 - MEAN[i % 3]) / STD[i % 3];
    });
  const learningRate = cosine(method.baseLearningRate, t - 1, steps);
  return {
    ...viewFeeds({ viewQ: view(0), viewK: view(1), emotions: labels, learningRate }),
    ...queueFeeds({
      ...positions.advance(method.queues === "single" ? labels.map(() => 0) : labels),
      keyOrder,
    }),
  };
}
