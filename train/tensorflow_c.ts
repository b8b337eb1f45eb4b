/**
 * TensorFlow's C API, beside tfjs and in the same process: graphs, sessions, tensors. The library is the one that the
 * addon of tfjs-node-gpu has loaded, found again by its name.
 */
import "./backend.ts";
import { DATA_TYPE, decode, type GraphNode } from "./graph_def.ts";
import type { TensorValues } from "./state_values.ts";

const OUTPUT = { struct: ["pointer", "i32"] } as const; // TF_Output: operation and index, 16 bytes
const library = Deno.dlopen("libtensorflow_cc.so.2", {
  TF_NewStatus: { parameters: [], result: "pointer" },
  TF_DeleteStatus: { parameters: ["pointer"], result: "void" },
  TF_GetCode: { parameters: ["pointer"], result: "i32" },
  TF_Message: { parameters: ["pointer"], result: "pointer" },
  TF_NewBufferFromString: { parameters: ["buffer", "usize"], result: "pointer" },
  TF_DeleteBuffer: { parameters: ["pointer"], result: "void" },
  TF_AllocateTensor: { parameters: ["i32", "buffer", "i32", "usize"], result: "pointer" },
  TF_DeleteTensor: { parameters: ["pointer"], result: "void" },
  TF_TensorData: { parameters: ["pointer"], result: "pointer" },
  TF_TensorByteSize: { parameters: ["pointer"], result: "usize" },
  TF_TensorType: { parameters: ["pointer"], result: "i32" },
  TF_NumDims: { parameters: ["pointer"], result: "i32" },
  TF_Dim: { parameters: ["pointer", "i32"], result: "i64" },
  TF_NewGraph: { parameters: [], result: "pointer" },
  TF_DeleteGraph: { parameters: ["pointer"], result: "void" },
  TF_NewOperation: { parameters: ["pointer", "buffer", "buffer"], result: "pointer" },
  TF_AddInput: { parameters: ["pointer", OUTPUT], result: "void" },
  TF_AddInputList: { parameters: ["pointer", "buffer", "i32"], result: "void" },
  TF_SetAttrValueProto: { parameters: ["pointer", "buffer", "buffer", "usize", "pointer"], result: "void" },
  TF_FinishOperation: { parameters: ["pointer", "pointer"], result: "pointer" },
  TF_OperationToNodeDef: { parameters: ["pointer", "pointer", "pointer"], result: "void" },
  TF_OperationOutputType: { parameters: [OUTPUT], result: "i32" },
  TF_GraphGetTensorNumDims: { parameters: ["pointer", OUTPUT, "pointer"], result: "i32" },
  TF_GraphGetTensorShape: { parameters: ["pointer", OUTPUT, "buffer", "i32", "pointer"], result: "void" },
  TF_GraphOperationByName: { parameters: ["pointer", "buffer"], result: "pointer" },
  TF_NewImportGraphDefOptions: { parameters: [], result: "pointer" },
  TF_DeleteImportGraphDefOptions: { parameters: ["pointer"], result: "void" },
  TF_ImportGraphDefOptionsSetPrefix: { parameters: ["pointer", "buffer"], result: "void" },
  TF_GraphImportGraphDef: { parameters: ["pointer", "pointer", "pointer", "pointer"], result: "void" },
  TF_NewSessionOptions: { parameters: [], result: "pointer" },
  TF_DeleteSessionOptions: { parameters: ["pointer"], result: "void" },
  TF_SetConfig: { parameters: ["pointer", "buffer", "usize", "pointer"], result: "void" },
  TF_NewSession: { parameters: ["pointer", "pointer", "pointer"], result: "pointer" },
  TF_CloseSession: { parameters: ["pointer", "pointer"], result: "void" },
  TF_DeleteSession: { parameters: ["pointer", "pointer"], result: "void" },
  TF_NewBuffer: { parameters: [], result: "pointer" },
  TF_SessionRun: {
    // session, run options, feeds (outputs, tensors, count), fetches (the same), targets, metadata, status
    parameters: [
      ...["pointer", "pointer", "buffer", "buffer", "i32", "buffer", "buffer", "i32"] as const,
      ...["buffer", "i32", "pointer", "pointer"] as const,
    ],
    result: "void",
    nonblocking: true, // JavaScript goes on, so batches are prepared while a step runs
  },
});
const c = library.symbols;

