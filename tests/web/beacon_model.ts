/**
 * A model that really finds something: three coloured beacons (red: right eye, blue: left eye, green: mouth) in the crop
 * that it is shown, as the means of where each colour is. All 68 points follow from the three.
 */
import type { ModelCard } from "@emoco/web/model-card";
import { type Field, initializer, integers, message, node, tensorInfo } from "./onnx_writer.ts";

/** Where a point lies between the beacons: weights of right eye, left eye, mouth. */
function weightsOf(point: number): readonly [number, number, number] {
  if (point >= 36 && point < 42) return [1, 0, 0];
  if (point >= 42 && point < 48) return [0, 1, 0];
  if (point >= 48) return [0, 0, 1];
  // The nose's tip is where the template has it: 0.4375 of the way from the eyes to the mouth.
  if (point === 30) return [0.28125, 0.28125, 0.4375];
  return [0.35, 0.35, 0.3];
}

/** How the model reads its crops: as 0-1. */
export const beaconInput = (size: number): ModelCard["input"] => ({
  size,
  layout: "NCHW",
  channels: "RGB",
  range: [0, 1],
  mean: [0, 0, 0],
  std: [1, 1, 1],
});

/**
 * The model's bytes, for crops of `size` pixels; with one unit that is always at 0.5, and that can be seen (`visible`) where
 * the mouth is below the eyes and the left eye to the right of the other.
 */
export function writeBeaconModel(size: number): Uint8Array {
  // A colour is what a channel has beyond the other two, and more than a little.
  const colours = [[1, -1, -1], [-1, -1, 1], [-1, 1, -1]];
  const places = Array.from({ length: size }, (_, i) => (i + 0.5) / size);
  const rows = [0, 1].flatMap((axis) =>
    // [6, 136]: three x, three y to 68 pairs
    [0, 1, 2].map((beacon) =>
      Array.from({ length: 136 }, (_, i) => i % 2 === axis ? weightsOf(i >> 1)[beacon] : 0)
    )
  );
  const graph: Field[] = [
    [1, node("Conv", ["image", "colours", "least"], "raw")],
    [1, node("Relu", ["raw"], "heat")],
    [1, node("ReduceSum", ["heat", "axesXY"], "total", { keepdims: 0 })],
    [1, node("Add", ["total", "little"], "mass")],
    [1, node("Mul", ["heat", "alongX"], "heatX")],
    [1, node("ReduceSum", ["heatX", "axesXY"], "sumX", { keepdims: 0 })],
    [1, node("Div", ["sumX", "mass"], "x")],
    [1, node("Mul", ["heat", "alongY"], "heatY")],
    [1, node("ReduceSum", ["heatY", "axesXY"], "sumY", { keepdims: 0 })],
    [1, node("Div", ["sumY", "mass"], "y")],
    [1, node("Concat", ["x", "y"], "xy", { axis: 1 })],
    [1, node("MatMul", ["xy", "spread"], "flat")],
    [1, node("Reshape", ["flat", "pairs"], "points")],
    [1, node("Gemm", ["xy", "upright", "doubt"], "stands")],
    [1, node("Sigmoid", ["stands"], "visible")],
    [1, node("Mul", ["mass", "zero"], "nothing")],
    [1, node("MatMul", ["nothing", "one"], "logit")],
    [1, node("Sigmoid", ["logit"], "probabilities")],
    [1, node("Identity", ["mass"], "features")],
    [2, "beacons"],
    [5, initializer("colours", [3, 3, 1, 1], colours.flat())],
    [5, initializer("least", [3], [-0.3, -0.3, -0.3])],
    [5, initializer("little", [1], [1e-6])],
    [5, initializer("zero", [1], [0])],
    [5, initializer("one", [3, 1], [1, 1, 1])],
    [5, initializer("alongX", [1, 1, 1, size], places)],
    [5, initializer("alongY", [1, 1, size, 1], places)],
    [5, initializer("spread", [6, 136], rows.flat())],
    // x of right eye, left eye, mouth; y of them: an upright face has 6.9 + 8, one that lies 0 or less.
    [5, initializer("upright", [6, 1], [-20, 20, 0, -10, -10, 20])],
    [5, initializer("doubt", [1], [-10])],
    [5, integers("axesXY", [2, 3])],
    [5, integers("pairs", [-1, 68, 2])],
    [11, tensorInfo("image", ["N", 3, size, size])],
    [12, tensorInfo("probabilities", ["N", 1])],
    [12, tensorInfo("features", ["N", 3])],
    [12, tensorInfo("points", ["N", 68, 2])],
    [12, tensorInfo("visible", ["N", 1])],
  ];
  return message([1, 8], [7, message(...graph)], [8, message([1, ""], [2, 13])]);
}
