/**
 * TensorFlow's C API, beside tfjs and in the same process. The library is the one that the addon of tfjs-node-gpu has
 * loaded, found again by its name.
 */
import type { TensorValues } from "../runs/tensor_values.ts";
import "./backend.ts";
import { DATA_TYPE } from "./graph_def.ts";

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
  TF_SetTarget: { parameters: ["pointer", "buffer"], result: "void" },
  TF_NewServer: { parameters: ["buffer", "usize", "pointer"], result: "pointer" },
  TF_ServerStart: { parameters: ["pointer", "pointer"], result: "void" },
  TF_ServerTarget: { parameters: ["pointer"], result: "pointer" },
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
/** The functions, by their names in tensorflow/c/c_api.h. */
export const c = library.symbols;

/** A new TF_Tensor of the given values; whoever asks for it deletes it. */
export function toPointer({ values, shape }: TensorValues): Deno.PointerValue {
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
export function fromPointer(tensor: Deno.PointerObject): TensorValues {
  const size = Number(c.TF_TensorByteSize(tensor));
  const bytes = new Uint8Array(size);
  if (size > 0) new Deno.UnsafePointerView(c.TF_TensorData(tensor)!).copyInto(bytes);
  const shape = Array.from({ length: c.TF_NumDims(tensor) }, (_, i) => Number(c.TF_Dim(tensor, i)));
  const isInt = c.TF_TensorType(tensor) === DATA_TYPE.int32;
  c.TF_DeleteTensor(tensor);
  return { shape, values: isInt ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer) };
}

/** Content of a TF_Buffer. */
export function bufferBytes(buffer: Deno.PointerObject): Uint8Array {
  const view = new Deno.UnsafePointerView(buffer); // struct TF_Buffer { const void* data; size_t length; ... }
  const bytes = new Uint8Array(Number(view.getBigUint64(8)));
  if (bytes.length > 0) new Deno.UnsafePointerView(view.getPointer(0)!).copyInto(bytes);
  return bytes;
}

/** Addresses in a row, as the API takes lists. */
export function pointers(list: readonly Deno.PointerValue[]): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from(list, (pointer) => BigInt(Deno.UnsafePointer.value(pointer)));
}

/** Text ended by a zero byte. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text + "\0");
}

/** @throws {Error} with the message of a TF_Status that is not OK */
export function check(status: Deno.PointerValue): void {
  if (c.TF_GetCode(status) === 0) return;
  throw new Error(Deno.UnsafePointerView.getCString(c.TF_Message(status)!));
}

/**
 * Calls with a TF_Status of its own.
 * @throws {Error} with its message when it is not OK
 */
export function checked<T>(call: (status: Deno.PointerValue) => T): T {
  const status = c.TF_NewStatus();
  try {
    const result = call(status);
    check(status);
    return result;
  } finally {
    c.TF_DeleteStatus(status);
  }
}
