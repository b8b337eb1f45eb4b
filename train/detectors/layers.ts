/**
 * The words in which a detector is written: each says what to do with values of which nothing else is known. So one
 * description of a network is read three ways: as tensors (`tensor_layers.ts`), as shapes, which gives its first weights
 * and its cost (`plan.ts`), and as an ONNX graph (`units/onnx_layers.ts`).
 *
 * The room `detectors`: the supervised detectors of the paper's tables, one file each, and the parts that several of them
 * share; it imports `engine`, `nets`, and `runs` for random streams.
 *
 * A shape is that of one face: the batch comes before it and is never named. Maps are [height, width, channels].
 */

/** A convolution with a square kernel. */
export interface ConvolutionShape {
  /** Channels that come out. */
  output: number;
  kernel: number;
  stride?: number;
  /** Zeros on every side; (kernel - 1) / 2 unless given. */
  padding?: number;
  /** Parts of the channels that see only themselves, each with a kernel of its own. */
  groups?: number;
  /** Whether it adds a number a channel; not before a batch norm. */
  bias?: boolean;
}

/** Krizhevsky's normalisation over `2 radius + 1` neighbouring channels: x / (bias + alpha sum x^2)^beta. */
export interface LocalResponse {
  radius: number;
  bias: number;
  alpha: number;
  beta: number;
}

/** How a parameter starts: all at one number, or drawn evenly from +-bound, or normal of a deviation. */
export type Start = number | { bound: number } | { deviation: number };

/** A network's words over values `X`. */
export interface Layers<X> {
  shape(x: X): readonly number[];

  /** A parameter that is learnt; it has no batch and is repeated over it. */
  parameter(name: string, shape: readonly number[], start: Start): X;
  /** Numbers that belong to the model and are not learnt, such as a graph between units. */
  fixed(name: string, shape: readonly number[]): X;
  constant(values: ArrayLike<number>, shape: readonly number[]): X;

  /** `<name>.weight` [kernel, kernel, channels / groups, output], and `<name>.bias` where it has one. */
  convolve(x: X, name: string, shape: ConvolutionShape): X;
  /** Of a map, by channel: `<name>.weight`, `<name>.bias`, `<name>.running_mean` and `<name>.running_var`. */
  batchNorm(x: X, name: string): X;
  /**
   * Of values of at least 0; the last window may reach over the edge, as Caffe rounds.
   * @param before zeros above and to the left; 0 unless given
   */
  maxPool(x: X, kernel: number, stride: number, before?: number): X;
  localResponse(x: X, shape: LocalResponse): X;
  /** In training each value is 0 with a chance of one half, else doubled; else nothing happens. */
  dropout(x: X): X;

  /** Sums and products repeat a side of 1 over the other's. */
  add(x: X, y: X): X;
  subtract(x: X, y: X): X;
  multiply(x: X, y: X): X;
  /** factor x + offset */
  scale(x: X, factor: number, offset?: number): X;
  relu(x: X): X;
  sigmoid(x: X): X;
  tanh(x: X): X;
  absolute(x: X): X;

  /** 1 where x is at least 0, else 0; without gradient, as the next two. */
  isPositive(x: X): X;
  floor(x: X): X;
  /** The value, through which no gradient passes. */
  stop(x: X): X;

  reshape(x: X, shape: readonly number[]): X;
  /** @param order of the axes, the batch left out: [1, 0] turns a matrix */
  transpose(x: X, order: readonly number[]): X;
  concatenate(xs: readonly X[], axis: number): X;
  slice(x: X, axis: number, from: number, size: number): X;
  sum(x: X, axis: number): X;
  max(x: X, axis: number): X;
  /** [..., n, k] and [..., k, m] of the same first sides. */
  product(x: X, y: X): X;
  /** The last axis through a matrix without batch: [..., k] and [k, m]. */
  project(x: X, matrix: X): X;

  /** A map cut into count x count patches, which become groups of channels: [h / count, w / count, count^2 C]. */
  toPatches(x: X, count: number): X;
  /** The map that `toPatches` has cut. */
  fromPatches(x: X, count: number): X;
}

/** A fully connected layer of the last axis: `<name>.weight` [inputs, outputs] and `<name>.bias`. */
export function dense<X>(l: Layers<X>, x: X, name: string, outputs: number): X {
  const inputs = l.shape(x).at(-1)!;
  const start = { bound: 1 / Math.sqrt(inputs) }; // PyTorch's
  const weight = l.parameter(`${name}.weight`, [inputs, outputs], start);
  return l.add(l.project(x, weight), l.parameter(`${name}.bias`, [outputs], start));
}

/** All of a face's numbers in one row. */
export function flatten<X>(l: Layers<X>, x: X): X {
  return l.reshape(x, [l.shape(x).reduce((product, side) => product * side, 1)]);
}

/** Mean over height and width of a map: [C]. */
export function pool<X>(l: Layers<X>, x: X): X {
  const [height, width] = l.shape(x);
  return l.scale(l.sum(l.sum(x, 0), 0), 1 / (height * width));
}
