/** Pictures drawn from another picture's pixels by a field of flow (spatial transformer, Jaderberg et al., 2015). */
import { attribute, rawOp, type Tensor, type Tensor4D, tf } from "../engine/backend.ts";
import { stopGradient } from "./stop_gradient.ts";

/**
 * Each pixel looks up the source, bilinearly, where its own place plus the flow leads to; beyond the edge it takes the
 * edge. Coordinates are -1 at the centre of the first pixel and 1 at that of the last, so no flow gives the source back.
 * The gradient reaches the flow only: the source is what it is.
 * @param source [B, S, S, channels]
 * @param flow x and y [B, S, S, 2]
 */
export function warp(source: Tensor4D, flow: Tensor4D): Tensor4D {
  const [batch, side, , channels] = source.shape;
  const pixels = tf.range(0, side);
  const [flowX, flowY] = tf.split(flow, 2, 3) as Tensor4D[];
  const place = (flow: Tensor4D, shape: number[]) =>
    tf.clipByValue(tf.add(tf.reshape(pixels, shape), tf.mul(flow, (side - 1) / 2)), 0, side - 1);
  const x = place(flowX, [1, 1, side, 1]), y = place(flowY, [1, side, 1, 1]);
  const left = tf.floor(stopGradient(x)), top = tf.floor(stopGradient(y));
  const right = tf.minimum(tf.add(left, 1), side - 1), bottom = tf.minimum(tf.add(top, 1), side - 1);
  const rows = tf.reshape(tf.mul(tf.range(0, batch), side * side), [batch, 1, 1, 1]);
  const flat = tf.reshape(stopGradient(source), [batch * side * side, channels]);
  const at = (x: Tensor, y: Tensor) => {
    const index = tf.cast(tf.add(rows, tf.add(tf.mul(y, side), x)), "int32");
    return tf.reshape(pick(flat, tf.reshape(index, [-1])), source.shape);
  };
  const blend = (one: Tensor, other: Tensor, share: Tensor) => tf.add(one, tf.mul(tf.sub(other, one), share));
  const shareX = tf.sub(x, left);
  const above = blend(at(left, top), at(right, top), shareX);
  const below = blend(at(left, bottom), at(right, bottom), shareX);
  return blend(above, below, tf.sub(y, top)) as Tensor4D;
}

/** Rows of a matrix by their numbers. tf.gather looks at the values of the numbers, which a traced step cannot. */
function pick(rows: Tensor, numbers: Tensor): Tensor {
  const types = [attribute.type("Tparams", "float32"), attribute.type("Tindices", "int32")];
  const operands = [rows, numbers, tf.scalar(0, "int32")];
  return rawOp("GatherV2", [...types, attribute.type("Taxis", "int32")], operands, 1)[0];
}
