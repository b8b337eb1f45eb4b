/**
 * Region layers: every patch of a map has weights of its own (Zhao et al., 2016). Patches become groups of channels, so
 * that their batch norms are one batch norm, over batch and patch, and their convolutions one of many groups.
 */
import type { Layers } from "./layers.ts";

/**
 * Batch norm, ReLU and a 3x3 convolution of each of count x count patches by itself, zeros around each, [H, W, output].
 * @param output channels that come out; those of `x` for DRML
 */
export function patchConvolution<X>(
  l: Layers<X>,
  x: X,
  name: string,
  { count, output, bias }: { count: number; output: number; bias: boolean },
): X {
  const groups = count ** 2;
  const patches = l.relu(l.batchNorm(l.toPatches(x, count), `${name}.norm`));
  const convolved = l.convolve(patches, name, { output: groups * output, kernel: 3, groups, bias });
  return l.fromPatches(convolved, count);
}
