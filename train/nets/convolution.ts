/**
 * Convolution and max-pool as PyTorch pads them: by (kernel - 1) / 2 on all sides, where TensorFlow's `same` pads
 * unevenly at stride 2. Written as TensorFlow's own operations: forward, it can pad inside a convolution, which tfjs
 * does by an operation of its own; the gradients of a convolution padded so would not run on oneDNN but take twice as
 * long, so backward the padding is an operation after all.
 */
import { attribute, type OpAttribute, rawOp, type Tensor, type Tensor4D, tf } from "../engine/backend.ts";

type Save = (tensors: Tensor[]) => void;

/**
 * Convolution of [B, H, W, in] with a kernel [height, width, in, out].
 * @param isImage `x` is what the network is fed: its gradient, which nothing needs, is not computed
 */
export function convolve(x: Tensor4D, kernel: Tensor4D, stride: number, isImage = false): Tensor4D {
  const side = (kernel.shape[0] - 1) / 2;
  // A 1x1 kernel reads every second pixel, which a pool of one pixel picks: of few channels (under 8, with AVX2),
  // oneDNN in TensorFlow 2.21 gives the kernel of a strided 1x1 convolution a wrong gradient.
  if (side === 0 && stride > 1) return convolve(tf.avgPool(x, 1, stride, "valid"), kernel, 1, isImage);
  const isSame = stride === 1;
  const forward = () => {
    const attributes = isSame
      ? convolutionAttributes(1, "SAME")
      : [...convolutionAttributes(stride, "EXPLICIT"), explicitPaddings(side)];
    return rawOp("Conv2D", attributes, [x, kernel], 1)[0];
  };
  const backward = convolutionAttributes(stride, isSame ? "SAME" : "VALID");
  const toKernel = (padded: Tensor4D, dy: Tensor) =>
    rawOp("Conv2DBackpropFilter", backward, [padded, shapeTensor(kernel.shape), dy], 1)[0];
  const padded = (x: Tensor4D) => isSame ? x : pad(x, side);

  if (isImage) {
    const convolution = tf.customGrad((...inputs) => {
      (inputs[1] as unknown as Save)([x]);
      return {
        value: forward(),
        gradFunc: (dy: Tensor, [x]: Tensor[]) => toKernel(padded(x as Tensor4D), dy),
      };
    });
    return convolution(kernel) as Tensor4D;
  }
  const toInput = (kernel: Tensor, dy: Tensor) => {
    const [batch, height, width, channels] = x.shape;
    const margin = isSame ? 0 : 2 * side;
    const shape = [batch, height + margin, width + margin, channels];
    const [gradient] = rawOp("Conv2DBackpropInput", backward, [shapeTensor(shape), kernel, dy], 1);
    return isSame ? gradient : tf.slice(gradient, [0, side, side, 0], x.shape);
  };
  const convolution = tf.customGrad((...inputs) => {
    (inputs[2] as unknown as Save)([x, kernel]);
    const gradFunc = (dy: Tensor, [x, kernel]: Tensor[]) => [
      toInput(kernel, dy),
      toKernel(padded(x as Tensor4D), dy),
    ];
    return { value: forward(), gradFunc };
  });
  return convolution(x, kernel) as Tensor4D;
}

/** Max-pool 3x3, stride 2, of activations behind a ReLU: the zeros around them are below none. */
export function maxPool(x: Tensor4D): Tensor4D {
  return tf.maxPool(pad(x, 1), 3, 2, "valid");
}

function pad(x: Tensor4D, side: number): Tensor4D {
  return tf.pad(x, [[0, 0], [side, side], [side, side], [0, 0]]);
}

function convolutionAttributes(stride: number, padding: "SAME" | "VALID" | "EXPLICIT"): OpAttribute[] {
  return [
    attribute.type("T", "float32"),
    attribute.int("strides", [1, stride, stride, 1]),
    attribute.string("padding", padding),
  ];
}

function explicitPaddings(side: number): OpAttribute {
  return attribute.int("explicit_paddings", [0, 0, side, side, side, side, 0, 0]);
}

function shapeTensor(shape: readonly number[]): Tensor {
  return tf.tensor1d([...shape], "int32");
}
