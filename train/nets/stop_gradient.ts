/** What the papers write as sg(x): the value of a tensor as a constant. tfjs has no such operation. */
import { type Tensor, tf } from "../engine/backend.ts";

/** `x`, through which no gradient passes. */
export function stopGradient<T extends Tensor>(x: T): T {
  const stop = tf.customGrad((...inputs) => ({
    value: tf.clone(inputs[0] as Tensor),
    gradFunc: (dy: Tensor) => tf.zerosLike(dy),
  }));
  return stop(x) as T;
}
