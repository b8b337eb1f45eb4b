/** Small networks of random weights, for the tests of the detectors' parts. */
import { assertNotEquals, assertThrows } from "@std/assert";
import type { Layers } from "../../../train/detectors/layers.ts";
import { initStatistics, initWeights, planOf } from "../../../train/detectors/plan.ts";
import { tensorLayers } from "../../../train/detectors/tensor_layers.ts";
import { type Tensor, tf } from "../../../train/engine/backend.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";

/** Random weights for a network, and its words over them. */
export function open(
  network: (l: Layers<readonly number[]>) => unknown,
  fixed: { [name: string]: Float32Array } = {},
) {
  const plan = planOf(network);
  const weights = initWeights(plan, randomStream(5)), statistics = initStatistics(plan, fixed);
  return { weights, statistics, l: tensorLayers({ weights, statistics }) };
}

/** Normal numbers. */
export function noise(shape: number[], seed = 1): Tensor {
  const random = randomStream(9, seed);
  const length = shape.reduce((product, side) => product * side, 1);
  return tf.tensor(Float32Array.from({ length }, () => normal(random)), shape);
}

/** Whether any number of a tensor differs from 0. */
export const isMoved = (x: Tensor) => x.dataSync().some((value) => value !== 0);

/** A value moves with `x`, and yet no path leads back to it along which a gradient could pass. */
export function assertCut(value: (x: Tensor) => Tensor, x: Tensor, moved: Tensor): void {
  assertNotEquals(value(x).dataSync(), value(moved).dataSync());
  assertThrows(() => tf.grad(value)(x), Error, "Cannot compute gradient");
}
