import type { StateValues } from "../../../train/runs/tensor_values.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { afterEach, describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";
import { rawOp, type Tensor, tf } from "../../../train/engine/backend.ts";
import type { GraphNode } from "../../../train/engine/graph_def.ts";
import { openStepRunner } from "../../../train/engine/step_runner.ts";
import type { StateTensors, StepRunner } from "../../../train/engine/state_values.ts";
import { openTraced } from "../../../train/engine/traced_runner.ts";
import { ARCHITECTURES, openSmallStep, SWITCHES } from "./traced_step.ts";

const open: StepRunner[] = [];
function kept<Runner extends StepRunner>(runner: Runner): Runner {
  open.push(runner);
  return runner;
}
afterEach(() => open.splice(0).forEach((runner) => runner.dispose()));

describe("traced step", () => {
  for (const [name, settings] of Object.entries({ ...SWITCHES, ...ARCHITECTURES })) {
    it(`makes the same step as the eager one from the same state: ${name}`, async () => {
      const eager = openSmallStep(settings, { eager: true }), traced = openSmallStep(settings, {});
      kept(eager.runner), kept(traced.runner);
      for (let step = 1; step <= 3; step++) {
        await traced.runner.writeState(await eager.runner.readState());
        const expected = await eager.runner.run(eager.next()), given = await traced.runner.run(traced.next());
        assertClose(given, expected, step === 1 ? 1e-6 : 1e-5, `step ${step}`);
        const before = await eager.runner.readState(), after = await traced.runner.readState();
        for (const [group, members] of Object.entries(before)) {
          for (const [tensor, { values, shape }] of Object.entries(members)) {
            assertEquals(after[group][tensor].shape, shape);
            // Up to 53 layers of batch norm over few values make one ulp in a weight this much in a gradient.
            const far = distance(after[group][tensor].values, values);
            assert(far < 3e-4, `${group}/${tensor} is ${far} away after step ${step}`);
          }
        }
      }
    });
  }

  for (const [name, settings] of Object.entries(SWITCHES)) {
    it(`keeps to the eager losses for 50 steps: ${name}`, async () => {
      const eager = openSmallStep(settings, { eager: true }), traced = openSmallStep(settings, {});
      kept(eager.runner), kept(traced.runner);
      for (let step = 1; step <= 50; step++) {
        const expected = await eager.runner.run(eager.next(16)),
          given = await traced.runner.run(traced.next(16));
        assertClose(given, expected, step === 1 ? 1e-6 : 1e-3, `step ${step}`);
      }
    });
  }

  it("changes state in place, in the forms that the step's parts have", async () => {
    const counts: { [op: string]: number } = {};
    const traced = (nodes: readonly GraphNode[]) =>
      nodes.forEach(({ op }) => counts[op] = (counts[op] ?? 0) + 1);
    const { runner, next } = openSmallStep(SWITCHES.paper, { traced });
    kept(runner);
    await runner.run(next());
    const state = await runner.readState();
    const count = (...groups: string[]) =>
      groups.reduce((sum, group) => sum + Object.keys(state[group]).length, 0);
    assertEquals(counts.ResourceApplyMomentum, count("weights"));
    assertEquals(counts.ResourceApplyProximalGradientDescent, count("key", "statistics"));
    assertEquals(counts.InplaceUpdate, 1);
    assertEquals(counts.AssignVariableOp, undefined);
  });

  it("goes on bit-equal from a state that was read and written back", async () => {
    const settings = SWITCHES.paper;
    const unbroken = openSmallStep(settings, {}), first = openSmallStep(settings, {});
    kept(unbroken.runner), kept(first.runner);
    const expected: number[] = [];
    for (let step = 0; step < 8; step++) expected.push((await unbroken.runner.run(unbroken.next())).loss[0]);
    for (let step = 0; step < 4; step++) await first.runner.run(first.next());
    const saved = await first.runner.readState();

    const resumed = openSmallStep(settings, {});
    kept(resumed.runner);
    for (let step = 0; step < 4; step++) resumed.next();
    await resumed.runner.writeState(saved);
    for (let step = 4; step < 8; step++) {
      assertEquals((await resumed.runner.run(resumed.next())).loss[0], expected[step], `step ${step}`);
    }
    assertEquals(await resumed.runner.readState(), await unbroken.runner.readState());
  });

  it("gives the same bits in every process", async () => {
    const worker = fileURLToPath(new URL("./traced_step.ts", import.meta.url));
    const flags = ["--allow-read", "--allow-env", "--allow-ffi", "--allow-sys"];
    const command = new Deno.Command(Deno.execPath(), { args: ["run", "--quiet", ...flags, worker] });
    const runs = await Promise.all([command.output(), command.output()]);
    const [one, two] = runs.map(({ stdout }) => new TextDecoder().decode(stdout));
    assert(one.split("\n").length > 20, new TextDecoder().decode(runs[0].stderr));
    assertEquals(one, two);
  });

  it("takes batches of other sizes between, with one state", async () => {
    const eager = openSmallStep(SWITCHES.paper, { eager: true }), traced = openSmallStep(SWITCHES.paper, {});
    kept(eager.runner), kept(traced.runner);
    for (const size of [8, 8, 5, 8, 5]) {
      const expected = await eager.runner.run(eager.next(size)),
        given = await traced.runner.run(traced.next(size));
      assertAlmostEquals(given.loss[0], expected.loss[0], 1e-4);
    }
  });

  it("leaves no tensor in tfjs", async () => {
    const { runner, next } = openSmallStep(SWITCHES.paper, {});
    kept(runner);
    const before = tf.memory().numTensors;
    for (let step = 0; step < 4; step++) await runner.run(next());
    assertEquals(tf.memory().numTensors, before);
  });
});

