/** Heads on a backbone: layer after layer, with or without batch norm, under the names of PyTorch's `Sequential`. */
import { type Tensor2D, type Tensor4D, tf } from "../engine/backend.ts";
import type { Random } from "../runs/random.ts";
import { initLinear, linear } from "./encoder.ts";
import { type Normalize, relu, type Weights } from "./resnet.ts";

/** One fully connected layer and what follows it. */
export interface HeadLayer {
  outputs: number;
  /** Batch norm, with scale and offset or (`plain`) without; a layer in front of one has no bias, which it would undo. */
  norm?: "affine" | "plain";
  relu?: boolean;
}

/** A head: its name, what goes in, its layers. */
export interface Head {
  name: string;
  inputs: number;
  layers: readonly HeadLayer[];
}

/** Fresh weights: PyTorch's default for fully connected layers, batch norm at 1 and 0. */
export function initHead(head: Head, random: Random): Weights {
  const weights: Weights = {};
  let inputs = head.inputs;
  for (const { name, normName, outputs, norm } of named(head)) {
    const { [`${name}.weight`]: weight, [`${name}.bias`]: bias } = initLinear(name, inputs, outputs, random);
    weights[`${name}.weight`] = weight;
    if (norm) bias.dispose();
    else weights[`${name}.bias`] = bias;
    if (norm === "affine") {
      weights[`${normName}.weight`] = tf.ones([outputs]);
      weights[`${normName}.bias`] = tf.zeros([outputs]);
    }
    inputs = outputs;
  }
  return weights;
}

/**
 * Runs a head: [B, inputs] to [B, outputs of its last layer].
 * @param by how batch norm is done with given weights; those of a plain norm are 1 and 0
 */
export function runHead(
  head: Head,
  weights: Weights,
  x: Tensor2D,
  by: (weights: Weights) => Normalize,
): Tensor2D {
  for (const { name, normName, outputs, norm, relu: rectifies } of named(head)) {
    x = norm ? tf.matMul(x, weights[`${name}.weight`] as Tensor2D) : linear(weights, name, x);
    if (norm) {
      const plain = { [`${normName}.weight`]: tf.ones([outputs]), [`${normName}.bias`]: tf.zeros([outputs]) };
      const normalize = by(norm === "plain" ? plain : weights);
      const image = tf.reshape(x, [-1, 1, 1, outputs]) as Tensor4D;
      x = tf.reshape(normalize(image, normName), [-1, outputs]) as Tensor2D;
    }
    if (rectifies) x = relu(x);
  }
  return x;
}

/** Layers with the numbers that PyTorch's `Sequential` counts: norms and ReLUs are members too. */
function* named({ name, layers }: Head) {
  let member = 0;
  for (const layer of layers) {
    yield { ...layer, name: `${name}.${member}`, normName: `${name}.${member + 1}` };
    member += 1 + Number(Boolean(layer.norm)) + Number(Boolean(layer.relu));
  }
}
