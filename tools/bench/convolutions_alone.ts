/** The convolutions of a step and nothing else: what a step cannot be faster than on this machine's TensorFlow. */
import { type Tensor, type Tensor4D, tf } from "../../train/engine/backend.ts";
import { convolve } from "../../train/nets/convolution.ts";
import { type Architecture, blocks, convolutions } from "../../train/nets/resnet.ts";
import { openStepRunner } from "../../train/engine/step_runner.ts";
import type { StepCase } from "./step_case.ts";

/** Milliseconds that the convolutions take: forward in both encoders, both gradients in one. */
export async function convolutionsAlone(
  { backbone, imageSize, batchSize }: StepCase,
  runs: number,
): Promise<number> {
  const architecture: Architecture = { backbone, width: 1, stem: "imagenet" };
  const list = convolutions(architecture);
  const sides = inputSides(architecture, imageSize);
  const [inputs, kernels, keyKernels, gradients]: { [name: string]: Tensor }[] = [{}, {}, {}, {}];
  for (const { name, kernel, stride, input, output } of list) {
    const side = sides.get(name)!;
    // Layers of one shape share a tensor: reading it is no work of a convolution.
    inputs[`${side}x${input}`] ??= tf.randomNormal([batchSize, side, side, input]);
    const outputSide = Math.ceil(side / stride);
    gradients[`${outputSide}x${output}`] ??= tf.randomNormal([batchSize, outputSide, outputSide, output]);
    kernels[name] = tf.randomNormal([kernel, kernel, input, output]);
    keyKernels[name] = tf.randomNormal([kernel, kernel, input, output]);
  }
  const runner = openStepRunner((state: { [group: string]: { [name: string]: Tensor } }) => {
    const results = list.flatMap(({ name, stride, input, output }) => {
      const side = sides.get(name)!;
      const x = state.inputs[`${side}x${input}`] as Tensor4D;

      const dy = state.gradients[`${Math.ceil(side / stride)}x${output}`] as Tensor4D;
      const isImage = name === "conv1";
      const run = (kernel: Tensor, x: Tensor) => convolve(x as Tensor4D, kernel as Tensor4D, stride, isImage);
      const kernel = state.kernels[name];
      const { value, grads } = isImage
        ? tf.valueAndGrads((kernel) => run(kernel, x))([kernel], dy)
        : tf.valueAndGrads(run)([kernel, x], dy);
      return [run(state.keyKernels[name], x), value, ...grads];
    });
    // One element of each result, so that none is left out.
    const first = results.map((result) =>
      tf.sum(tf.slice(result, result.shape.map(() => 0), result.shape.map(() => 1)))
    );
    return { state, losses: { any: tf.addN(first) } };
  }, { inputs, kernels, keyKernels, gradients });
  for (let i = 0; i < 3; i++) await runner.run({});
  const start = performance.now();
  for (let i = 0; i < runs; i++) await runner.run({});
  const wall = (performance.now() - start) / runs;
  runner.dispose();
  return wall;
}

/** Side of what each convolution sees. */
function inputSides(architecture: Architecture, imageSize: number): Map<string, number> {
  const sides = new Map([["conv1", imageSize]]);
  let side = Math.ceil(Math.ceil(imageSize / 2) / 2);
  for (const { convolutions, path, shortcut } of blocks(architecture)) {
    if (shortcut) sides.set(shortcut, side);
    for (const name of path) {
      sides.set(name, side);
      side = Math.ceil(side / convolutions.find((convolution) => convolution.name === name)!.stride);
    }
  }
  return sides;
}