describe("a step that cannot be traced as it is", () => {
  const start = (): StateValues => ({ weights: { w: { shape: [3], values: Float32Array.of(1, 2, 3) } } });
  const feeds = () => ({ x: { shape: [3], values: Float32Array.of(1, 1, 1) } });
  const openStep = (step: (w: Tensor, x: Tensor) => { w: Tensor; loss: Tensor }) =>
    kept(openTraced((state: StateTensors, feeds) => {
      const { w, loss } = step(state.weights.w, feeds.x);
      return { state: { weights: { w } }, losses: { loss } };
    }, start()));

  it("is told which constant differs when a number that changes was not fed", async () => {
    let learningRate = 0.125;
    const runner = openStep((w, x) => ({ w: tf.sub(w, tf.mul(x, learningRate)), loss: tf.sum(w) }));
    assertEquals((await runner.run(feeds())).loss[0], 6);
    learningRate = 0.0625;
    const problem = await assertRejects(() => runner.run(feeds()), Error, "must be a feed");
    assert(
      /constant \S+ was \[0\.125\] and is \[0\.0625\] now.*Mul of feed\/x/.test(problem.message),
      problem.message,
    );
  });

  it("is caught later, too, by the next of the checks before runs 2, 8, 32", async () => {
    let learningRate = 0.5;
    const runner = openStep((w, x) => ({ w: tf.sub(w, tf.mul(x, learningRate)), loss: tf.sum(w) }));
    for (let run = 1; run <= 6; run++) await runner.run(feeds());
    learningRate = 0.25;
    await runner.run(feeds());
    await assertRejects(() => runner.run(feeds()), Error, "[0.5] and is [0.25]");
  });

  it("is caught when it draws random numbers itself", async () => {
    const runner = openStep((w) => ({ w: tf.add(w, tf.randomNormal([3])), loss: tf.sum(w) }));
    await runner.run(feeds());
    await assertRejects(() => runner.run(feeds()), Error, "not the same as when it was traced");
  });

  it("is refused when it reads values", async () => {
    const runner = openStep((w, x) => ({ w, loss: tf.scalar(x.dataSync()[0]) }));
    await assertRejects(() => runner.run(feeds()), Error, "reads the values of feed/x");
  });

  it("is refused with the name of an operation or attribute that TensorFlow does not know", async () => {
    const unknown = openStep((w, x) => ({ w, loss: rawOp("NoSuchOperation", [], [x], 1)[0] }));
    await assertRejects(() => unknown.run(feeds()), Error, "The operation NoSuchOperation cannot be traced");
    const odd = [{ name: "roundness", type: 99, value: 1 }];
    const attribute = openStep((w, x) => ({ w, loss: rawOp("Neg", odd, [x], 1)[0] }));
    await assertRejects(
      () => attribute.run(feeds()),
      Error,
      'Neg cannot be traced: its attribute "roundness"',
    );
  });

  it("is refused when its state changes shape or names", async () => {
    const grows = openStep((w) => ({ w: tf.concat([w, w]), loss: tf.sum(w) }));
    await assertRejects(
      () => grows.run(feeds()),
      Error,
      'changes "w" of "weights" from float32 [3] to float32 [6]',
    );
  });

  it("leaves tfjs as it was after a refusal", async () => {
    const runner = openStep((w, x) => ({ w, loss: tf.scalar(x.dataSync()[0]) }));
    await assertRejects(() => runner.run(feeds()));
    assertEquals(tf.tidy(() => tf.add(1, 2).dataSync()[0]), 3);
  });
});

