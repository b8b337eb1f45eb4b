/** The encoder: a ResNet backbone and a projection head of two fully connected layers (paper, IV-B.3). */
import { type Scalar, type Tensor1D, type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import { mapWeights } from "./optimizer.ts";
import type { Random } from "../runs/random.ts";
import {
  type Architecture,
  featureCount,
  initResNet,
  type Normalize,
  relu,
  resnet,
  type Weights,
} from "./resnet.ts";

/** Shape of an encoder: backbone, hidden and output width of the projection head. */
export interface EncoderShape extends Architecture {
  /** Hidden units of the projection head (paper: 2048). */
  projectionSize: number;
  /** Length of an embedding, D (paper: 128). */
  embeddingSize: number;
}

/** Fresh weights. Fully connected layers start uniform in +-1/sqrt(inputs), PyTorch's default, which MoCo keeps. */
export function initEncoder(shape: EncoderShape, random: Random): Weights {
  return {
    ...initResNet(shape, random),
    ...initLinear("projection.0", featureCount(shape), shape.projectionSize, random),
    ...initLinear("projection.2", shape.projectionSize, shape.embeddingSize, random),
  };
}

/** A fully connected layer under `<name>.weight` [inputs, outputs] and `<name>.bias` [outputs]. */
export function initLinear(name: string, inputs: number, outputs: number, random: Random): Weights {
  const bound = 1 / Math.sqrt(inputs);
  const uniform = (length: number) => Float32Array.from({ length }, () => bound * (2 * random() - 1));
  return {
    [`${name}.weight`]: tf.tensor2d(uniform(inputs * outputs), [inputs, outputs]),
    [`${name}.bias`]: tf.tensor1d(uniform(outputs)),
  };
}

/** Images [B, S, S, 3] to unit embeddings [B, D]. */
export function embed(
  weights: Weights,
  images: Tensor4D,
  shape: EncoderShape,
  normalize: Normalize,
): Tensor2D {
  return project(weights, resnet(weights, images, shape, normalize));
}

/** Backbone features [B, F] to unit embeddings [B, D]. */
export function project(weights: Weights, features: Tensor2D): Tensor2D {
  return unitRows(projectRaw(weights, features));
}

/** Backbone features [B, F] to embeddings [B, D] of whatever length. */
export function projectRaw(weights: Weights, features: Tensor2D): Tensor2D {
  return linear(weights, "projection.2", relu(linear(weights, "projection.0", features)));
}

/** Rows [B, D] at unit length. */
export function unitRows(x: Tensor2D): Tensor2D {
  return tf.div(x, tf.norm(x, 2, 1, true));
}

/** Fully connected layer: x W + b. */
export function linear(weights: Weights, name: string, x: Tensor2D): Tensor2D {
  return tf.add(tf.matMul(x, weights[`${name}.weight`] as Tensor2D), weights[`${name}.bias`] as Tensor1D);
}

/**
 * The key encoder's weights after one step towards the query encoder's, Eq. 3. Weights only, as in MoCo v2.
 * @param encoderMomentum a tensor where it changes from step to step
 */
export function follow(key: Weights, query: Weights, encoderMomentum: number | Scalar): Weights {
  const rest = typeof encoderMomentum === "number" ? 1 - encoderMomentum : tf.sub(1, encoderMomentum);
  return mapWeights(
    key,
    (weight, name) => tf.add(tf.mul(weight, encoderMomentum), tf.mul(query[name], rest)),
  );
}
