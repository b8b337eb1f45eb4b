/**
 * ResNet-18, 34 and 50 (He et al., 2016) as pure functions of their weights, under torchvision's layer names.
 *
 * The room `nets`: parts of networks and their training as pure functions of tensors, without files, console or config;
 * it imports `engine`, and `runs` for random streams.
 *
 * Images are [B, S, S, 3], convolution kernels [height, width, in, out] (TensorFlow's order), features [B, F].
 */
import {
  attribute,
  type OpAttribute,
  rawOp,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tf,
} from "../engine/backend.ts";
import { convolve, maxPool } from "./convolution.ts";
import { normal, type Random } from "../runs/random.ts";

/** Named tensors: weights by torchvision's names. */
export type Weights = { [name: string]: Tensor };

/** What a backbone is built from. */
export interface Architecture {
  backbone: keyof typeof BLOCKS;
  /** Channels relative to the published network: 1 = 64 in the first stage. */
  width: number;
  /** `imagenet`: 7x7 stride 2 and a max-pool (1/4 of the side); `small`: 3x3 stride 2 (1/2), for images under 100 px. */
  stem: "imagenet" | "small";
}

/** Normalises the activations `x` of the batch-norm layer called `layer`. */
export type Normalize = (x: Tensor4D, layer: string) => Tensor4D;

/** Mean and unbiased variance of one batch at one batch-norm layer, both [channels]. */
export type BatchStatistics = Map<string, { mean: Tensor1D; variance: Tensor1D }>;

/** Added to the variance in every batch norm (PyTorch's default; the paper does not state it). */
export const BATCH_NORM_EPSILON = 1e-5;

/** Share of the newest batch in the running statistics (PyTorch's default; the paper does not state it). */
export const BATCH_NORM_UPDATE = 0.1;

/** Fresh weights: He's normal initialisation over the outputs, batch norm at 1 and 0 (torchvision). */
export function initResNet(architecture: Architecture, random: Random): Weights {
  const weights: Weights = {};
  for (const { name, kernel, stride: _, ...channels } of convolutions(architecture)) {
    const deviation = Math.sqrt(2 / (kernel * kernel * channels.output));
    const values = Float32Array.from(
      { length: kernel * kernel * channels.input * channels.output },
      () => deviation * normal(random),
    );
    weights[`${name}.weight`] = tf.tensor(values, [kernel, kernel, channels.input, channels.output]);
    weights[`${normOf(name)}.weight`] = tf.ones([channels.output]);
    weights[`${normOf(name)}.bias`] = tf.zeros([channels.output]);
  }
  return weights;
}

/** Running statistics of a fresh network: mean 0, variance 1, under `<layer>.running_mean` and `.running_var`. */
export function initRunningStatistics(architecture: Architecture): Weights {
  const statistics: Weights = {};
  for (const { name, output } of convolutions(architecture)) {
    statistics[`${normOf(name)}.running_mean`] = tf.zeros([output]);
    statistics[`${normOf(name)}.running_var`] = tf.ones([output]);
  }
  return statistics;
}

/** Number of backbone features, F. */
export function featureCount({ backbone, width }: Architecture): number {
  const { expansion } = BLOCKS[backbone];
  return 8 * baseChannels(width) * expansion;
}

/**
 * Images [B, S, S, 3] to pooled features [B, F].
 * @param isDrawn the images are drawn by weights that a gradient is to reach through them
 */
export function resnet(
  weights: Weights,
  images: Tensor4D,
  architecture: Architecture,
  normalize: Normalize,
  isDrawn = false,
): Tensor2D {
  return tf.mean(featureMap(weights, images, architecture, normalize, isDrawn), [1, 2]);
}

/** Images [B, S, S, 3] to the last stage's map [B, side, side, F], which still knows where things are. */
export function featureMap(
  weights: Weights,
  images: Tensor4D,
  architecture: Architecture,
  normalize: Normalize,
  isDrawn = false,
): Tensor4D {
  const strides = new Map(convolutions(architecture).map(({ name, stride }) => [name, stride]));
  const conv = (x: Tensor4D, name: string) => {
    const kernel = weights[`${name}.weight`] as Tensor4D;
    return normalize(convolve(x, kernel, strides.get(name)!, x === images && !isDrawn), normOf(name));
  };

  let x = relu(conv(images, "conv1"));
  if (architecture.stem === "imagenet") x = maxPool(x);
  for (const { path, shortcut } of blocks(architecture)) {
    let residual = x;
    path.forEach((name, i) => residual = conv(i ? relu(residual) : residual, name));
    x = relu(tf.add(residual, shortcut ? conv(x, shortcut) : x));
  }
  return x;
}

/** Side of the last stage's map for images of a side in pixels. */
export function mapSide({ stem }: Architecture, imageSize: number): number {
  const halvings = stem === "imagenet" ? 5 : 4;
  return Array.from({ length: halvings }).reduce<number>((side) => Math.ceil(side / 2), imageSize);
}

/** Batch norm by the batch's own statistics, which are kept in `collected` when it is given (the caller disposes). */
export function byBatch(weights: Weights, collected?: BatchStatistics): Normalize {
  return (x, layer) => {
    const normalize = tf.customGrad((...inputs) => {
      const [x, scale, offset, save] = inputs as [Tensor4D, Tensor1D, Tensor1D, (tensors: Tensor[]) => void];
      const attributes = [...normAttributes(), attribute.float("exponential_avg_factor", 1)];
      const operands = [x, scale, offset, tf.tensor1d([]), tf.tensor1d([])];
      const [y, mean, variance, ...reserved] = rawOp("FusedBatchNormV3", attributes, operands, 6);
      if (collected) {
        collected.set(layer, { mean: tf.keep(mean as Tensor1D), variance: tf.keep(variance as Tensor1D) });
      }
      save([x, scale, ...reserved]);
      const gradFunc = (dy: Tensor, saved: Tensor[]) =>
        rawOp("FusedBatchNormGradV3", normAttributes(), [dy, ...saved], 5).slice(0, 3);
      return { value: y, gradFunc };
    });
    return normalize(x, weights[`${layer}.weight`], weights[`${layer}.bias`]) as Tensor4D;
  };
}

