/**
 * Convolution and max-pool as PyTorch pads them: by (kernel - 1) / 2 on all sides, where TensorFlow's `same` pads
 * unevenly at stride 2. Written as TensorFlow's own operations, since tfjs would pad by an operation of its own,
 * forward and backward.
 */
import { attribute, type OpAttribute, rawOp, type Tensor, type Tensor4D, tf } from "./backend.ts";

type Save = (tensors: Tensor[]) => void;

/**
 * Convolution of [B, H, W, in] with a kernel [height, width, in, out].
 * @param isImage `x` is what the network is fed: its gradient, which nothing needs, is not computed
 */
export function convolve(x: Tensor4D, kernel: Tensor4D, stride: number, isImage = false): Tensor4D {
  const side = kernel.shape[0];
  // A 1x1 kernel reads every second pixel, which a pool of one pixel picks: of few channels (under 8, with AVX2),
  // oneDNN in TensorFlow 2.21 gives the kernel of a strided 1x1 convolution a wrong gradient.
  if (side === 1 && stride > 1) return convolve(tf.avgPool(x, 1, stride, "valid"), kernel, 1, isImage);
  const attributes = [
    attribute.type("T", "float32"),
    attribute.int("strides", [1, stride, stride, 1]),
    ...padding(side),
  ];
  const toKernel = (x: Tensor, dy: Tensor) =>
    rawOp("Conv2DBackpropFilter", attributes, [x, shapeOf(kernel), dy], 1)[0];
  const toInput = (kernel: Tensor, dy: Tensor) =>
    rawOp("Conv2DBackpropInput", attributes, [shapeOf(x), kernel, dy], 1)[0];
  const forward = () => rawOp("Conv2D", attributes, [x, kernel], 1)[0];
  if (isImage) {
    const convolution = tf.customGrad((...inputs) => {
      (inputs[1] as unknown as Save)([x]);
      return { value: forward(), gradFunc: (dy: Tensor, [x]: Tensor[]) => toKernel(x, dy) };
    });
    return convolution(kernel) as Tensor4D;
  }
  const convolution = tf.customGrad((...inputs) => {
    (inputs[2] as unknown as Save)([x, kernel]);
    const gradFunc = (dy: Tensor, [x, kernel]: Tensor[]) => [toInput(kernel, dy), toKernel(x, dy)];
    return { value: forward(), gradFunc };
  });
  return convolution(x, kernel) as Tensor4D;
}

/** Max-pool 3x3, stride 2. */
export function maxPool(x: Tensor4D): Tensor4D {
  const attributes = [
    attribute.type("T", "float32"),
    attribute.int("ksize", [1, 3, 3, 1]),
    attribute.int("strides", [1, 2, 2, 1]),
    ...padding(3),
  ];
  const pool = tf.customGrad((...inputs) => {
    const [y] = rawOp("MaxPool", attributes, [x], 1);
    (inputs[1] as unknown as Save)([x, y]);
    const gradFunc = (dy: Tensor, [x, y]: Tensor[]) => rawOp("MaxPoolGrad", attributes, [x, y, dy], 1)[0];
    return { value: y, gradFunc };
  });
  return pool(x) as Tensor4D;
}

function padding(kernel: number): OpAttribute[] {
  const side = (kernel - 1) / 2;
  if (side === 0) return [attribute.string("padding", "VALID")];
  const sides = [0, 0, side, side, side, side, 0, 0];
  return [attribute.string("padding", "EXPLICIT"), attribute.int("explicit_paddings", sides)];
}

function shapeOf({ shape }: Tensor): Tensor {
  return tf.tensor1d(shape, "int32");
}
