import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type AuFeeds, type AuState, finetuneStep, initAuState } from "../../../train/units/au_model.ts";
import { type Tensor, tf } from "../../../train/engine/backend.ts";
import { biasCorrections, mapWeights } from "../../../train/nets/optimizer.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { initResNet, initRunningStatistics } from "../../../train/nets/resnet.ts";
import type { FeedValues } from "../../../train/engine/state_values.ts";
import { openStepRunner } from "../../../train/engine/step_runner.ts";
import { relativeError } from "../../helpers.ts";

const METHOD = { backbone: "resnet18", width: 0.125, stem: "imagenet", weightDecay: 5e-4 } as const;
const BATCH = 6, SIDE = 32, UNITS = 3, FEATURES = 64;

/** Labels of the batch; AU 2 of half the faces is unlabelled. */
const PRESENT = [1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0];
const LABELLED = [1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1];
const WEIGHTS = [0.5, 1.5, 1];

/** A state whose classifier already says something, so that every part of the network has a gradient. */
function freshState(): AuState {
  const random = randomStream(11);
  const state = initAuState(
    { weights: initResNet(METHOD, random), statistics: initRunningStatistics(METHOD) },
    FEATURES,
    UNITS,
  );
  state.weights["au.weight"].dispose();
  const values = Float32Array.from({ length: FEATURES * UNITS }, () => 0.1 * normal(random));
  state.weights["au.weight"] = tf.tensor2d(values, [FEATURES, UNITS]);
  return state;
}

function feeds(
  present = PRESENT,
  labelled = LABELLED,
  step = 1,
  weights = WEIGHTS,
): FeedValues<keyof AuFeeds> {
  const random = randomStream(12, step);
  const corrections = biasCorrections(step);
  const scalar = (value: number) => ({ shape: [], values: Float32Array.of(value) });
  const fed: Partial<FeedValues<keyof AuFeeds>> = {
    images: {
      shape: [BATCH, SIDE, SIDE, 3],
      values: Float32Array.from({ length: BATCH * SIDE * SIDE * 3 }, () => normal(random)),
    },
    present: { shape: [BATCH, UNITS], values: Float32Array.from(present) },
    labelled: { shape: [BATCH, UNITS], values: Float32Array.from(labelled) },
    unitWeights: { shape: [UNITS], values: Float32Array.from(weights) },
    learningRate: scalar(1e-3),
    firstCorrection: scalar(corrections.first),
    secondCorrection: scalar(corrections.second),
  };
  return fed as FeedValues<keyof AuFeeds>; // without heads none of theirs is fed
}

/** Loss and state after steps with the given feeds, run eagerly or traced. */
async function after(all: FeedValues<keyof AuFeeds>[], eager = true) {
  const runner = openStepRunner(
    (state: AuState, fed: AuFeeds) => finetuneStep(state, fed, METHOD),
    freshState(),
    { eager },
  );
  const losses: number[] = [];
  for (const one of all) losses.push((await runner.run(one)).loss[0]);
  const state = await runner.readState();
  runner.dispose();
  return { losses, state };
}

describe("finetuneStep", () => {
  it("does not see the label of a cell that is not labelled", async () => {
    const flipped = PRESENT.map((value, i) => LABELLED[i] ? value : 1 - value);
    const [one, other] = [await after([feeds()]), await after([feeds(flipped)])];
    assertEquals(other, one);
    const seen = await after([feeds(PRESENT.map((value, i) => i === 0 ? 1 - value : value))]);
    assert(seen.losses[0] !== one.losses[0]);
  });

  it("moves every weight and every statistic, and leaves what it was given alone", () => {
    const state = freshState();
    const before = mapWeights(state.weights, (weight) => tf.clone(weight));
    const tensors = tf.memory().numTensors;
    const fed = Object.fromEntries(
      Object.entries(feeds()).map(([name, { shape, values }]) => [name, tf.tensor(values, [...shape])]),
    ) as unknown as AuFeeds;
    const next = tf.tidy(() => finetuneStep(state, fed, METHOD));
    const same = (one: Tensor, other: Tensor) =>
      one.dataSync().every((value, i) => value === other.dataSync()[i]);
    for (const name of Object.keys(state.weights)) {
      assert(same(state.weights[name], before[name]), `${name} of the old state was changed`);
      assert(!same(state.weights[name], next.state.weights[name]), `${name} did not move`);
    }
    for (const name of Object.keys(state.statistics)) {
      assert(!same(state.statistics[name], next.state.statistics[name]), `${name} did not move`);
    }
    tf.dispose(fed);
    for (const group of Object.values(next.state)) tf.dispose(group);
    tf.dispose(next.losses);
    assertEquals(tf.memory().numTensors, tensors);
    for (const group of Object.values(state)) tf.dispose(group);
    tf.dispose(before);
  });

  it("gives the same losses and weights traced as eagerly", async () => {
    const all = [1, 2, 3].map((step) => feeds(PRESENT, LABELLED, step));
    const [eager, traced] = [await after(all), await after(all, false)];
    eager.losses.forEach((loss, i) => assertAlmostEquals(traced.losses[i], loss, 1e-4));
    for (const group of ["weights", "statistics"]) {
      for (const [name, { values }] of Object.entries(eager.state[group])) {
        assertLess(relativeError(traced.state[group][name].values, values), 2e-2, name);
      }
    }
  });

  it("lowers its loss on a batch that it sees again and again", async () => {
    const { losses } = await after(
      Array.from({ length: 12 }, (_, i) => ({ ...feeds(PRESENT, LABELLED, i + 1), images: feeds().images })),
      false,
    );
    assertLess(losses.at(-1)!, 0.5 * losses[0]);
  });
});
