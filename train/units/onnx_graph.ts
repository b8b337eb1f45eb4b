/** Nodes and weights of one ONNX graph, written as its protobuf: opset 17, IR version 8. */
import protobuf from "protobufjs";

/** Number format of weights and inner activations; inputs and outputs are float32 in both. */
export type Precision = "float32" | "float16";

type Attribute = number | readonly number[];

/** Collects nodes and weights of one graph. */
export class GraphWriter {
  readonly #nodes: object[] = [];
  readonly #constants: object[] = [];
  readonly #outputs: object[] = [];

  /** @param storage of weights; those kept in float16 are cast to `precision`, once, when the file is loaded */
  constructor(readonly precision: Precision, readonly storage: Precision = precision) {}

  /** Adds a node with one output and returns its name. */
  node(
    opType: string,
    input: readonly string[],
    attributes: Record<string, Attribute> = {},
    output?: string,
    floats: Record<string, number> = {},
  ): string {
    const name = output ?? `${opType.toLowerCase()}_${this.#nodes.length}`;
    const attribute = Object.entries(attributes).map(([name, value]) =>
      typeof value === "number"
        ? { name, type: ATTRIBUTE.int, i: value }
        : { name, type: ATTRIBUTE.ints, ints: value }
    );
    const others = Object.entries(floats).map(([name, f]) => ({ name, type: ATTRIBUTE.float, f }));
    this.#nodes.push({ name, opType, input, output: [name], attribute: [...attribute, ...others] });
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
    if (this.storage !== this.precision) {
      this.#store(`${name}.stored`, dims, values);
      return this.node("Cast", [`${name}.stored`], { to: TYPE[this.precision] }, name);
    }
    return this.#store(name, dims, values);
  }

  #store(name: string, dims: readonly number[], values: Float32Array, storage = this.storage): string {
    const half = storage === "float16";
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

  reshape(x: string, name: string, shape: readonly number[]): string {
    return this.node("Reshape", [x, this.integers(`${name}.shape`, shape)]);
  }

  /** Whole numbers that an operation takes as an input. */
  integers(name: string, values: readonly number[]): string {
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    this.#constants.push({ name, dims: [values.length], dataType: TYPE.int64, rawData });
    return name;
  }

  /**
   * Takes over all nodes of another file that this project has written; both read the same `image`, whose side is `size`
   * here. A file of another side sees it resized: bilinear, between pixels' middles.
   * @param prefix of their names in this graph
   * @returns names of its outputs here
   */
  include(bytes: Uint8Array, prefix: string, size: number): Map<string, string> {
    const { graph } = ModelProto.toObject(ModelProto.decode(bytes), { defaults: false, arrays: true });
    const theirs = Number(graph.input[0].type.tensorType.shape.dim[3].dimValue);
    const image = theirs === size ? "image" : this.#resized("image", prefix, size, theirs);
    const renamed = (name: string) => name === "image" ? image : prefix + name;
    for (const node of graph.node) {
      const input = (node.input as string[]).map(renamed), output = (node.output as string[]).map(renamed);
      this.#nodes.push({ ...node, name: renamed(node.name), input, output });
    }
    for (const tensor of graph.initializer) this.#constants.push({ ...tensor, name: renamed(tensor.name) });
    const names = (graph.output as { name: string }[]).map(({ name }) => [name, renamed(name)] as const);
    return new Map(names);
  }

  /** Images [N, 3, from, from] as [N, 3, to, to], W x W' of one matrix: every engine computes products alike. */
  #resized(x: string, prefix: string, from: number, to: number): string {
    const weights = betweenPixels(from, to);
    const turned = Float32Array.from(weights, (_, i) => weights[i % to * from + Math.floor(i / to)]);
    const [rows, columns] = [
      this.#store(`${prefix}rows`, [to, from], weights, "float32"),
      this.#store(`${prefix}columns`, [from, to], turned, "float32"),
    ];
    return this.node("MatMul", [this.node("MatMul", [rows, x]), columns]);
  }

  /**
   * @param shape of one face's row
   * @param isInner whether the value is of the graph's precision, not of float32 whatever that is
   */
  output(name: string, value: string, shape: readonly number[], isInner = true): void {
    if (isInner) this.cast(value, "float32", name);
    else this.node("Identity", [value], {}, name);
    this.#outputs.push(valueInfo(name, [{ dimParam: "N" }, ...shape.map((dimValue) => ({ dimValue }))]));
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

/** Weights [to, from] by which the middles of `to` pixels lie between those of `from`; the outermost hold at the edge. */
function betweenPixels(from: number, to: number): Float32Array {
  const weights = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const at = Math.min(from - 1, Math.max(0, (row + 0.5) * from / to - 0.5));
    const before = Math.min(Math.floor(at), from - 2);
    weights[row * from + before] = 1 - (at - before);
    weights[row * from + before + 1] = at - before;
  }
  return weights;
}

function valueInfo(name: string, dim: readonly object[]) {
  return { name, type: { tensorType: { elemType: TYPE.float32, shape: { dim } } } };
}

/** TensorProto.DataType and AttributeProto.AttributeType of onnx.proto. */
const TYPE = { float32: 1, int64: 7, float16: 10 } as const;
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;

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
  message AttributeProto { string name = 1; float f = 2; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message TensorProto { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message TypeProto { TensorTypeProto tensor_type = 1; }
  message TensorTypeProto { int32 elem_type = 1; TensorShapeProto shape = 2; }
  message TensorShapeProto { repeated Dimension dim = 1; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
`).root.lookupType("ModelProto");
