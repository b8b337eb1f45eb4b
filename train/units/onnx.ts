/**
 * An action-unit model as an ONNX file: opset 17, dynamic batch, batch norm folded into the convolution before it.
 *
 * Input `image` [N, 3, S, S], normalised as the model card says; outputs `probabilities` [N, A], `features` [N, F] and,
 * each where the model has it, `emotions` [N, C], `points` [N, 68, 2] in units of the crop, `pose` [N, 3] and `gaze`
 * [N, 2, 2] in degrees, `openness` [N, 3] and `visible` [N, A].
 */
import type { AuModel } from "./au_model.ts";
import { detectorToOnnx } from "./onnx_detector.ts";
import { GraphWriter, type Precision } from "./onnx_graph.ts";
import type { Tensor } from "../engine/backend.ts";
import { BATCH_NORM_EPSILON, blocks, convolutions, featureCount, normOf } from "../nets/resnet.ts";
import { GEOMETRY, type GeometryPart, geometryStart } from "./face_geometry.ts";

/**
 * The bytes of `emoco.onnx`.
 * @param storage of the weights: float16 halves the file of a model that computes in float32
 * @param pointsModel of a detector that needs points: the file of the model that finds them
 */
export function toOnnx(
  model: AuModel,
  imageSize: number,
  precision: Precision,
  storage = precision,
  pointsModel?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const { detector } = model;
  if (detector) return detectorToOnnx({ ...model, detector }, precision, storage, pointsModel);
  const graph = new GraphWriter(precision, storage);
  const { architecture } = model.backbone;
  const folded = foldedConvolutions(model);
  const conv = (x: string, name: string) => {
    const { shape, weight, bias, stride } = folded.get(name)!;
    const inputs = [
      x,
      graph.constant(`${name}.weight`, shape, weight),
      graph.constant(`${name}.bias`, [bias.length], bias),
    ];
    const side = (shape[2] - 1) / 2;
    return graph.node("Conv", inputs, {
      kernel_shape: [shape[2], shape[2]],
      strides: [stride, stride],
      pads: [side, side, side, side],
    });
  };
  const relu = (x: string) => graph.node("Relu", [x]);

  let x = relu(conv(graph.cast("image", precision), "conv1"));
  if (architecture.stem === "imagenet") {
    x = graph.node("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  }
  for (const { path, shortcut } of blocks(architecture)) {
    let residual = x;
    path.forEach((name, i) => residual = conv(i ? relu(residual) : residual, name));
    x = relu(graph.node("Add", [residual, shortcut ? conv(x, shortcut) : x]));
  }
  const features = graph.node("Flatten", [graph.node("GlobalAveragePool", [x])], { axis: 1 });
  const { weight, bias } = model.classifier;
  const count = weight.length / bias.length;
  const probabilities = graph.node("Sigmoid", [
    graph.linear(features, "au", [count, bias.length], weight, bias),
  ]);
  graph.output("probabilities", probabilities, [bias.length]);
  graph.output("features", features, [count]);
  if (model.emotionHead) {
    const values = (name: string) => model.emotionHead![name].dataSync() as Float32Array;
    const layer = (input: string, name: string) => {
      const [inputs, outputs] = model.emotionHead![`${name}.weight`].shape;
      return graph.linear(input, name, [inputs, outputs], values(`${name}.weight`), values(`${name}.bias`));
    };
    const query = graph.node("LpNormalization", [
      layer(relu(layer(features, "projection.0")), "projection.2"),
    ], { axis: 1, p: 2 });
    const [emotions, embedding] = model.emotionHead["classifier.weight"].shape;
    const none = new Float32Array(emotions);
    const logits = graph.linear(
      query,
      "classifier",
      [emotions, embedding],
      values("classifier.weight"),
      none,
      true,
    );
    graph.output("emotions", graph.node("Softmax", [logits], { axis: 1 }), [emotions]);
  }
  writeHeads(graph, model, features, x);
  return graph.bytes(imageSize);
}

/** Shape of a face's row of each part of the geometry. */
const PART_SHAPES: Readonly<Record<GeometryPart, readonly number[]>> = {
  points: [68, 2],
  pose: [3],
  gaze: [2, 2],
  openness: [3],
};

/** The other heads; one layer a part, in the unit that users get. @param map the last stage's, [N, F, side, side] */
function writeHeads(
  graph: GraphWriter,
  { heads = {}, parts = [], backbone }: AuModel,
  features: string,
  map: string,
): void {
  const read = (name: string) => heads[name].dataSync() as Float32Array;
  if (heads["visible.weight"]) {
    const [inputs, units] = heads["visible.weight"].shape;
    const logits = graph.linear(
      features,
      "visible",
      [inputs, units],
      read("visible.weight"),
      read("visible.bias"),
    );
    graph.output("visible", graph.node("Sigmoid", [logits]), [units]);
  }
  if (!heads["geometry.weight"]) return;
  const [inputs, all] = heads["geometry.weight"].shape;
  const weight = read("geometry.weight"), bias = read("geometry.bias");
  const channels = featureCount(backbone.architecture), area = inputs / channels;
  const flat = graph.node("Flatten", [map], { axis: 1 });
  for (const part of parts) {
    const { count, unit } = GEOMETRY[part], start = geometryStart(part);
    const values = new Float32Array(inputs * count);
    for (let place = 0; place < area; place++) {
      for (let channel = 0; channel < channels; channel++) {
        // Training's maps end in channels, ONNX's begin with them.
        const from = (place * channels + channel) * all + start, to = (channel * area + place) * count;
        for (let k = 0; k < count; k++) values[to + k] = unit * weight[from + k];
      }
    }
    const offset = bias.subarray(start, start + count).map((value) => unit * value);
    const rows = graph.linear(flat, part, [inputs, count], values, offset);
    const shape = PART_SHAPES[part];
    graph.output(part, shape.length > 1 ? graph.reshape(rows, part, [-1, ...shape]) : rows, shape);
  }
}

/** A convolution with its batch norm folded in: weights [out, in, height, width]. */
interface FoldedConvolution {
  shape: [output: number, input: number, height: number, width: number];
  weight: Float32Array;
  bias: Float32Array;
  stride: number;
}

/** w' = w gamma / sqrt(var + eps), b' = beta - mean gamma / sqrt(var + eps); kernels from [h, w, in, out]. */
function foldedConvolutions({ backbone }: AuModel): Map<string, FoldedConvolution> {
  const { architecture, weights, statistics } = backbone;
  const read = (tensor: Tensor) => tensor.dataSync() as Float32Array;
  return new Map(
    convolutions(architecture).map(({ name, kernel, stride, input, output }) => {
      const norm = normOf(name);
      const [values, gamma, beta] = [`${name}.weight`, `${norm}.weight`, `${norm}.bias`].map((key) =>
        read(weights[key])
      );
      const [average, variance] = [`${norm}.running_mean`, `${norm}.running_var`].map((key) =>
        read(statistics[key])
      );
      const scale = gamma.map((value, o) => value / Math.sqrt(variance[o] + BATCH_NORM_EPSILON));
      const weight = new Float32Array(values.length);
      const area = kernel * kernel;
      for (let o = 0; o < output; o++) {
        for (let i = 0; i < input; i++) {
          for (let p = 0; p < area; p++) {
            weight[(o * input + i) * area + p] = values[(p * input + i) * output + o] * scale[o];
          }
        }
      }
      const bias = beta.map((value, o) => value - average[o] * scale[o]);
      return [name, { shape: [output, input, kernel, kernel], weight, bias, stride }];
    }),
  );
}
