import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { tf } from "../../../train/engine/backend.ts";
import type { StateTensors } from "../../../train/engine/state_values.ts";
import { openStepRunner } from "../../../train/engine/step_runner.ts";
import { loadMethod, type MethodName } from "../../../train/methods/index.ts";
import { type Clock, type RunSettings, type ViewFeeds, viewFeeds } from "../../../train/methods/method.ts";
import { initRunningStatistics, type Weights } from "../../../train/nets/resnet.ts";
import { cosineOf, type Fixture, readFixture, relativeError } from "../../helpers.ts";

const STEPS = 20, PROBED = [1, 20];
const MEAN = [0.485, 0.456, 0.406], STD = [0.229, 0.224, 0.225];
const RIVALS: MethodName[] = [
  ...["ancor", "simclr", "supcon", "byol", "simsiam", "swav"] as const, // tests/reference/rivals.py
  ...["fabnet", "tcae", "temporal-ranking"] as const, // tests/reference/clip_rivals.py
];

const initial = readFixture("initial");
const COUNTS = Array.from(
  { length: 7 },
  (_, emotion) => labels().filter((label) => label === emotion).length,
);

for (const name of RIVALS) {
  const reference = readFixture(`rival-${name}`);
  const config: RunSettings = reference.metadata.config;
  const method = await loadMethod(name);
  const plan = { steps: STEPS, counts: COUNTS };
  const clips = name === "temporal-ranking" ? config.batchSize : undefined;
  const open = (
    state: StateTensors,
    { eager, decay = config.weightDecay }: { eager: boolean; decay?: number },
  ) =>
    openStepRunner(
      (state: StateTensors, feeds: ViewFeeds) =>
        method.step(state as never, feeds, { ...config, weightDecay: decay }),
      state,
      { eager },
    );

  describe(`${name} beside its PyTorch reference`, () => {
    it("has the reference's weights, by name and shape", () => {
      const state = method.initState(config, plan);
      const shapes = (names: [string, number[]][]) =>
        new Map(names.map(([name, shape]) => [name, `${shape}`]));
      assertEquals(
        shapes(Object.entries(state.weights).map(([name, { shape }]) => [name, shape])),
        shapes(reference.metadata.names),
      );
      for (const group of Object.values(state)) tf.dispose(group);
    });

    it("gives the same 20 losses and running statistics", async () => {
      const clock = method.clock(config, plan);
      const runner = open(firstState(reference, name), { eager: false });
      for (let t = 1; t <= STEPS; t++) {
        const losses: { [name: string]: Float32Array } = await runner.run(feed(t, clock, clips));
        const count = 1 + method.terms.length;
        const expected = reference.tensors.losses.values.slice(count * (t - 1), count * t);
        ["loss", ...method.terms.map(({ name }) => name)].forEach((term, i) =>
          assertAlmostEquals(
            losses[term][0],
            expected[i],
            1e-4 * Math.max(1, Math.abs(expected[i])),
            `step ${t}, ${term}: ${losses[term][0]} for ${expected[i]}`,
          )
        );
      }
      const { statistics } = await runner.readState("statistics");
      const names: string[] = reference.metadata.statistics;
      assertEquals(Object.keys(statistics).sort(), [...names].sort());
      const ours = names.flatMap((name) => [...statistics[name].values]);
      assertLess(relativeError(ours, reference.tensors.statistics.values), 1e-3);
      runner.dispose();
    });

    for (const t of PROBED) {
      it(`gives the same gradient from the reference's state at step ${t}`, async () => {
        const clock = method.clock(config, plan);
        for (let earlier = 1; earlier < t; earlier++) feed(earlier, clock, clips);
        if (t > 1 && name === "ancor") {
          const filled = [...reference.tensors[`filled.${t}`].values];
          clock.restore({ filled, next: filled.map((count) => count % 20) });
        }
        const state = t === 1 ? firstState(reference, name) : stateAt(t, reference);
        // From a velocity of zero and without decay, SGD's new velocity is the gradient itself.
        const runner = open(state, { eager: true, decay: 0 });
        await runner.run(feed(t, clock, clips));
        const { velocity } = await runner.readState("velocity");
        runner.dispose();
        const scale = reference.tensors[`gradientScale.${t}`].values[0];
        const expected = reference.tensors[`gradient.${t}`].values.map((value) => value * scale);
        const names: [string, number[]][] = reference.metadata.names;
        const ours = new Float32Array(names.flatMap(([name]) => [...velocity[name].values]));
        assertGreater(cosineOf(ours, expected), 0.9999);
        assertLess(relativeError(ours, expected), 5e-3, "the length differs");
        let from = 0;
        for (const [name, shape] of names) {
          const to = from + shape.reduce((product, side) => product * side, 1);
          const [one, other] = [ours.subarray(from, to), expected.subarray(from, to)];
          const isNothing = other.every((value) => Math.abs(value) < 1e-3 * scale);
          assert(isNothing || cosineOf(one, other) > 0.999, `the gradient of ${name} points elsewhere`);
          from = to;
        }
      });
    }
  });
}

