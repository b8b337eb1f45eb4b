/** A detector's words as TensorFlow's operations: in training by the batch, at rest by the running statistics. */
import { attribute, rawOp, type Tensor, type Tensor1D, type Tensor4D, tf } from "../engine/backend.ts";
import { convolve } from "../nets/convolution.ts";
import { type BatchStatistics, byBatch, byRunning, relu, type Weights } from "../nets/resnet.ts";
import { stopGradient } from "../nets/stop_gradient.ts";
import type { ConvolutionShape, Layers } from "./layers.ts";
import { windows } from "./plan.ts";

/** What a network's words are read with. */
export interface Reading {
  weights: Weights;
  /** Running statistics, and what `fixed` names. */
  statistics: Weights;
  /** Present in training: where the batch's statistics are kept, and what dropout draws from, int32 [2]. */
  training?: { collected: BatchStatistics; dropoutSeed?: Tensor1D };
}

/** Up to so many groups a convolution is done one by one; more of them are one product of many matrices. */
const SEPARATE_GROUPS = 8;

/** Reads a network's words as tensors [B, ...]. */
export function tensorLayers({ weights, statistics, training }: Reading): Layers<Tensor> {
  const normalize = training ? byBatch(weights, training.collected) : byRunning(weights, statistics);
  let dropouts = 0;
  const shape = (x: Tensor) => x.shape.slice(1);
  const unbatched = (x: Tensor) => tf.reshape(x, [1, ...x.shape]);
  const part = (x: Tensor, axis: number, from: number, size: number) => {
    const begin = x.shape.map((_, i) => i === axis ? from : 0);
    return tf.slice(x, begin, x.shape.map((side, i) => i === axis ? size : side));
  };
  return {
    shape,
    parameter: (name) => unbatched(weights[name]),
    fixed: (name) => unbatched(statistics[name]),
    constant: (values, shape) => tf.tensor(Float32Array.from(values), [1, ...shape]),
    convolve(x, name, { bias, groups = 1, ...rest }) {
      const kernel = weights[`${name}.weight`] as Tensor4D;
      const map = x as Tensor4D;
      let y: Tensor;
      if (groups === 1) y = plainConvolution(map, kernel, rest);
      else if (groups <= SEPARATE_GROUPS) {
        const [inputs, outputs] = [map.shape[3] / groups, kernel.shape[3] / groups];
        y = tf.concat(
          Array.from({ length: groups }, (_, g) =>
            plainConvolution(
              part(map, 3, g * inputs, inputs) as Tensor4D,
              part(kernel, 3, g * outputs, outputs) as Tensor4D,
              rest,
            )),
          3,
        );
      } else y = manyConvolutions(map, kernel, groups, rest);
      return bias ? tf.add(y, weights[`${name}.bias`]) : y;
    },
    batchNorm: (x, name) => normalize(x as Tensor4D, name),
    maxPool(x, kernel, stride, before = 0) {
      const around = shape(x).slice(0, 2).map((side): [number, number] => {
        const covered = (windows(side + before, kernel, stride) - 1) * stride + kernel;
        return [before, Math.max(0, covered - side - before)];
      });
      const isPadded = around.flat().some((zeros) => zeros > 0);
      const whole = isPadded ? tf.pad(x, [[0, 0], ...around, [0, 0]]) : x;
      return tf.maxPool(whole as Tensor4D, kernel, stride, "valid");
    },
    localResponse: (x, { radius, bias, alpha, beta }) =>
      tf.localResponseNormalization(x as Tensor4D, radius, bias, alpha, beta),
    dropout(x) {
      if (!training?.dropoutSeed) return x;
      const seed = tf.add(training.dropoutSeed, tf.tensor1d([0, dropouts++], "int32"));
      // Stateless: the same seed draws the same mask, so a run that goes on draws what an unbroken one does.
      const types = [
        attribute.type("dtype", "float32"),
        attribute.type("Tseed", "int32"),
        attribute.type("T", "int32"),
      ];
      const [draw] = rawOp("StatelessRandomUniform", types, [tf.tensor1d(x.shape, "int32"), seed], 1);
      return tf.mul(x, tf.mul(tf.cast(tf.greaterEqual(draw, 0.5), "float32"), 2));
    },
    add: (x, y) => tf.add(x, y),
    subtract: (x, y) => tf.sub(x, y),
    multiply: (x, y) => tf.mul(x, y),
    scale: (x, factor, offset = 0) => {
      const scaled = factor === 1 ? x : tf.mul(x, factor);
      return offset ? tf.add(scaled, offset) : scaled;
    },
    relu,
    sigmoid: (x) => tf.sigmoid(x),
    tanh: (x) => tf.tanh(x),
    absolute: (x) => tf.abs(x),
    isPositive: (x) => stopGradient(tf.cast(tf.greaterEqual(x, 0), "float32")),
    floor: (x) => stopGradient(tf.floor(x)),
    stop: stopGradient,
    reshape: (x, shape) => tf.reshape(x, [x.shape[0], ...shape]),
    transpose: (x, order) => tf.transpose(x, [0, ...order.map((axis) => axis + 1)]),
    concatenate: (xs, axis) => tf.concat([...xs], axis + 1),
    slice: (x, axis, from, size) => part(x, axis + 1, from, size),
    sum: (x, axis) => tf.sum(x, axis + 1),
    max: (x, axis) => tf.max(x, axis + 1),
    product: (x, y) => tf.matMul(x, y),
    project(x, matrix) {
      const [, inputs, outputs] = matrix.shape;
      const rows = tf.matMul(tf.reshape(x, [-1, inputs]), tf.reshape(matrix, [inputs, outputs]));
      return tf.reshape(rows, [...x.shape.slice(0, -1), outputs]);
    },
    toPatches(x, count) {
      const [height, width, channels] = shape(x);
      const [h, w] = [height / count, width / count];
      const cut = tf.transpose(tf.reshape(x, [-1, count, h, count, w, channels]), [0, 2, 4, 1, 3, 5]);
      return tf.reshape(cut, [-1, h, w, count * count * channels]);
    },
    fromPatches(x, count) {
      const [h, w, all] = shape(x), channels = all / count ** 2;
      const joined = tf.transpose(tf.reshape(x, [-1, h, w, count, count, channels]), [0, 3, 1, 4, 2, 5]);
      return tf.reshape(joined, [-1, count * h, count * w, channels]);
    },
  };
}