/** What an operation of a graph under construction gives back. */
export interface SymbolicResult {
  readonly dtype: number;
  /** Undefined where TensorFlow cannot tell before running. */
  readonly shape: number[] | undefined;
  /** The result in the C API's form. */
  readonly output: Uint8Array<ArrayBuffer>;
}

/** A TensorFlow graph. */
export class Graph {
  readonly pointer = c.TF_NewGraph();

  /**
   * Adds one operation and infers its results, and the attributes that follow from its inputs, which `node` gets.
   * @param inputs results of earlier operations; an array among them is one input that is a list
   * @throws {Error} TensorFlow's message when the operation, an attribute or a shape does not exist or fit
   */
  add(
    node: GraphNode,
    inputs: readonly (SymbolicResult | readonly SymbolicResult[])[],
    outputCount: number,
  ): SymbolicResult[] {
    const operation = c.TF_NewOperation(this.pointer, cString(node.op), cString(node.name));
    for (const input of inputs) {
      if ("output" in input) c.TF_AddInput(operation, input.output);
      else c.TF_AddInputList(operation, concatenate(input.map(({ output }) => output)), input.length);
    }
    for (const [key, bytes] of Object.entries(node.attr)) {
      checked((status) =>
        c.TF_SetAttrValueProto(operation, cString(key), bytes, BigInt(bytes.length), status)
      );
    }
    const finished = checked((status) => c.TF_FinishOperation(operation, status));
    if (node.op !== "Const") node.attr = this.#attributesOf(finished);
    return Array.from({ length: outputCount }, (_, index) => {
      const output = outputStruct(finished, index);
      return { dtype: c.TF_OperationOutputType(output), shape: this.#shapeOf(output), output };
    });
  }

  /** Adds the nodes of a serialised GraphDef, their names behind `<prefix>/`. */
  import(graphDef: Uint8Array<ArrayBuffer>, prefix: string): void {
    const options = c.TF_NewImportGraphDefOptions();
    const buffer = c.TF_NewBufferFromString(graphDef, BigInt(graphDef.length));
    try {
      c.TF_ImportGraphDefOptionsSetPrefix(options, cString(prefix));
      checked((status) => c.TF_GraphImportGraphDef(this.pointer, buffer, options, status));
    } finally {
      c.TF_DeleteBuffer(buffer);
      c.TF_DeleteImportGraphDefOptions(options);
    }
  }

  /** The operation of that name; there must be one. */
  operation(name: string): Deno.PointerObject {
    const operation = c.TF_GraphOperationByName(this.pointer, cString(name));
    if (!operation) throw new Error(`The graph has no operation "${name}".`);
    return operation;
  }

  dispose(): void {
    c.TF_DeleteGraph(this.pointer);
  }

  #attributesOf(operation: Deno.PointerValue): GraphNode["attr"] {
    const buffer = c.TF_NewBuffer();
    try {
      checked((status) => c.TF_OperationToNodeDef(operation, buffer, status));
      return (decode("NodeDef", bufferBytes(buffer!)) as GraphNode).attr;
    } finally {
      c.TF_DeleteBuffer(buffer);
    }
  }

  #shapeOf(output: Uint8Array<ArrayBuffer>): number[] | undefined {
    const rank = checked((status) => c.TF_GraphGetTensorNumDims(this.pointer, output, status));
    if (rank < 0) return undefined;
    const sides = new BigInt64Array(rank);
    checked((status) => c.TF_GraphGetTensorShape(this.pointer, output, sides, rank, status));
    const shape = Array.from(sides, Number);
    return shape.includes(-1) ? undefined : shape;
  }
}

/** What a session computes in one call: prepared once, run often. */
export interface Call {
  /** Placeholders by the names of their operations. */
  readonly feeds: readonly string[];
  /** Results to bring back, `name` or `name:index`. */
  readonly fetches: readonly string[];
  /** Operations that only have to run. */
  readonly targets: readonly string[];
}

/** A session on a graph. What is imported into the graph later is known to the session too. */
export class Session {
  readonly #pointer: Deno.PointerValue;

  /** @param config a serialised ConfigProto */
  constructor(readonly graph: Graph, config: Uint8Array<ArrayBuffer>) {
    const options = c.TF_NewSessionOptions();
    try {
      checked((status) => c.TF_SetConfig(options, config, BigInt(config.length), status));
      this.#pointer = checked((status) => c.TF_NewSession(graph.pointer, options, status));
    } finally {
      c.TF_DeleteSessionOptions(options);
    }
  }

