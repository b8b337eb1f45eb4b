/** What the papers write as sg(x). tfjs has no such function, TensorFlow has the operation. */
import { attribute, rawOp, type Tensor } from "../engine/backend.ts";

/** `x` as a constant: no gradient passes through it, and none is computed up to it. */
export function stopGradient<T extends Tensor>(x: T): T {
  return rawOp("StopGradient", [attribute.type("T", "float32")], [x], 1)[0] as T;
}
