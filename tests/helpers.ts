/** Plain reference maths and the fixtures of `tests/reference`, shared by the tests. No tensors here. */

/** A tensor of a fixture: its values and shape. */
export interface FixtureTensor {
  values: Float32Array<ArrayBuffer>;
  shape: number[];
}

/** One fixture: tensors by name, and what `save` in `tests/reference/emoco.py` put beside them. */
export interface Fixture {
  tensors: Record<string, FixtureTensor>;
  // deno-lint-ignore no-explicit-any -- JSON that each test knows the shape of
  metadata: Record<string, any>;
}

/** Reads `tests/fixtures/reference/<name>.safetensors`; all values become float32, which holds each of them exactly. */
export function readFixture(name: string): Fixture {
  const bytes = Deno.readFileSync(new URL(`./fixtures/reference/${name}.safetensors`, import.meta.url));
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, { dtype: keyof typeof ARRAYS; shape: number[]; data_offsets: number[] }> = JSON
    .parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const { __metadata__: texts, ...entries } = header as typeof header & { __metadata__: never };
  return {
    tensors: Object.fromEntries(
      Object.entries(entries).map(([key, { dtype, shape, data_offsets: [from, to] }]) => {
        const values = new Float32Array(new ARRAYS[dtype](bytes.slice(start + from, start + to).buffer));
        return [key, { values, shape }];
      }),
    ),
    metadata: Object.fromEntries(
      Object.entries<string>(texts).map(([key, text]) => [key, JSON.parse(text)]),
    ),
  };
}

const ARRAYS = { F32: Float32Array, F16: Float16Array, I32: Int32Array, U8: Uint8Array };

/** Inner product in float64. */
export function dot(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i] * other[i];
  return sum;
}

/** Cosine of the angle between two vectors; 0 when one of them is 0. */
export function cosineOf(one: ArrayLike<number>, other: ArrayLike<number>): number {
  return dot(one, other) / (Math.sqrt(dot(one, one) * dot(other, other)) || 1);
}

/** |one - other| / |other|. */
export function relativeError(one: ArrayLike<number>, other: ArrayLike<number>): number {
  const difference = Float64Array.from(one, (value, i) => value - other[i]);
  return Math.sqrt(dot(difference, difference) / dot(other, other));
}

/** A vector at unit length. */
export function unit(vector: ArrayLike<number>): number[] {
  const length = Math.sqrt(dot(vector, vector));
  return Array.from(vector, (value) => value / length);
}

/** Eq. 4 for one vector. */
export function towards(vector: ArrayLike<number>, prototype: ArrayLike<number>): number[] {
  return unit(Array.from(vector, (value, i) => value - prototype[i]));
}

/** log(sum(exp(values))). */
export function logSumExp(values: readonly number[]): number {
  const most = Math.max(...values);
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0));
}

/** Central differences of a function of a vector. */
export function slope(of: (at: Float32Array) => number, at: Float32Array, width: number): Float64Array {
  return Float64Array.from(at, (value, i) => {
    const moved = at.slice();
    moved[i] = value + width;
    const above = of(moved), upper = moved[i];
    moved[i] = value - width;
    return (above - of(moved)) / (upper - moved[i]);
  });
}
