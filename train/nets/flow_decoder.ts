/** The decoder of FAb-Net and TCAE: a vector unfolds to a map of the picture's size, doubled stage by stage. */
import {
  attribute,
  rawOp,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../engine/backend.ts";
import type { Random } from "../runs/random.ts";
import { convolve } from "./convolution.ts";
import { type Normalize, relu, type Weights } from "./resnet.ts";

/** What a decoder is built from. */
export interface FlowDecoder {
  /** Prefix of its weights' names. */
  name: string;
  /** Numbers that go in. */
  inputs: number;
  /** Side of the map in pixels: one that is 16 times a whole number or more. */
  side: number;
  /** Channels of the last hidden stage; the first ones have eight times as many (FAb-Net: 32 at 256 px). */
  channels: number;
  /** Channels of the map. */
  outputs: number;
}

/** One stage: enlarged `factor` times, then a 3x3 convolution. */
interface Stage {
  name: string;
  factor: number;
  inputs: number;
  outputs: number;
  isLast: boolean;
}

/**
 * The stages: all double, but the first takes up what in the side is no power of two (96 = 3 x 2^5). The last four have
 * 4c, 2c, c and the map's channels, those before them 8c (FAb-Net: 8c 8c 8c 8c 4c 2c c from 1 to 256 px).
 */
function stagesOf({ name, inputs, side, channels, outputs }: FlowDecoder): Stage[] {
  const factors: number[] = [];
  let rest = side;
  while (rest % 2 === 0) {
    factors.push(2);
    rest /= 2;
  }
  if (rest > 1) factors.unshift(rest);
  const widths = [...factors.slice(4).map(() => 8 * channels), 4 * channels, 2 * channels, channels, outputs];
  return factors.map((factor, i) => ({
    name: `${name}.${i}`,
    factor,
    inputs: i ? widths[i - 1] : inputs,
    outputs: widths[i],
    isLast: i === factors.length - 1,
  }));
}

/** Fresh weights, PyTorch's default: uniform in +-1/sqrt(inputs of a unit); batch norm at 1 and 0. */
export function initFlowDecoder(decoder: FlowDecoder, random: Random): Weights {
  const weights: Weights = {};
  for (const { name, inputs, outputs, isLast } of stagesOf(decoder)) {
    const bound = 1 / Math.sqrt(9 * inputs);
    const uniform = (length: number) => Float32Array.from({ length }, () => bound * (2 * random() - 1));
    weights[`${name}.conv.weight`] = tf.tensor4d(uniform(9 * inputs * outputs), [3, 3, inputs, outputs]);
    if (isLast) {
      weights[`${name}.conv.bias`] = tf.tensor1d(uniform(outputs));
    } else {
      weights[`${name}.bn.weight`] = tf.ones([outputs]);
      weights[`${name}.bn.bias`] = tf.zeros([outputs]);
    }
  }
  return weights;
}

/** Vectors [B, inputs] to maps [B, side, side, outputs] between -1 and 1. */
export function runFlowDecoder(
  decoder: FlowDecoder,
  weights: Weights,
  vectors: Tensor2D,
  normalize: Normalize,
): Tensor4D {
  let x = relu(tf.reshape(vectors, [-1, 1, 1, decoder.inputs]) as Tensor4D);
  for (const { name, factor, isLast } of stagesOf(decoder)) {
    x = convolve(enlarge(x, factor), weights[`${name}.conv.weight`] as Tensor4D, 1);
    x = isLast
      ? tf.tanh(tf.add(x, weights[`${name}.conv.bias`] as Tensor1D))
      : relu(normalize(x, `${name}.bn`));
  }
  return x;
}

/**
 * Bilinear enlargement by pixel areas, as PyTorch's (align_corners false). tfjs has one, but its gradient leaves out
 * that pixels have centres.
 */
export function enlarge(x: Tensor4D, factor: number): Tensor4D {
  const [, height, width] = x.shape;
  const attributes = [
    attribute.type("T", "float32"),
    attribute.bool("align_corners", false),
    attribute.bool("half_pixel_centers", true),
  ];
  const resize = tf.customGrad((...inputs) => {
    const [x, save] = inputs as [Tensor, (tensors: Tensor[]) => void];
    save([x]);
    const size = tf.tensor1d([factor * height, factor * width], "int32");
    return {
      value: rawOp("ResizeBilinear", attributes, [x, size], 1)[0],
      gradFunc: (dy: Tensor, [x]: Tensor[]) => rawOp("ResizeBilinearGrad", attributes, [dy, x], 1)[0],
    };
  });
  return resize(x) as Tensor4D;
}