/** The reference's first state: the backbone of `initial`, the heads of the fixture, a target or keys as copies. */
function firstState(reference: Fixture, name: MethodName): StateTensors {
  const { names, heads, config } = reference.metadata;
  const isHead = new Set<string>(heads);
  const backbone = (names as [string, number[]][]).filter(([name]) => !isHead.has(name));
  const weights = {
    ...split(backbone, initial.tensors.small.values),
    ...split(
      (names as [string, number[]][]).filter(([name]) => isHead.has(name)),
      reference.tensors.heads.values,
    ),
  };
  const copy = (chosen: (name: string) => boolean): Weights =>
    Object.fromEntries(
      Object.entries(weights).filter(([name]) => chosen(name)).map((
        [name, weight],
      ) => [name, tf.clone(weight)]),
    );
  const isFollowed = (name: string) => !/^(predictor|classifier|prototypes)/.test(name);
  const zeros = (shape: number[]) => tf.zeros(shape);
  const rows = config.queueBatches * config.batchSize;
  return {
    weights,
    statistics: initRunningStatistics(config),
    velocity: velocityOf(weights),
    ...(name === "byol" && { target: copy(isFollowed) }),
    ...(name === "ancor" &&
      { key: copy(isFollowed), queue: { keys: zeros([config.queueSize, 7, config.embeddingSize]) } }),
    ...(name === "swav" && {
      queue: { q: zeros([rows, config.embeddingSize]), k: zeros([rows, config.embeddingSize]) },
    }),
  };
}

/** The reference's state before its step `t`, without velocity. */
function stateAt(t: number, { tensors, metadata: { names, config } }: Fixture): StateTensors {
  const weights = split(names, tensors[`weights.${t}`].values);
  const isFollowed = ([name]: [string, number[]]) => !/^(predictor|classifier|prototypes)/.test(name);
  const state: StateTensors = {
    weights,
    statistics: initRunningStatistics(config),
    velocity: velocityOf(weights),
  };
  for (const key of Object.keys(tensors)) {
    const [group, second, third] = key.split(".");
    if (!key.endsWith(`.${t}`)) continue;
    if (group === "target" || group === "key") {
      state[group] = split(names.filter(isFollowed), tensors[key].values);
    }
    if (third) {
      state[group] = { ...state[group], [second]: tf.tensor(tensors[key].values, tensors[key].shape) };
    }
  }
  return state;
}

function velocityOf(weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, tf.zerosLike(weight)]));
}

/** Named tensors out of one vector. */
function split(names: [string, number[]][], values: Float32Array): Weights {
  let from = 0;
  return Object.fromEntries(names.map(([name, shape]) => {
    const length = shape.reduce((product, side) => product * side, 1);
    from += length;
    return [name, tf.tensor(values.slice(from - length, from), shape)];
  }));
}

function labels(): number[] {
  return [...initial.tensors.emotions.values];
}

/**
 * What step `t` = 1, 2, ... of every reference is fed.
 * @param clips of how many clips the batch's faces are the frames, frame by frame; absent where each has two views
 */
function feed(t: number, clock: Clock, clips?: number) {
  const { batches, views } = initial.tensors;
  const [, size] = batches.shape, [, , side] = views.shape;
  const faces = batches.values.subarray((t - 1) * size, t * size);
  const emotions = Int32Array.from(faces, (face) => labels()[face]);
  const pixels = side * side * 3;
  const view = (which: number) =>
    Float32Array.from({ length: size * pixels }, (_, i) => {
      const byte = views.values[(faces[Math.floor(i / pixels)] * 2 + which) * pixels + i % pixels];
      return (byte / 255 - MEAN[i % 3]) / STD[i % 3];
    });
  const learningRate = clock.learningRate(t - 1);
  const more = clock.tick(t - 1, { own: emotions, all: emotions });
  if (!clips) return { ...viewFeeds({ viewQ: view(0), viewK: view(1), emotions, learningRate }), ...more };
  const [first, rest] = [view(0).slice(0, clips * pixels), view(0).slice(clips * pixels)];
  const anchors = emotions.slice(0, clips);
  return { ...viewFeeds({ viewQ: first, viewK: rest, emotions: anchors, learningRate }), ...more };
}
