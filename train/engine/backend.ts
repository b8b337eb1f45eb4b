/**
 * The one door to tfjs-node-gpu: everything else in the project that computes with tensors takes `tf` from here.
 *
 * Importing this module loads TensorFlow, which `deno task setup` puts in place. Import order matters to nobody else:
 * what TensorFlow reads from the environment is set here, before the library is loaded.
 *
 * The room `engine`: TensorFlow as the project uses it (backend, traced graphs, sessions, ranks); it imports `runs`.
 * @module
 */
import util from "node:util";
import type * as TF from "@tensorflow/tfjs-node-gpu";
import type { Device, EngineReport } from "../runs/flags.ts";
import { gpuOf, placeHere } from "./ranks.ts";

export type {
  DataType,
  Rank,
  Scalar,
  Tensor,
  Tensor1D,
  Tensor2D,
  Tensor3D,
  Tensor4D,
  TensorLike,
  Variable,
} from "@tensorflow/tfjs-node-gpu";

/** What a tensor operation of TensorFlow takes beside its inputs, in the form the binding wants. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[];
}

/** A tensor as the binding hands it back: its number, shape and TensorFlow's data type number. */
export interface BoundTensor {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The native addon: each kernel of tfjs, forward and gradient, passes through `executeOp`. */
export interface Binding {
  createTensor(shape: number[], dtype: number, values: ArrayBufferView | unknown[]): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array | Uint8Array;
  executeOp(name: string, attributes: OpAttribute[], inputs: number[], outputCount: number): BoundTensor[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(model: number): void;
  runSavedModel(model: number, inputs: number[], inputNames: string, outputNames: string): BoundTensor[];
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  readonly "TF_Version": string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_INT64: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
}

/** The tfjs backend over the addon. `binding` may be replaced, which is how a step is traced. */
export interface Backend {
  binding: Binding;
  /** The binding's numbers of the given tensors, in order; uploads those whose values are not yet in TensorFlow. */
  getInputTensorIds(tensors: readonly TF.Tensor[]): number[];
  /** Wraps a result of the binding as a tensor that `tf.tidy` and `dispose` know. */
  createOutputTensor(result: BoundTensor): TF.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly TF.Tensor[],
    outputCount: number,
  ): TF.Tensor[];
}

/** TensorFlow that cannot be loaded, or not on the device asked for; the message says why and what to do. */
export class EngineError extends Error {
  override name = "EngineError";
}

/** tfjs, running on TensorFlow's C library. */
export const tf: typeof TF = await load();

/** The backend that `tf` runs on. */
export function backend(): Backend {
  return tf.backend() as unknown as Backend;
}

/**
 * Says which engine and device this process computes on.
 * @param sharesRun whether the program may be one of several ranks
 * @throws {EngineError} when the device asked for is not the one TensorFlow has found, it is never replaced silently;
 *   when a program that must be alone is one of several ranks
 */
export function openBackend(
  { device, sharesRun = false }: { device: Device; sharesRun?: boolean },
): EngineReport {
  const { binding } = backend();
  if (!sharesRun && placeHere()) {
    throw new EngineError(
      "Only pretraining is shared by several ranks: start this program once, without mpirun, srun or EMOCO_RANK.",
    );
  }
  const onGpu = binding.isUsingGpuDevice();
  if (device === "gpu" && !onGpu) {
    throw new EngineError(
      "--device=gpu: TensorFlow finds no GPU it can use. Check that `nvidia-smi` lists one and run `deno task setup --cuda`; " +
        "TF_CPP_MIN_LOG_LEVEL=0 in the environment shows what TensorFlow misses. Without --device=gpu this runs on the CPU.",
    );
  }
  if (device === "cpu" && onGpu) {
    throw new EngineError(
      "--device=cpu: TensorFlow has already taken the GPU. Give --device=cpu on the command line, " +
        "or start the program with CUDA_VISIBLE_DEVICES=-1 in the environment.",
    );
  }
  return {
    engine: `tfjs-node-gpu ${tf.version["tfjs-node" as keyof typeof tf.version]}`,
    tensorflow: binding.TF_Version,
    device: onGpu ? gpuNames() : `CPU, ${navigator.hardwareConcurrency} threads`,
    onGpu,
  };
}

/**
 * Runs one operation of TensorFlow by its name, for those that tfjs has no function for.
 * It has no gradient of its own: wrap it in `tf.customGrad`. The results belong to the surrounding `tf.tidy`.
 * @throws {Error} TensorFlow's own message when the operation, an attribute or a shape does not exist or fit.
 */
export function rawOp(
  name: string,
  attributes: readonly OpAttribute[],
  inputs: readonly TF.Tensor[],
  outputCount: number,
): TF.Tensor[] {
  return backend().executeMultipleOutputs(name, attributes, inputs, outputCount);
}

/** Attributes for `rawOp`, by the kinds that TensorFlow's operation list names. */
export const attribute = {
  type(name: string, value: "float32" | "int32" | "int64" | "bool"): OpAttribute {
    const { binding } = backend();
    const types = {
      float32: binding.TF_FLOAT,
      int32: binding.TF_INT32,
      int64: binding.TF_INT64,
      bool: binding.TF_BOOL,
    };
    return { name, type: binding.TF_ATTR_TYPE, value: types[value] };
  },
  /** An integer, or a list of integers such as `strides`. */
  int(name: string, value: number | readonly number[]): OpAttribute {
    return { name, type: backend().binding.TF_ATTR_INT, value };
  },
  float(name: string, value: number | readonly number[]): OpAttribute {
    return { name, type: backend().binding.TF_ATTR_FLOAT, value };
  },
  bool(name: string, value: boolean): OpAttribute {
    return { name, type: backend().binding.TF_ATTR_BOOL, value };
  },
  string(name: string, value: string): OpAttribute {
    return { name, type: backend().binding.TF_ATTR_STRING, value };
  },
  shape(name: string, value: readonly number[]): OpAttribute {
    return { name, type: backend().binding.TF_ATTR_SHAPE, value };
  },
};

async function load(): Promise<typeof TF> {
  // tfjs-node 4.22 calls two functions that node:util lost in Node 23 and never had in Deno.
  const nodeUtil = util as unknown as Record<string, unknown>;
  nodeUtil.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  nodeUtil.isArray ??= Array.isArray;

  // TensorFlow reads these once, while it loads. Without oneDNN, convolutions take twice as long on a CPU.
  setDefault("TF_ENABLE_ONEDNN_OPTS", "1");
  // The choice of device, too, is made while it loads, so before any program's own first line.
  if (Deno.args.includes("--device=cpu")) setDefault("CUDA_VISIBLE_DEVICES", "-1");
  const place = placeHere();
  if (place) Deno.env.set("CUDA_VISIBLE_DEVICES", gpuOf(place, Deno.env.get("CUDA_VISIBLE_DEVICES")));
  setDefault("TF_CPP_MIN_LOG_LEVEL", "2");
  try {
    const isQuiet = Number(Deno.env.get("TF_CPP_MIN_LOG_LEVEL")) >= 2;
    const module = await (isQuiet ? withoutStderr(importTfjs) : importTfjs());
    return (module as unknown as { default?: typeof TF }).default ?? module;
  } catch (cause) {
    throw new EngineError(
      "TensorFlow could not be loaded. Run `deno task setup`, which puts it in place or says what is missing. " +
        `(${(cause as Error).message.split("\n")[0]})`,
      { cause },
    );
  }
}

// Dynamic, since a static import would run before node:util is mended.
function importTfjs(): Promise<typeof TF> {
  return import("@tensorflow/tfjs-node-gpu");
}

function setDefault(name: string, value: string): void {
  if (Deno.env.get(name) === undefined) Deno.env.set(name, value);
}

/**
 * While TensorFlow loads, it writes log lines that TF_CPP_MIN_LOG_LEVEL does not reach yet. They would stand in front
 * of everything that every program prints, so file descriptor 2 leads nowhere for that moment.
 */
async function withoutStderr<T>(body: () => Promise<T>): Promise<T> {
  const libc = Deno.dlopen("libc.so.6", {
    open: { parameters: ["buffer", "i32"], result: "i32" },
    dup: { parameters: ["i32"], result: "i32" },
    dup2: { parameters: ["i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  const { open, dup, dup2, close } = libc.symbols;
  const WRITE_ONLY = 1;
  const stderr = dup(2);
  const nowhere = open(new TextEncoder().encode("/dev/null\0"), WRITE_ONLY);
  dup2(nowhere, 2);
  try {
    return await body();
  } finally {
    dup2(stderr, 2);
    close(stderr);
    close(nowhere);
    libc.close();
  }
}

/** Names of the GPUs as NVIDIA's driver gives them, "NVIDIA H100 80GB HBM3" or "2 x ..."; heeds CUDA_VISIBLE_DEVICES. */
function gpuNames(): string {
  const driver = Deno.dlopen("libcuda.so.1", {
    cuInit: { parameters: ["u32"], result: "i32" },
    cuDeviceGetCount: { parameters: ["buffer"], result: "i32" },
    cuDeviceGetName: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  });
  try {
    const { cuInit, cuDeviceGetCount, cuDeviceGetName } = driver.symbols;
    const count = new Int32Array(1);
    const name = new Uint8Array(256);
    // Devices are handles that count from 0.
    if (cuInit(0) || cuDeviceGetCount(count) || cuDeviceGetName(name, name.length, 0)) return "GPU";
    const text = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    return count[0] > 1 ? `${count[0]} x ${text}` : text;
  } finally {
    driver.close();
  }
}
