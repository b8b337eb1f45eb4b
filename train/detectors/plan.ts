/** A detector's words as shapes: what weights it has, how they start, and what a face costs. Nothing is computed. */
import { tf } from "../engine/backend.ts";
import type { Weights } from "../nets/resnet.ts";
import { normal, type Random } from "../runs/random.ts";
import type { Layers, Start } from "./layers.ts";

type Shape = readonly number[];

/** What a network is made of. */
export interface Plan {
  parameters: Map<string, { shape: Shape; start: Start }>;
  /** Running statistics with the number they start at. */
  statistics: Map<string, { shape: Shape; start: number }>;
  /** Names and shapes of what `fixed` asks for. */
  fixed: Map<string, Shape>;
  /** Products of weights or of one another, a face and forward: multiply-adds. */
  multiplyAdds: number;
}

/** Walks a network over the shapes of its inputs. */
export function planOf(network: (l: Layers<Shape>) => unknown): Plan {
  const plan: Plan = { parameters: new Map(), statistics: new Map(), fixed: new Map(), multiplyAdds: 0 };
  network(shapeLayers(plan));
  return plan;
}

/** How many weights are learnt. */
export function countParameters({ parameters }: Plan): number {
  return [...parameters.values()].reduce((sum, { shape }) => sum + size(shape), 0);
}

/** Fresh weights, each drawn in the order in which the network names them. */
export function initWeights({ parameters }: Plan, random: Random): Weights {
  const weights: Weights = {};
  for (const [name, { shape, start }] of parameters) {
    const draw = typeof start === "number"
      ? () => start
      : "bound" in start
      ? () => start.bound * (2 * random() - 1)
      : () => start.deviation * normal(random);
    weights[name] = tf.tensor(Float32Array.from({ length: size(shape) }, draw), [...shape]);
  }
  return weights;
}

/** Running statistics of a fresh network, and what it is given as fixed. @throws {Error} a fixed part is not given */
export function initStatistics(plan: Plan, given: { [name: string]: Float32Array }): Weights {
  const statistics: Weights = {};
  for (const [name, { shape, start }] of plan.statistics) statistics[name] = tf.fill([...shape], start);
  for (const [name, shape] of plan.fixed) {
    if (!given[name]) throw new Error(`The network reads "${name}", which it is not given.`);
    statistics[name] = tf.tensor(given[name], [...shape]);
  }
  return statistics;
}

function shapeLayers(plan: Plan): Layers<Shape> {
  const same = (x: Shape) => x;
  const parameter = (name: string, shape: Shape, start: Start) => {
    const known = plan.parameters.get(name);
    if (known && `${known.shape}` !== `${shape}`) throw new Error(`"${name}" is named with two shapes.`);
    plan.parameters.set(name, { shape, start });
    return shape;
  };
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new Error(sentence);
  };
  return {
    shape: same,
    parameter,
    fixed(name, shape) {
      plan.fixed.set(name, shape);
      return shape;
    },
    constant: (_, shape) => shape,
    convolve([height, width, channels], name, { output, kernel, stride = 1, padding, groups = 1, bias }) {
      const around = 2 * (padding ?? (kernel - 1) / 2);
      const [h, w] = [height, width].map((side) => Math.floor((side + around - kernel) / stride) + 1);
      demand(h > 0 && w > 0, `The kernel of "${name}" is larger than its map of ${height} x ${width}.`);
      demand(
        channels % groups === 0 && output % groups === 0,
        `"${name}" cannot be cut into ${groups} groups.`,
      );
      const deviation = Math.sqrt(2 / (kernel ** 2 * output / groups)); // He et al., 2015, as torchvision
      parameter(`${name}.weight`, [kernel, kernel, channels / groups, output], { deviation });
      if (bias) parameter(`${name}.bias`, [output], 0);
      plan.multiplyAdds += h * w * kernel ** 2 * channels / groups * output;
      return [h, w, output];
    },
    batchNorm(x, name) {
      const shape = [x[2]];
      parameter(`${name}.weight`, shape, 1);
      parameter(`${name}.bias`, shape, 0);
      plan.statistics.set(`${name}.running_mean`, { shape, start: 0 });
      plan.statistics.set(`${name}.running_var`, { shape, start: 1 });
      return x;
    },
    maxPool: ([height, width, channels], kernel, stride, before = 0) => [
      ...[height, width].map((side) => windows(side + before, kernel, stride)),
      channels,
    ],
    localResponse: same,
    dropout: same,
    add: broadcast,
    subtract: broadcast,
    multiply: broadcast,
    scale: same,
    relu: same,
    sigmoid: same,
    tanh: same,
    absolute: same,
    isPositive: same,
    floor: same,
    stop: same,
    reshape(x, shape) {
      demand(size(x) === size(shape), `[${x}] cannot become [${shape}].`);
      return shape;
    },
    transpose: (x, order) => order.map((axis) => x[axis]),
    concatenate: (xs, axis) =>
      xs[0].map((side, i) => i === axis ? xs.reduce((sum, x) => sum + x[axis], 0) : side),
    slice: (x, axis, _, length) => x.map((side, i) => i === axis ? length : side),
    sum: without,
    max: without,
    product(x, y) {
      demand(x.at(-1) === y.at(-2), `[${x}] and [${y}] have no product.`);
      plan.multiplyAdds += size(x) * y.at(-1)!;
      return [...x.slice(0, -1), y.at(-1)!];
    },
    project(x, matrix) {
      demand(x.at(-1) === matrix[0], `[${x}] does not fit a matrix [${matrix}].`);
      plan.multiplyAdds += size(x) * matrix[1];
      return [...x.slice(0, -1), matrix[1]];
    },
    toPatches([height, width, channels], count) {
      demand(
        height % count === 0 && width % count === 0,
        `${height} x ${width} is no whole number of ${count} patches.`,
      );
      return [height / count, width / count, count ** 2 * channels];
    },
    fromPatches: ([h, w, all], count) => [count * h, count * w, all / count ** 2],
  };
}

/** How many windows of a pool a side has, the last of which may reach over the edge. */
export function windows(side: number, kernel: number, stride: number): number {
  return Math.max(1, Math.ceil((side - kernel) / stride) + 1);
}

function broadcast(x: Shape, y: Shape): Shape {
  const [long, short] = x.length >= y.length ? [x, y] : [y, x];
  const ahead = long.length - short.length;
  return long.map((side, i) => {
    const other = i < ahead ? 1 : short[i - ahead];
    if (side !== other && side !== 1 && other !== 1) throw new Error(`[${x}] and [${y}] do not fit.`);
    return Math.max(side, other);
  });
}

function without(x: Shape, axis: number): Shape {
  return x.filter((_, i) => i !== axis);
}

function size(shape: Shape): number {
  return shape.reduce((product, side) => product * side, 1);
}
