/** State of a training step as plain values, outside TensorFlow: what checkpoints hold. */

/** A tensor's values, row by row; an Int32Array is an int32 tensor, a Float32Array a float32 one. */
export interface TensorValues {
  readonly shape: readonly number[];
  readonly values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** State of a step by group and name. */
export type StateValues = { [group: string]: { [name: string]: TensorValues } };

/** A state of the same groups and names with something else in each place. */
export function mapState<From, To>(
  state: { [group: string]: { [name: string]: From } },
  of: (value: From, name: string, group: string) => To,
): { [group: string]: { [name: string]: To } } {
  const result: { [group: string]: { [name: string]: To } } = {};
  for (const [group, members] of Object.entries(state)) {
    result[group] = {};
    for (const [name, value] of Object.entries(members)) result[group][name] = of(value, name, group);
  }
  return result;
}

/** Name of the first tensor, as `group/name`, that holds a number that is not finite. */
export function firstNonFinite(state: StateValues): string | undefined {
  for (const [group, members] of Object.entries(state)) {
    for (const [name, { values }] of Object.entries(members)) {
      for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return `${group}/${name}`;
    }
  }
  return undefined;
}
