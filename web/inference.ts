/**
 * The little of onnxruntime that this package needs. `onnxruntime-web`, its `/webgpu` entry and
 * `onnxruntime-node` all fit `OrtLike`; whoever loads a model hands one of them in.
 * @module
 */

/** A tensor of onnxruntime. */
export interface OrtTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
  dispose(): void;
}

/** A loaded model of onnxruntime. */
export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** An onnxruntime package. */
export interface OrtLike {
  readonly InferenceSession: {
    create(model: Uint8Array, options?: SessionOptions): Promise<OrtSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
}

/** What a session may be told; the provider names are those of onnxruntime. */
export interface SessionOptions {
  readonly executionProviders?: readonly ("wasm" | "webgpu" | "cpu")[];
  readonly intraOpNumThreads?: number;
  /** 2 shows warnings, 3 (the default here) only errors. */
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
}

/** Numbers with their shape. */
export interface Values {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/** A model in memory that takes one tensor. */
export interface Model {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Runs the model; all outputs by name. */
  run(input: Values): Promise<Record<string, Values>>;
  /** Frees the model's memory once its last run is over. */
  release(): Promise<void>;
}

/** Loads an ONNX file; what onnxruntime rejects is reported with `what`, the file's name for the reader. */
export async function loadModel(
  ort: OrtLike,
  bytes: Uint8Array,
  what: string,
  options: SessionOptions = {},
): Promise<Model> {
  let session: OrtSession;
  try {
    session = await oneAtATime(
      ort,
      () => ort.InferenceSession.create(bytes, { logSeverityLevel: 3, ...options }),
    );
  } catch (error) {
    throw new TypeError(`${what} cannot be loaded by onnxruntime: ${messageOf(error)}`, { cause: error });
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    run: (input) => oneAtATime(ort, () => runOnce(ort, session, input)),
    release: () => oneAtATime(ort, () => session.release()),
  };
}

async function runOnce(ort: OrtLike, session: OrtSession, input: Values): Promise<Record<string, Values>> {
  const tensor = new ort.Tensor("float32", input.data, input.dims);
  const results = await session.run({ [session.inputNames[0]]: tensor });
  tensor.dispose();
  return Object.fromEntries(
    Object.entries(results).map(([name, result]) => {
      if (!(result.data instanceof Float32Array)) throw new TypeError(`Output "${name}" is not float32.`);
      const values = { data: result.data.slice(), dims: [...result.dims] };
      result.dispose(); // the memory behind `data` may go with it, hence the copy
      return [name, values];
    }),
  );
}

/** The last job of each runtime. Two sessions that run at once on one WebGPU device can crash it. */
const lastJob = new WeakMap<OrtLike, Promise<unknown>>();

function oneAtATime<T>(ort: OrtLike, job: () => Promise<T>): Promise<T> {
  const result = (lastJob.get(ort) ?? Promise.resolve()).then(job);
  lastJob.set(ort, result.catch(() => undefined));
  return result;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
