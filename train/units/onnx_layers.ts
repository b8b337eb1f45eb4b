/**
 * A detector's words as an ONNX graph. Maps stand there as [N, C, H, W] where an operation wants them so, and are turned
 * only where one of another kind follows.
 */
import { tf } from "../engine/backend.ts";
import type { Layers, Start } from "../detectors/layers.ts";
import { windows } from "../detectors/plan.ts";
import type { Weights } from "../nets/resnet.ts";
import type { GraphWriter } from "./onnx_graph.ts";

/** A value of the graph. */
export interface Value {
  name: string;
  /** Of one face. */
  shape: readonly number[];
  /** Whether it lies there as [N, C, H, W]. */
  isMap: boolean;
  /** Whether it has no batch: a side of 1 stands in its place. */
  isFixed: boolean;
}

/** The attributes of a square window. */
const window = (kernel: number, stride: number) => ({
  "kernel_shape": [kernel, kernel],
  strides: [stride, stride],
});

/** Axes of a map [H, W, C] in [N, C, H, W]. */
const MAP_AXES = [2, 3, 1];

/** Reads a network's words as nodes of `graph`, with the given weights, statistics and fixed parts. */
export function onnxLayers(graph: GraphWriter, weights: Weights, statistics: Weights): Layers<Value> {
  const known = new Map<string, Value>();
  let count = 0;
  const make = (name: string, shape: readonly number[], isMap = false, isFixed = false): Value => ({
    name,
    shape,
    isMap,
    isFixed,
  });
  const once = (name: string, of: () => Value) => {
    if (!known.has(name)) known.set(name, of());
    return known.get(name)!;
  };
  const constant = (name: string, values: Float32Array, shape: readonly number[]) =>
    make(graph.constant(name, [1, ...shape], values), shape, false, true);
  const number = (value: number) =>
    once(`number ${value}`, () => make(graph.constant(`number ${value}`, [], Float32Array.of(value)), []))
      .name;
  const read = (name: string) => (weights[name] ?? statistics[name]).dataSync() as Float32Array;
  const vector = (name: string) =>
    once(`${name} as is`, () => {
      const values = read(name);
      return make(graph.constant(name, [values.length], values), [values.length]);
    }).name;

  const turn = (x: Value, order: readonly number[]) => graph.node("Transpose", [x.name], { perm: order });
  const asMap = (x: Value) => x.isMap ? x : { ...x, name: turn(x, [0, 3, 1, 2]), isMap: true };
  const asPlain = (x: Value) => x.isMap ? { ...x, name: turn(x, [0, 2, 3, 1]), isMap: false } : x;
  const batch = ({ isFixed }: Value) => isFixed ? 1 : -1;
  const reshape = (x: Value, shape: readonly number[]) => {
    const plain = asPlain(x);
    return { ...plain, name: graph.reshape(plain.name, `shape${count++}`, [batch(x), ...shape]), shape };
  };
  const unary = (op: string) => (x: Value): Value => ({ ...x, name: graph.node(op, [x.name]) });
  const binary = (op: string) => (x: Value, y: Value): Value => {
    const inMaps = x.shape.length === 3 && y.shape.length === 3 && (x.isMap || y.isMap);
    const [one, other] = inMaps ? [asMap(x), asMap(y)] : [asPlain(x), asPlain(y)];
    const [long, short] = x.shape.length >= y.shape.length ? [x.shape, y.shape] : [y.shape, x.shape];
    const ahead = long.length - short.length;
    const shape = long.map((side, i) => i < ahead ? side : Math.max(side, short[i - ahead]));
    return {
      name: graph.node(op, [one.name, other.name]),
      shape,
      isMap: inMaps,
      isFixed: x.isFixed && y.isFixed,
    };
  };
  const axisOf = (x: Value, axis: number) => x.isMap ? MAP_AXES[axis] : axis + 1;
  const ints = (...values: number[]) => graph.integers(`ints${count++}`, values);
  return {
    shape: ({ shape }) => shape,
    parameter: (name, shape, _: Start) => once(name, () => constant(`${name}.whole`, read(name), shape)),
    fixed: (name, shape) => once(name, () => constant(`${name}.whole`, read(name), shape)),
    constant: (values, shape) => constant(`constant${count++}`, Float32Array.from(values), shape),
    convolve(x, name, { output, kernel, stride = 1, padding = (kernel - 1) / 2, groups = 1, bias }) {
      const weight = once(`${name} kernel`, () => {
        const turned = tf.tidy(() => tf.transpose(weights[`${name}.weight`], [3, 2, 0, 1]));
        const values = turned.dataSync() as Float32Array;
        turned.dispose();
        return make(graph.constant(`${name}.weight`, turned.shape, values), turned.shape);
      });
      const [height, width] = x.shape.map((side) => Math.floor((side + 2 * padding - kernel) / stride) + 1);
      const inputs = [asMap(x).name, weight.name, ...(bias ? [vector(`${name}.bias`)] : [])];
      const attributes = {
        ...window(kernel, stride),
        pads: [padding, padding, padding, padding],
        group: groups,
      };
      return make(graph.node("Conv", inputs, attributes), [height, width, output], true);
    },
    batchNorm(x, name) {
      const parts = ["weight", "bias", "running_mean", "running_var"].map((part) =>
        vector(`${name}.${part}`)
      );
      return { ...asMap(x), name: graph.node("BatchNormalization", [asMap(x).name, ...parts]) };
    },
    maxPool(x, kernel, stride, before = 0) {
      const [h, w] = x.shape.map((side) => windows(side + before, kernel, stride));
      const after = [h, w].map((count, i) =>
        Math.max(0, (count - 1) * stride + kernel - x.shape[i] - before)
      );
      const pads = [before, before, ...after];
      let map = asMap(x).name;
      // Padded by zeros first: onnxruntime refuses paddings that are no smaller than the kernel.
      if (pads.some((zeros) => zeros > 0)) {
        map = graph.node("Pad", [map, ints(0, 0, before, before, 0, 0, ...after)]);
      }
      return make(graph.node("MaxPool", [map], window(kernel, stride)), [h, w, x.shape[2]], true);
    },
    localResponse(x, { radius, bias, alpha, beta }) {
      const size = 2 * radius + 1; // by which ONNX divides alpha
      const whole = graph.cast(asMap(x).name, "float32");
      const done = graph.node("LRN", [whole], { size }, undefined, { alpha: alpha * size, beta, bias });
      return make(graph.cast(done, graph.precision), x.shape, true);
    },
    dropout: (x) => x,
    add: binary("Add"),
    subtract: binary("Sub"),
    multiply: binary("Mul"),
    scale(x, factor, offset = 0) {
      let { name } = x;
      if (factor !== 1) name = graph.node("Mul", [name, number(factor)]);
      if (offset) name = graph.node("Add", [name, number(offset)]);
      return { ...x, name };
    },
    relu: unary("Relu"),
    sigmoid: unary("Sigmoid"),
    tanh: unary("Tanh"),
    absolute: unary("Abs"),
    isPositive(x) {
      const holds = graph.node("GreaterOrEqual", [x.name, number(0)]);
      return { ...x, name: graph.node("Where", [holds, number(1), number(0)]) };
    },
    floor: unary("Floor"),
    stop: (x) => x,
    reshape,
    transpose(x, order) {
      const plain = asPlain(x);
      const name = turn(plain, [0, ...order.map((axis) => axis + 1)]);
      return { ...plain, name, shape: order.map((axis) => x.shape[axis]) };
    },
    concatenate(xs, axis) {
      const inMaps = xs.every(({ isMap }) => isMap);
      const all = inMaps ? xs : xs.map(asPlain);
      const length = xs.reduce((sum, { shape }) => sum + shape[axis], 0);
      const shape = xs[0].shape.map((side, i) => i === axis ? length : side);
      const name = graph.node("Concat", all.map(({ name }) => name), { axis: axisOf(all[0], axis) });
      return { ...all[0], name, shape };
    },
    slice(x, axis, from, size) {
      const cut = [x.name, ints(from), ints(from + size), ints(axisOf(x, axis))];
      return {
        ...x,
        name: graph.node("Slice", cut),
        shape: x.shape.map((side, i) => i === axis ? size : side),
      };
    },
    sum(x, axis) {
      const name = graph.node("ReduceSum", [asPlain(x).name, ints(axis + 1)], { keepdims: 0 });
      return { ...asPlain(x), name, shape: x.shape.filter((_, i) => i !== axis) };
    },
    max(x, axis) {
      const name = graph.node("ReduceMax", [asPlain(x).name], { axes: [axis + 1], keepdims: 0 });
      return { ...asPlain(x), name, shape: x.shape.filter((_, i) => i !== axis) };
    },
    product(x, y) {
      const name = graph.node("MatMul", [asPlain(x).name, asPlain(y).name]);
      return make(name, [...x.shape.slice(0, -1), y.shape.at(-1)!]);
    },
    project(x, matrix) {
      // Without the side of 1 that stands for a batch.
      const bare = graph.reshape(matrix.name, `shape${count++}`, [...matrix.shape]);
      const name = graph.node("MatMul", [asPlain(x).name, bare]);
      return { ...asPlain(x), name, shape: [...x.shape.slice(0, -1), matrix.shape[1]] };
    },
    toPatches(x, patches) {
      const [height, width, channels] = x.shape, [h, w] = [height / patches, width / patches];
      const cut = graph.reshape(asMap(x).name, `shape${count++}`, [-1, channels, patches, h, patches, w]);
      const turned = graph.node("Transpose", [cut], { perm: [0, 2, 4, 1, 3, 5] });
      const all = patches ** 2 * channels;
      return make(graph.reshape(turned, `shape${count++}`, [-1, all, h, w]), [h, w, all], true);
    },
    fromPatches(x, patches) {
      const [h, w, all] = x.shape, channels = all / patches ** 2;
      const cut = graph.reshape(asMap(x).name, `shape${count++}`, [-1, patches, patches, channels, h, w]);
      const turned = graph.node("Transpose", [cut], { perm: [0, 3, 1, 4, 2, 5] });
      const shape = [patches * h, patches * w, channels];
      return make(graph.reshape(turned, `shape${count++}`, [-1, channels, shape[0], shape[1]]), shape, true);
    },
  };
}