/** Batch norm by the running statistics: inference, and every frozen network. */
export function byRunning(weights: Weights, statistics: Weights): Normalize {
  return (x, layer) =>
    tf.batchNorm4d(
      x,
      statistics[`${layer}.running_mean`] as Tensor1D,
      statistics[`${layer}.running_var`] as Tensor1D,
      weights[`${layer}.bias`] as Tensor1D,
      weights[`${layer}.weight`] as Tensor1D,
      BATCH_NORM_EPSILON,
    );
}

/** The running statistics after one more batch. */
export function updateRunningStatistics(statistics: Weights, batch: BatchStatistics): Weights {
  const next: Weights = {};
  const blend = (old: Tensor, now: Tensor) =>
    tf.add(tf.mul(old, 1 - BATCH_NORM_UPDATE), tf.mul(now, BATCH_NORM_UPDATE));
  for (const [layer, { mean, variance }] of batch) {
    next[`${layer}.running_mean`] = blend(statistics[`${layer}.running_mean`], mean);
    next[`${layer}.running_var`] = blend(statistics[`${layer}.running_var`], variance);
  }
  return next;
}

/** ReLU whose gradient is one TensorFlow op (tfjs composes it of three). */
export function relu<T extends Tensor>(x: T): T {
  const type = [attribute.type("T", "float32")];
  const op = tf.customGrad((...inputs) => {
    const [x, save] = inputs as [Tensor, (tensors: Tensor[]) => void];
    const [y] = rawOp("Relu", type, [x], 1);
    save([y]);
    return { value: y, gradFunc: (dy: Tensor, [y]: Tensor[]) => rawOp("ReluGrad", type, [dy, y], 1)[0] };
  });
  return op(x) as T;
}

/** torchvision calls the batch norm behind `conv2` `bn2`, behind `downsample.0` `downsample.1`. */
export function normOf(convolution: string): string {
  return convolution.replace(/conv(\d)$/, "bn$1").replace(/downsample\.0$/, "downsample.1");
}

function baseChannels(width: number): number {
  return Math.max(1, Math.round(64 * width));
}

/** One convolution without bias; its batch norm follows under `normOf(name)`. */
export interface Convolution {
  name: string;
  kernel: number;
  stride: number;
  input: number;
  output: number;
}

/** Every convolution: the one list that initialisation, forward pass, statistics and ONNX export walk. */
export function convolutions(architecture: Architecture): Convolution[] {
  const { width, stem } = architecture;
  const base = baseChannels(width);
  const kernel = stem === "imagenet" ? 7 : 3;
  return [
    { name: "conv1", kernel, stride: 2, input: 3, output: base },
    ...blocks(architecture).flatMap((block) => block.convolutions),
  ];
}

/** One residual block: its convolutions, those of the residual path in order, and the one of the shortcut, if any. */
interface Block {
  convolutions: Convolution[];
  path: string[];
  shortcut?: string;
}

/** The residual blocks in forward order. */
export function blocks({ backbone, width }: Architecture): Block[] {
  const { counts, expansion } = BLOCKS[backbone];
  let input = baseChannels(width);
  return counts.flatMap((count, stage) => {
    const inner = baseChannels(width) * 2 ** stage;
    const output = inner * expansion;
    return Array.from({ length: count }, (_, index): Block => {
      const name = `layer${stage + 1}.${index}`;
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const path = expansion === 1
        ? [
          { name: `${name}.conv1`, kernel: 3, stride, input, output: inner },
          { name: `${name}.conv2`, kernel: 3, stride: 1, input: inner, output },
        ]
        : [
          { name: `${name}.conv1`, kernel: 1, stride: 1, input, output: inner },
          { name: `${name}.conv2`, kernel: 3, stride, input: inner, output: inner },
          { name: `${name}.conv3`, kernel: 1, stride: 1, input: inner, output },
        ];
      const shortcut = stride !== 1 || input !== output
        ? { name: `${name}.downsample.0`, kernel: 1, stride, input, output }
        : undefined;
      input = output;
      return {
        convolutions: shortcut ? [...path, shortcut] : path,
        path: path.map((convolution) => convolution.name),
        shortcut: shortcut?.name,
      };
    });
  });
}

/** Attributes of TensorFlow's fused batch norm and its gradient; `isTraining` false takes statistics as given. */
export function normAttributes(isTraining = true): OpAttribute[] {
  return [
    attribute.type("T", "float32"),
    attribute.type("U", "float32"),
    attribute.string("data_format", "NHWC"),
    attribute.bool("is_training", isTraining),
    attribute.float("epsilon", BATCH_NORM_EPSILON),
  ];
}

/** Blocks a stage; 50 layers use the bottleneck, whose output is four times as wide as its inside. */
const BLOCKS = {
  resnet18: { counts: [2, 2, 2, 2], expansion: 1 },
  resnet34: { counts: [3, 4, 6, 3], expansion: 1 },
  resnet50: { counts: [3, 4, 6, 3], expansion: 4 },
} as const;
