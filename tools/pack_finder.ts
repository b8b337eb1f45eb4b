/**
 * Makes the face finder's model from MediaPipe's, as `deno task pack-finder --from=<the .onnx> --out=blazeface.onnx`:
 * the same weights, for pictures of any side that is a multiple of 32 instead of 256 only. A face that is looked at from
 * near by fills a small picture as well as a large one, at a fraction of the work.
 */
import protobuf from "protobufjs";
import { readFromOut } from "./files/from_out.ts";
import { runTool } from "./files/run_tool.ts";
import { writeWhole } from "./faces/write_whole.ts";

const USAGE = "deno task pack-finder --from=face_detection_back_256x256_barracuda.onnx --out=blazeface.onnx";
/** TensorProto.DataType's INT64. */
const INT64 = 7;

interface Named {
  name: string;
}

interface Node extends Named {
  opType: string;
  input: string[];
  output: string[];
  attribute: object[];
}

interface Constant extends Named {
  dims: number[];
  dataType: number;
  int64Data?: number[];
  rawData?: Uint8Array;
}

interface Value extends Named {
  type: { tensorType: { elemType: number; shape: { dim: { dimValue?: number; dimParam?: string }[] } } };
}

interface Graph {
  node: Node[];
  initializer: Constant[];
  input: Value[];
  output: Value[];
}

/**
 * An ONNX model [1, S, S, 3] for one S as one for many: the sizes of input and outputs are left open, the last reshapes
 * take what comes, and zeros that widen a tensor are padding instead of constants of one size.
 * @throws {Error} when the bytes are not such a model
 */
export function freeSides(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const model = read(bytes), { graph } = model;
  const constants = new Map(graph.initializer.map((constant) => [constant.name, constant]));
  const zeros = new Map(
    graph.node.filter(({ opType }) => opType === "ConstantOfShape")
      .map(({ input, output }) => [output[0], numbersOf(constants.get(input[0]))]),
  );
  const made: Constant[] = [];
  const node = graph.node.filter(({ opType }) => opType !== "ConstantOfShape").map((node): Node => {
    if (node.opType === "Reshape") {
      const [batch, , ...rest] = numbersOf(constants.get(node.input[1]));
      made.push(constantOf(`${node.output[0]}.shape`, [batch, -1, ...rest]));
      return { ...node, input: [node.input[0], made.at(-1)!.name] };
    }
    const widening = node.opType === "Concat" ? zeros.get(node.input[1]) : undefined;
    if (!widening) return node;
    made.push(constantOf(`${node.output[0]}.pads`, [0, 0, 0, 0, 0, widening[1], 0, 0]));
    return { ...node, opType: "Pad", input: [node.input[0], made.at(-1)!.name], attribute: [] };
  });
  const used = new Set(node.flatMap(({ input }) => input));
  const remade = new Set(made.map(({ name }) => name));
  const initializer = [...graph.initializer.filter(({ name }) => !remade.has(name)), ...made]
    .filter(({ name }) => used.has(name));
  const known = new Set([...initializer, ...graph.input].map(({ name }) => name));
  for (const { output } of node) for (const name of output) known.add(name);
  const lost = [...used].find((name) => name && !known.has(name));
  if (lost) throw new Error(`Zeros of one size are used by more than a Concat: "${lost}".`);
  open(graph.input[0], [1, 2], "side");
  for (const output of graph.output) open(output, [1], `${output.name} anchors`);
  const freed = { ...model, graph: { ...graph, node, initializer } };
  return new Uint8Array(ModelProto.encode(ModelProto.fromObject(freed)).finish());
}

function read(bytes: Uint8Array): { graph: Graph } {
  let model: { graph?: Graph };
  try {
    model = ModelProto.toObject(ModelProto.decode(bytes), { longs: Number, arrays: true });
  } catch {
    throw new Error("This is not an ONNX file.");
  }
  const dims = model.graph?.input[0]?.type.tensorType.shape.dim ?? [];
  const [, height, width, channels] = dims.map(({ dimValue, dimParam }) => dimValue || dimParam);
  if (dims.length !== 4 || !height || height !== width || channels !== 3) {
    throw new Error("This is not an ONNX model whose input is [1, S, S, 3].");
  }
  return model as { graph: Graph };
}

function numbersOf(constant: Constant | undefined): number[] {
  if (constant?.dataType !== INT64) throw new Error("A shape in this model is not a constant.");
  if (!constant.rawData?.length) return constant.int64Data ?? [];
  const { buffer, byteOffset, byteLength } = constant.rawData.slice();
  return [...new BigInt64Array(buffer, byteOffset, byteLength / 8)].map(Number);
}

function constantOf(name: string, numbers: readonly number[]): Constant {
  return { name, dims: [numbers.length], dataType: INT64, int64Data: [...numbers] };
}

function open({ type: { tensorType: { shape } } }: Value, places: readonly number[], name: string): void {
  for (const place of places) shape.dim[place] = { dimParam: name };
}

/** What onnx.proto (IR version 7) says of the messages in such a model; shapes in between are left for onnxruntime. */
const ModelProto = protobuf.parse(`
  syntax = "proto3";
  message ModelProto {
    int64 ir_version = 1; string producer_name = 2; string producer_version = 3; GraphProto graph = 7;
    repeated OperatorSetIdProto opset_import = 8;
  }
  message OperatorSetIdProto { string domain = 1; int64 version = 2; }
  message GraphProto {
    repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
    repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  }
  message NodeProto {
    repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
    repeated AttributeProto attribute = 5; string domain = 7;
  }
  message AttributeProto { string name = 1; int64 i = 3; repeated int64 ints = 8; int32 type = 20; }
  message TensorProto {
    repeated int64 dims = 1; int32 data_type = 2; repeated int64 int64_data = 7; string name = 8; bytes raw_data = 9;
  }
  message ValueInfoProto { string name = 1; TypeProto type = 2; }
  message TypeProto { TensorTypeProto tensor_type = 1; }
  message TensorTypeProto { int32 elem_type = 1; TensorShapeProto shape = 2; }
  message TensorShapeProto { repeated Dimension dim = 1; }
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } }
`).root.lookupType("ModelProto");

/** Runs the program; throws an Error with one clear sentence when something is wrong. */
export async function main(args: string[]): Promise<void> {
  const { from, out } = readFromOut(args, USAGE);
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(from);
  } catch (error) {
    throw new Error(`${from} cannot be read: ${(error as Error).message}`);
  }
  try {
    await writeWhole(out, freeSides(bytes));
  } catch (error) {
    throw new Error(`${from}: ${(error as Error).message}`);
  }
  console.log(`${out}: the model of ${from}, for any side that is a multiple of 32`);
}

if (import.meta.main) await runTool(USAGE, main);
