/**
 * TensorFlow's graph format, as far as a traced step needs it: nodes in, GraphDef bytes out, and the session settings
 * and timings that travel the same way. Messages follow tensorflow/core/{framework,protobuf}/*.proto.
 */
import protobuf from "protobufjs";

/** TensorFlow's numbers of data types. */
export const DATA_TYPE = { float32: 1, int32: 3, int64: 9, bool: 10, resource: 20 } as const;

/** One value of an attribute; exactly one field is set. */
export interface AttributeValue {
  s?: Uint8Array;
  i?: number;
  f?: number;
  b?: boolean;
  type?: number;
  shape?: { dim: { size: number }[] };
  tensor?: { dtype: number; tensorShape: { dim: { size: number }[] }; tensorContent: Uint8Array };
  list?: { i?: readonly number[]; f?: readonly number[] };
}

/** One operation of a graph. */
export interface GraphNode {
  name: string;
  op: string;
  /** Results by `name` or `name:index`, then nodes that only have to run before: `^name`. */
  input: string[];
  /** AttrValue messages, serialised. */
  attr: { [name: string]: Uint8Array<ArrayBuffer> };
  /** Where it must run; TensorFlow decides where it is absent or names a process only. */
  device?: string;
}

/** Shape in TensorFlow's form. */
export function shapeValue(shape: readonly number[]): { dim: { size: number }[] } {
  return { dim: shape.map((size) => ({ size })) };
}

/** A constant; `bytes` are its values in row-major order. */
export function constantNode(
  name: string,
  dtype: number,
  shape: readonly number[],
  bytes: Uint8Array,
): GraphNode {
  const tensor = { dtype, tensorShape: shapeValue(shape), tensorContent: bytes };
  return { name, op: "Const", input: [], attr: attributes({ dtype: { type: dtype }, value: { tensor } }) };
}

/** Attributes in the form of a node. */
export function attributes(values: { [name: string]: AttributeValue }): GraphNode["attr"] {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, encode("AttrValue", value)]),
  );
}

/** Attribute of a node; undefined where it has none of that name. */
export function attributeOf({ attr }: GraphNode, name: string): AttributeValue | undefined {
  return attr[name] && decode("AttrValue", attr[name]) as AttributeValue;
}

const messages = protobuf.parse(`
  syntax = "proto3";
  message GraphDef { repeated NodeDef node = 1; VersionDef versions = 4; }
  message VersionDef { int32 producer = 1; }
  message NodeDef {
    string name = 1; string op = 2; repeated string input = 3; string device = 4; map<string, bytes> attr = 5; // each an AttrValue
  }
  message AttrValue {
    ListValue list = 1;
    oneof value {
      bytes s = 2; int64 i = 3; float f = 4; bool b = 5; int32 type = 6; TensorShapeProto shape = 7; TensorProto tensor = 8;
    }
  }
  message ListValue { repeated int64 i = 3; repeated float f = 4; }
  message TensorShapeProto { repeated Dim dim = 2; }
  message Dim { int64 size = 1; }
  message TensorProto { int32 dtype = 1; TensorShapeProto tensor_shape = 2; bytes tensor_content = 4; }

  message ConfigProto {
    int32 intra_op_parallelism_threads = 2; GPUOptions gpu_options = 6; bool allow_soft_placement = 7;
    GraphOptions graph_options = 10; Experimental experimental = 16;
  }
  message Experimental { string collective_group_leader = 1; bool collective_nccl = 7; }
  message GPUOptions { bool allow_growth = 4; }
  message GraphOptions { OptimizerOptions optimizer_options = 3; RewriterConfig rewrite_options = 10; }
  message RewriterConfig { int32 auto_mixed_precision_onednn_bfloat16 = 25; }
  message OptimizerOptions { int32 global_jit_level = 5; }

  message ServerDef {
    ClusterDef cluster = 1; string job_name = 2; int32 task_index = 3; ConfigProto default_session_config = 4;
    string protocol = 5;
  }
  message ClusterDef { repeated JobDef job = 1; }
  message JobDef { string name = 1; map<int32, string> tasks = 2; }

  message RunOptions { int32 trace_level = 1; RunExperimental experimental = 8; }
  message RunExperimental { int64 collective_graph_key = 1; }
  message RunMetadata { StepStats step_stats = 1; }
  message StepStats { repeated DeviceStepStats dev_stats = 1; }
  message DeviceStepStats { string device = 1; repeated NodeExecStats node_stats = 2; }
  message NodeExecStats {
    string node_name = 1; int64 op_start_rel_micros = 3; int64 op_end_rel_micros = 4; string timeline_label = 8;
  }
`).root;

/** Serialises a message, its fields in lowerCamelCase. */
export function encode(message: string, fields: object): Uint8Array<ArrayBuffer> {
  const type = messages.lookupType(message);
  return Uint8Array.from(type.encode(type.fromObject(fields)).finish());
}

/** Reads a message; 64-bit integers become numbers. */
export function decode(message: string, bytes: Uint8Array): unknown {
  const type = messages.lookupType(message);
  return type.toObject(type.decode(bytes), { longs: Number, arrays: true });
}

/** The graph of the given nodes. */
export function graphDef(nodes: readonly GraphNode[]): Uint8Array<ArrayBuffer> {
  const producer = 2000; // newest rules of every operation: none is upgraded on import
  return encode("GraphDef", { node: nodes, versions: { producer } });
}
