/** A model for pictures of one size, with the parts of BlazeFace that fix it: zeros that widen, and reshapes. */
import { type Field, initializer, integers, message, node, tensorInfo } from "./onnx_writer.ts";

/**
 * The bytes of a model that takes [1, side, side, 3] and answers, as each output, the highest of each 2 x 2 pixels and
 * three zeros: [1, side / 2 x side / 2, 6].
 */
export function writeSquareModel(side: number, outputs: readonly string[]): Uint8Array {
  const half = side / 2, cells = half * half;
  const graph: Field[] = [
    [1, node("Transpose", ["picture"], "channels", { perm: [0, 3, 1, 2] })],
    [1, node("MaxPool", ["channels"], "pooled", { kernel_shape: [2, 2], strides: [2, 2] })],
    [1, node("ConstantOfShape", ["zeros"], "widening")],
    [1, node("Concat", ["pooled", "widening"], "wide", { axis: 1 })],
    [1, node("Transpose", ["wide"], "last", { perm: [0, 2, 3, 1] })],
    ...outputs.flatMap((name): Field[] => [
      [1, node("Reshape", ["last", "shape"], name)],
      [12, tensorInfo(name, [1, cells, 6])],
    ]),
    [2, "square"],
    [5, integers("zeros", [1, 3, half, half])],
    [5, integers("shape", [1, cells, 6])],
    [5, initializer("unused", [1], [0])],
    [11, tensorInfo("picture", [1, side, side, 3])],
  ];
  return message([1, 7], [7, message(...graph)], [8, message([1, ""], [2, 12])]);
}