  /** Resolves names once; the function given back runs the call with the values of its feeds, in order. */
  prepare({ feeds, fetches, targets }: Call): (
    values: readonly TensorValues[],
    profile?: (runMetadata: Uint8Array) => void,
  ) => Promise<TensorValues[]> {
    const outputs = (names: readonly string[]) =>
      concatenate(names.map((name) => {
        const [operation, index] = name.split(":");
        return outputStruct(this.graph.operation(operation), Number(index ?? 0));
      }));
    const [feedOutputs, fetchOutputs] = [outputs(feeds), outputs(fetches)];
    const targetPointers = pointers(targets.map((name) => this.graph.operation(name)));
    return async (values, profile) => {
      const inputs = values.map(toPointer);
      const inputPointers = pointers(inputs);
      const results = new BigUint64Array(fetches.length);
      const status = c.TF_NewStatus();
      const options = profile ? c.TF_NewBufferFromString(FULL_TRACE, BigInt(FULL_TRACE.length)) : null;
      const metadata = profile ? c.TF_NewBuffer() : null;
      try {
        await c.TF_SessionRun(
          ...[this.#pointer, options, feedOutputs, inputPointers, feeds.length] as const,
          ...[
            fetchOutputs,
            results,
            fetches.length,
            targetPointers,
            targets.length,
            metadata,
            status,
          ] as const,
        );
        check(status);
        if (profile) profile(bufferBytes(metadata!));
        return Array.from(results, (address) => fromPointer(Deno.UnsafePointer.create(address)!));
      } finally {
        c.TF_DeleteStatus(status);
        for (const input of inputs) c.TF_DeleteTensor(input);
        for (const buffer of [options, metadata]) if (buffer) c.TF_DeleteBuffer(buffer);
      }
    };
  }

  dispose(): void {
    checked((status) => c.TF_CloseSession(this.#pointer, status));
    checked((status) => c.TF_DeleteSession(this.#pointer, status));
  }
}

const FULL_TRACE = Uint8Array.of(8, 3); // RunOptions { trace_level: FULL_TRACE }

function toPointer({ values, shape }: TensorValues): Deno.PointerValue {
  const dtype = values instanceof Int32Array ? DATA_TYPE.int32 : DATA_TYPE.float32;
  const sides = BigInt64Array.from(shape, BigInt);
  const tensor = c.TF_AllocateTensor(dtype, sides, shape.length, BigInt(values.byteLength));
  if (values.length > 0) {
    const memory = Deno.UnsafePointerView.getArrayBuffer(c.TF_TensorData(tensor)!, values.byteLength);
    new Uint8Array(memory).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  return tensor;
}

/** Values of a tensor, which is freed. */
function fromPointer(tensor: Deno.PointerObject): TensorValues {
  const size = Number(c.TF_TensorByteSize(tensor));
  const bytes = new Uint8Array(size);
  if (size > 0) new Deno.UnsafePointerView(c.TF_TensorData(tensor)!).copyInto(bytes);
  const shape = Array.from({ length: c.TF_NumDims(tensor) }, (_, i) => Number(c.TF_Dim(tensor, i)));
  const isInt = c.TF_TensorType(tensor) === DATA_TYPE.int32;
  c.TF_DeleteTensor(tensor);
  return { shape, values: isInt ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer) };
}

function bufferBytes(buffer: Deno.PointerObject): Uint8Array {
  const view = new Deno.UnsafePointerView(buffer); // struct TF_Buffer { const void* data; size_t length; ... }
  const bytes = new Uint8Array(Number(view.getBigUint64(8)));
  if (bytes.length > 0) new Deno.UnsafePointerView(view.getPointer(0)!).copyInto(bytes);
  return bytes;
}

function outputStruct(operation: Deno.PointerValue, index: number): Uint8Array<ArrayBuffer> {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, BigInt(Deno.UnsafePointer.value(operation)), true);
  bytes.setInt32(8, index, true);
  return new Uint8Array(bytes.buffer);
}

function pointers(list: readonly Deno.PointerValue[]): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from(list, (pointer) => BigInt(Deno.UnsafePointer.value(pointer)));
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

function check(status: Deno.PointerValue): void {
  if (c.TF_GetCode(status) === 0) return;
  throw new Error(Deno.UnsafePointerView.getCString(c.TF_Message(status)!));
}

function checked<T>(call: (status: Deno.PointerValue) => T): T {
  const status = c.TF_NewStatus();
  try {
    const result = call(status);
    check(status);
    return result;
  } finally {
    c.TF_DeleteStatus(status);
  }
}