type Shape = Pick<ConvolutionShape, "kernel" | "stride" | "padding">;

function padded(x: Tensor4D, padding: number): Tensor4D {
  if (padding === 0) return x;
  return tf.pad(x, [[0, 0], [padding, padding], [padding, padding], [0, 0]]);
}

function plainConvolution(x: Tensor4D, kernel: Tensor4D, shape: Shape): Tensor {
  const { kernel: side, stride = 1, padding = (side - 1) / 2 } = shape;
  if (padding === (side - 1) / 2) return convolve(x, kernel, stride);
  return tf.conv2d(padded(x, padding), kernel, stride, "valid");
}

/** Convolutions of many groups at once: every place's neighbourhood [G, B h w, k k c] times [G, k k c, output / G]. */
function manyConvolutions(x: Tensor4D, kernel: Tensor4D, groups: number, shape: Shape): Tensor {
  const { kernel: side, stride = 1, padding = (side - 1) / 2 } = shape;
  const around = padded(x, padding);
  const [, height, width, all] = around.shape;
  const [h, w] = [height, width].map((length) => Math.floor((length - side) / stride) + 1);
  const channels = all / groups, outputs = kernel.shape[3] / groups;
  const shifted: Tensor[] = [];
  for (let dy = 0; dy < side; dy++) {
    for (let dx = 0; dx < side; dx++) {
      const extent = [(h - 1) * stride + 1, (w - 1) * stride + 1];
      const window = tf.slice(around, [0, dy, dx, 0], [around.shape[0], ...extent, all]);
      const picked = stride === 1
        ? window
        : tf.stridedSlice(window, [0, 0, 0, 0], window.shape, [1, stride, stride, 1]);
      shifted.push(tf.reshape(picked, [-1, groups, channels]));
    }
  }
  const places = tf.transpose(tf.concat(shifted, 2), [1, 0, 2]);
  const kernels = tf.transpose(tf.reshape(kernel, [side * side * channels, groups, outputs]), [1, 0, 2]);
  return tf.reshape(tf.transpose(tf.matMul(places, kernels), [1, 0, 2]), [-1, h, w, groups * outputs]);
}
