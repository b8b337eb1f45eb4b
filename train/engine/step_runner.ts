/**
 * Runs a training step again and again with its state inside: feeds go in, losses come out.
 *
 * A step is a pure function of tensors (see `emoco.ts`). It runs eagerly, one operation after another through tfjs, or
 * traced, as one TensorFlow graph (`trace.ts`). Both look the same from outside, so a program chooses by a flag.
 */
import { mapState, type TensorValues } from "../runs/tensor_values.ts";
import { type Tensor, tf } from "./backend.ts";
import {
  checkFilled,
  checkSameState,
  type StateTensors,
  type StepRunner,
  toTensor,
  toTensors,
} from "./state_values.ts";
import type { Recordable } from "./trace.ts";
import { openTraced, type TraceOptions } from "./traced_runner.ts";

/** A pure step: it returns a new state of the same names and shapes, and its losses, and changes nothing. */
export type StepFunction<State, Feed extends string, Loss extends string> = (
  state: State,
  // deno-lint-ignore no-explicit-any -- a step declares the rank of each feed; what is fed has the rank of its shape
  feeds: { [name in Feed]: any },
) => { state: State; losses: { [name in Loss]: Tensor } };

/**
 * Opens a step with the given state, whose tensors belong to the runner from now on.
 * @throws {Error} from the first run of a traced step, when something in it cannot be traced
 */
export function openStepRunner<State extends StateTensors, Feed extends string, Loss extends string>(
  step: StepFunction<State, Feed, Loss>,
  state: State,
  { eager = false, ...options }: { eager?: boolean } & TraceOptions = {},
): StepRunner<Feed, Loss> {
  if (eager) return openEager(step, state);
  const values = mapState(state, valuesOf);
  for (const group of Object.values(state)) tf.dispose(group);
  const runner: unknown = openTraced(step as unknown as Recordable, values, options);
  return runner as StepRunner<Feed, Loss>;
}

function openEager<State extends StateTensors, Feed extends string, Loss extends string>(
  step: StepFunction<State, Feed, Loss>,
  initial: State,
): StepRunner<Feed, Loss> {
  let state = initial;
  const dispose = (tensors: StateTensors) => Object.values(tensors).forEach((group) => tf.dispose(group));
  return {
    async run(feeds) {
      for (const [name, feed] of Object.entries<TensorValues>(feeds)) checkFilled(`feed "${name}"`, feed);
      const { feeds: tensors } = mapState({ feeds }, toTensor);
      const next = tf.tidy(() => step(state, tensors as { [name in Feed]: Tensor }));
      tf.dispose(tensors);
      dispose(state);
      state = next.state;
      const losses: { [name: string]: unknown } = {};
      for (const [name, loss] of Object.entries<Tensor>(next.losses)) losses[name] = await loss.data();
      tf.dispose(next.losses);
      return losses as { [name in Loss]: Float32Array<ArrayBuffer> };
    },
    readState(...groups) {
      const wanted = Object.entries(state).filter(([group]) => !groups.length || groups.includes(group));
      return Promise.resolve(mapState(Object.fromEntries(wanted), valuesOf));
    },
    writeState(values) {
      checkSameState(values, state);
      dispose(state);
      state = toTensors(values) as State;
      return Promise.resolve();
    },
    dispose() {
      dispose(state);
    },
  };
}

function valuesOf(tensor: Tensor): TensorValues {
  return { shape: tensor.shape, values: tensor.dataSync().slice() as TensorValues["values"] };
}