describe("step runner", () => {
  const start = () => ({ weights: { w: tf.tensor1d([1, 2, 3]) } });
  const step = ({ weights: { w } }: { weights: { w: Tensor } }, { x }: { x: Tensor }) => ({
    state: { weights: { w: tf.add(w, x) } },
    losses: { loss: tf.sum(w) },
  });
  for (const eager of [true, false]) {
    const way = eager ? "eager" : "traced";

    it(`reads and writes state by group and name, ${way}`, async () => {
      const runner = kept(openStepRunner(step, start(), { eager }));
      const x = { shape: [3], values: Float32Array.of(10, 20, 30) };
      assertEquals((await runner.run({ x })).loss[0], 6);
      assertEquals([...(await runner.readState("weights")).weights.w.values], [11, 22, 33]);
      assertEquals(await runner.readState("nothing"), {});
      await runner.writeState({ weights: { w: { shape: [3], values: Float32Array.of(0, 0, 1) } } });
      assertEquals((await runner.run({ x })).loss[0], 1);
    });

    it(`names the tensor in which a state differs, ${way}`, async () => {
      const runner = kept(openStepRunner(step, start(), { eager }));
      const of = (shape: number[], length: number) => ({ shape, values: new Float32Array(length) });
      const cases: [StateValues, string][] = [
        [{ weights: {} }, 'lacks the tensor "w" of "weights"'],
        [{ weights: { w: of([3], 3), v: of([1], 1) } }, '"v" of "weights", which this step does not know'],
        [{ weights: { w: of([2], 2) } }, "has the shape [2]; this step keeps it as [3]"],
        [{ weights: { w: of([3], 2) } }, "has 2 values; its shape [3] holds 3"],
      ];
      for (const [state, sentence] of cases) {
        await assertRejects(async () => await runner.writeState(state), Error, sentence);
      }
    });

    it(`refuses a feed that does not fill its shape, ${way}`, async () => {
      const runner = kept(openStepRunner(step, start(), { eager }));
      const x = { shape: [3], values: Float32Array.of(1) };
      await assertRejects(() => runner.run({ x }), Error, 'The feed "x" has 1 values');
    });
  }
});

function assertClose(
  given: { [loss: string]: Float32Array },
  expected: { [loss: string]: Float32Array },
  relative: number,
  when: string,
): void {
  for (const [name, [value]] of Object.entries(expected)) {
    assertAlmostEquals(given[name][0], value, relative * Math.max(1, Math.abs(value)), `${name} of ${when}`);
  }
}

/** Greatest difference, relative to the greatest value. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [greatest, difference] = [1e-3, 0];
  for (let i = 0; i < b.length; i++) {
    greatest = Math.max(greatest, Math.abs(b[i]));
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
  }
  return difference / greatest;
}
