/** Graphs and sessions of TensorFlow. */
import type { TensorValues } from "../runs/tensor_values.ts";
import { decode, encode, type GraphNode } from "./graph_def.ts";
import { bufferBytes, c, check, checked, cString, fromPointer, pointers, toPointer } from "./tensorflow_c.ts";

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
      // Some operations, such as LogicalAnd, have no attribute at all.
      return (decode("NodeDef", bufferBytes(buffer!)) as Partial<GraphNode>).attr ?? {};
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

/** Where sessions run that do not run in this process alone. */
export interface SessionPlace {
  /** The server, as TensorFlow names it: "grpc://localhost:24310". */
  readonly target: string;
  /** Fields of ConfigProto that every session there must have. */
  readonly config: object;
}

/** A session on a graph. What is imported into the graph later is known to the session too. */
export class Session {
  readonly #pointer: Deno.PointerValue;

  /**
   * @param config a serialised ConfigProto
   * @param target a server; absent for this process
   */
  constructor(readonly graph: Graph, config: Uint8Array<ArrayBuffer>, target?: string) {
    const options = c.TF_NewSessionOptions();
    try {
      if (target !== undefined) c.TF_SetTarget(options, cString(target));
      checked((status) => c.TF_SetConfig(options, config, BigInt(config.length), status));
      this.#pointer = checked((status) => c.TF_NewSession(graph.pointer, options, status));
    } finally {
      c.TF_DeleteSessionOptions(options);
    }
  }

  /**
   * Resolves names once; the function given back runs the call with the values of its feeds, in order.
   * @param runOptions fields of RunOptions for every run
   */
  prepare({ feeds, fetches, targets }: Call, runOptions: object = {}): (
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
    const plainOptions = encode("RunOptions", runOptions);
    const profiledOptions = encode("RunOptions", { ...runOptions, traceLevel: FULL_TRACE });
    return async (values, profile) => {
      const inputs = values.map(toPointer);
      const inputPointers = pointers(inputs);
      const results = new BigUint64Array(fetches.length);
      const status = c.TF_NewStatus();
      const optionBytes = profile ? profiledOptions : plainOptions;
      const options = c.TF_NewBufferFromString(optionBytes, BigInt(optionBytes.length));
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

const FULL_TRACE = 3; // RunOptions.TraceLevel

function outputStruct(operation: Deno.PointerValue, index: number): Uint8Array<ArrayBuffer> {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, BigInt(Deno.UnsafePointer.value(operation)), true);
  bytes.setInt32(8, index, true);
  return new Uint8Array(bytes.buffer);
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
