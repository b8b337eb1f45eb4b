/**
 * Loads TensorFlow in a fresh process and runs a few operations on numbers whose results are known.
 * Prints what it found as one line of JSON; ends with an error when a result is wrong.
 * @module
 */
import { attribute, openBackend, rawOp, type Tensor4D, tf } from "../../train/engine/backend.ts";

const report = openBackend({ device: "auto" });
// Sums over 2 x 2 windows of [[1, 2, 3], [4, 5, 6], [7, 8, 9]], by the convolution that training uses.
const image = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
const window: Tensor4D = tf.ones([2, 2, 1, 1]);
const sums = tf.conv2d(image, window, 1, "valid");
requireEqual("conv2d", sums.dataSync(), [12, 16, 24, 28]);
// Its gradient counts in how many windows each pixel lies.
const gradient = tf.grad((pixels) => tf.conv2d(pixels as Tensor4D, window, 1, "valid"))(image);
requireEqual("conv2d's gradient", gradient.dataSync(), [1, 2, 1, 2, 4, 2, 1, 2, 1]);
const [doubled] = rawOp("AddV2", [attribute.type("T", "float32")], [sums, sums], 1);
requireEqual("AddV2", doubled.dataSync(), [24, 32, 48, 56]);
console.log(JSON.stringify(report));

function requireEqual(what: string, actual: ArrayLike<number>, expected: readonly number[]): void {
  if (expected.some((value, i) => Math.abs(actual[i] - value) > 1e-4)) {
    throw new Error(`${what} gives ${Array.from(actual)} where ${expected} is right.`);
  }
}
