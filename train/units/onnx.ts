/**
 * An action-unit model as an ONNX file: opset 17, dynamic batch, batch norm folded into the convolution before it.
 *
 * Input `image` [N, 3, S, S], normalised as the model card says; outputs `probabilities` [N, A], `features` [N, F]
 * and, where the model has an emotion head, `emotions` [N, C].
 */
import protobuf from "protobufjs";
import type { AuModel } from "./au_model.ts";
import type { Tensor } from "../engine/backend.ts";
import { BATCH_NORM_EPSILON, blocks, convolutions, normOf } from "../nets/resnet.ts";

/** Number format of weights and inner activations; inputs and outputs are float32 in both. */
export type Precision = "float32" | "float16";

/** The bytes of `emoco.onnx`. */
export function toOnnx(model: AuModel, imageSize: number, precision: Precision): Uint8Array<ArrayBuffer> {
  const graph = new GraphWriter(precision);
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
  graph.output("probabilities", probabilities, bias.length);
  graph.output("features", features, count);
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
    graph.output("emotions", graph.node("Softmax", [logits], { axis: 1 }), emotions);
  }
  return graph.bytes(imageSize);
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

type Attribute = number | readonly number[];

/** Collects nodes and weights of one graph. */
class GraphWriter {
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];
  readonly #outputs: object[] = [];

  constructor(readonly precision: Precision) {}

  /** Adds a node with one output and returns its name. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute> = {},
    output?: string,
  ): string {
    const name = output ?? `${opType.toLowerCase()}_${this.#nodes.length}`;
    const attribute = Object.entries(attributes).map(([name, value]) =>
      typeof value === "number"
        ? { name, type: ATTRIBUTE.int, i: value }
        : { name, type: ATTRIBUTE.ints, ints: value }
    );
    this.#nodes.push({ name, opType, input, output: [name], attribute });
    return name;
  }

  /** x W + b; W is [inputs, outputs], or [outputs, inputs] when `transposed`. */
  linear(
    x: string,
    name: string,
    shape: readonly number[],
    weight: Float32Array,
    bias: Float32Array,
    transposed = false,
  ): string {
    const inputs = [
      x,
      this.constant(`${name}.weight`, shape, weight),
      this.constant(`${name}.bias`, [bias.length], bias),
    ];
    return this.node("Gemm", inputs, { transB: Number(transposed) });
  }

  constant(name: string, dims: readonly number[], values: Float32Array): string {
    const half = this.precision === "float16";
    const numbers = half ? new Float16Array(values) : values.slice();
    const rawData = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    this.#constants.push({ name, dims, dataType: half ? TYPE.float16 : TYPE.float32, rawData });
    return name;
  }

  cast(x: string, to: Precision, output?: string): string {
    if (this.precision === "float32" && !output) return x;
    if (this.precision === "float32") return this.node("Identity", [x], {}, output);
    return this.node("Cast", [x], { to: TYPE[to] }, output);
  }

  output(name: string, value: string, columns: number): void {
    this.cast(value, "float32", name);
    this.#outputs.push(valueInfo(name, [{ dimParam: "N" }, { dimValue: columns }]));
  }

  bytes(imageSize: number): Uint8Array<ArrayBuffer> {
    const side = { dimValue: imageSize };
    const model = {
      irVersion: 8,
      producerName: "emoco",
      opsetImport: [{ domain: "", version: 17 }],
      graph: {
        name: "emoco",
        node: this.#nodes,
        initializer: this.#constants,
        input: [valueInfo("image", [{ dimParam: "N" }, { dimValue: 3 }, side, side])],
        output: this.#outputs,
      },
    };
    return new Uint8Array(ModelProto.encode(ModelProto.fromObject(model)).finish());
  }
}

function valueInfo(name: string, dim: readonly object[]) {
  return { name, type: { tensorType: { elemType: TYPE.float32, shape: { dim } } } };
}

/** TensorProto.DataType and AttributeProto.AttributeType of onnx.proto. */
const TYPE = { float32: 1, float16: 10 } as const;
const ATTRIBUTE = { int: 2, ints: 7 } as const;

/** The messages of onnx.proto (IR version 8) that a model needs, with its field numbers. */
const ModelProto = protobuf.parse(`
  syntax = "proto3";
  message ModelProto {
    int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7; repeated OperatorSetIdProto opset_import = 8;
  }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated AttributeProto attribute = 5;
  }
  message AttributeProto { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message TensorProto { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message TypeProto { TensorTypeProto tensor_type = 1; }
  message TensorTypeProto { int32 elem_type = 1; TensorShapeProto shape = 2; }
  message TensorShapeProto { repeated Dimension dim = 1; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
`).root.lookupType("ModelProto");
