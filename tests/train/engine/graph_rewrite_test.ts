import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Tensor, tf } from "../../../train/engine/backend.ts";
import type { StateTensors } from "../../../train/engine/state_values.ts";
import { openTraced } from "../../../train/engine/traced_runner.ts";

describe("state in place", () => {
  const run = async (step: (w: Tensor, x: Tensor) => { w: Tensor; loss: Tensor }) => {
    const ops: string[] = [];
    const runner = openTraced(
      (state: StateTensors, feeds) => {
        const { w, loss } = step(state.weights.w, feeds.x);
        return { state: { weights: { w } }, losses: { loss } };
      },
      { weights: { w: { shape: [2, 1, 2], values: Float32Array.of(1, 2, 3, 4) } } },
      { traced: (nodes) => ops.push(...nodes.map(({ op }) => op)) },
    );
    const x = { shape: [1, 2], values: Float32Array.of(5, 7) };
    const losses = [(await runner.run({ x })).loss[0], (await runner.run({ x })).loss[0]];
    const w = [...(await runner.readState()).weights.w.values];
    runner.dispose();
    return { ops, losses, w };
  };
  const average = (w: Tensor, x: Tensor) =>
    tf.add(tf.mul(w, 0.75), tf.mul(tf.tile(tf.expandDims(x), [2, 1, 1]), 0.25));
  const averaged = [5 - 4 * 0.75 ** 2, 7 - 5 * 0.75 ** 2, 5 - 2 * 0.75 ** 2, 7 - 3 * 0.75 ** 2];
  const close = (given: number[], expected: number[]) =>
    expected.forEach((value, i) => assertAlmostEquals(given[i], value, 1e-5));

  it("is an average that others see renewed", async () => {
    const { ops, losses, w } = await run((w, x) => {
      const next = average(w, x);
      return { w: next, loss: tf.sum(next) };
    });
    assert(ops.includes("ResourceApplyProximalGradientDescent"));
    close(w, averaged);
    close(losses, [24 - 14 * 0.75, 24 - 14 * 0.75 ** 2]);
  });

  it("is not an average whose old and new value meet", async () => {
    const { ops, losses, w } = await run((w, x) => {
      const next = average(w, x);
      return { w: next, loss: tf.sum(tf.sub(next, w)) };
    });
    assert(!ops.includes("ResourceApplyProximalGradientDescent"));
    close(w, averaged);
    close(losses, [14 * 0.25, 14 * 0.25 * 0.75]);
  });

  it("is rows that are replaced after all others have read them", async () => {
    const { ops, losses, w } = await run((w, x) => {
      const row = tf.reshape(tf.tensor1d([1], "int32"), [-1, 1]);
      const rows = tf.tensorScatterUpdate(tf.reshape(w, [2, 2]), row, x) as Tensor;
      return { w: tf.reshape(rows, [2, 1, 2]), loss: tf.sum(tf.mul(w, w)) };
    });
    assertEquals(w, [1, 2, 5, 7]);
    assertEquals(losses, [30, 79]);
    assert(ops.includes("InplaceUpdate") && !ops.includes("AssignVariableOp"));
  });
});
