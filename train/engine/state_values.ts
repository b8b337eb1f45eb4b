/** State and feeds of a training step as tensors, and what a step looks like that has its state inside. */
import { mapState, type StateValues, type TensorValues } from "../runs/tensor_values.ts";
import { type Tensor, tf } from "./backend.ts";

/** State of a step by group and name, as tensors. */
export type StateTensors = { [group: string]: { [name: string]: Tensor } };

/** What a step is fed, by name. */
export type FeedValues<Feed extends string = string> = { [name in Feed]: TensorValues };

/** A step with its state inside. One call at a time: await each before the next. */
export interface StepRunner<Feed extends string = string, Loss extends string = string> {
  /**
   * One step. Feeds of new shapes, such as a smaller last batch, are accepted.
   * @returns the values of every loss, a scalar's at [0]
   * @throws {Error} when a feed does not fill its shape
   */
  run(feeds: FeedValues<Feed>): Promise<{ [name in Loss]: Float32Array<ArrayBuffer> }>;
  /** A copy of the state, or of the named groups only. */
  readState(...groups: string[]): Promise<StateValues>;
  /**
   * Replaces the state, as on resume.
   * @throws {Error} naming the first tensor that is missing, unknown or of another shape
   */
  writeState(state: StateValues): Promise<void>;
  /** Frees the state. */
  dispose(): void;
}

/** A tensor of the given values; the caller disposes. */
export function toTensor({ values, shape }: TensorValues): Tensor {
  return tf.tensor(values, [...shape], values instanceof Int32Array ? "int32" : "float32");
}

/** Tensors of the given values; the caller disposes. */
export function toTensors(state: StateValues): StateTensors {
  return mapState(state, toTensor);
}

/** @throws {Error} when there are more or fewer values than the shape holds */
export function checkFilled(what: string, { values, shape }: TensorValues): void {
  const size = shape.reduce((product, side) => product * side, 1);
  if (size !== values.length) {
    throw new Error(`The ${what} has ${values.length} values; its shape [${shape}] holds ${size}.`);
  }
}

/** @throws {Error} naming the first tensor in which a given state differs from what a step holds */
export function checkSameState(
  given: StateValues,
  held: { [group: string]: { [name: string]: { shape: readonly number[] } } },
): void {
  for (const group of new Set([...Object.keys(held), ...Object.keys(given)])) {
    for (const name of new Set([...Object.keys(held[group] ?? {}), ...Object.keys(given[group] ?? {})])) {
      const [ours, theirs] = [held[group]?.[name], given[group]?.[name]];
      if (!theirs) throw new Error(`The state lacks the tensor "${name}" of "${group}".`);
      if (!ours) {
        throw new Error(`The state has a tensor "${name}" of "${group}", which this step does not know.`);
      }
      if (`${ours.shape}` !== `${theirs.shape}`) {
        throw new Error(
          `The tensor "${name}" of "${group}" has the shape [${theirs.shape}]; this step keeps it as [${ours.shape}].`,
        );
      }
      checkFilled(`tensor "${name}" of "${group}"`, theirs);
    }
  }
}

/** @throws {Error} when a step's new state lacks a name of the old one or has another */
export function checkSameNames(
  next: StateTensors,
  state: { [group: string]: { [name: string]: unknown } },
): void {
  for (const group of new Set([...Object.keys(state), ...Object.keys(next)])) {
    for (const name of new Set([...Object.keys(state[group] ?? {}), ...Object.keys(next[group] ?? {})])) {
      if (!next[group]?.[name]) throw new Error(`The step returns a state without "${name}" of "${group}".`);
      if (!state[group]?.[name]) {
        throw new Error(`The step returns a state with a new tensor "${name}" of "${group}".`);
      }
    }
  }
}
