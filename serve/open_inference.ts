/**
 * The Open Inference Protocol (KServe v2): the model's tensors as JSON.
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { Values } from "@emoco/web/inference";
import { type ModelCard, outputShape } from "@emoco/web/model-card";
import { ApiError } from "./api_error.ts";
import { floatsOf } from "./infer_body.ts";
import type { Inference } from "./image_detector.ts";
import type { inferRequestSchema, inferResponseSchema, modelMetadataSchema } from "./schemas.ts";

type InferRequest = z.infer<typeof inferRequestSchema>;
type InferResponse = z.infer<typeof inferResponseSchema>;

/** Refuses a name or version that is not the model's. */
export function checkModel(asked: { model: string; version?: string }, { name, version }: ModelCard): void {
  if (asked.model !== name) {
    throw new ApiError(404, "no-such-model", `There is no model of that name; this one is "${name}".`);
  }
  if (asked.version !== undefined && asked.version !== version) {
    throw new ApiError(
      404,
      "no-such-model",
      `There is no such version of "${name}"; this one is "${version}".`,
    );
  }
}

/** Inputs and outputs; -1 stands for any number of faces, and for the features, whose number the card does not tell. */
export function modelMetadata(card: ModelCard): z.infer<typeof modelMetadataSchema> {
  const { name, version, input: { size }, aus, emotions, outputs = [] } = card;
  const tensor = (name: string, ...shape: number[]) => ({ name, datatype: "FP32" as const, shape });
  return {
    name,
    versions: [version],
    platform: "onnxruntime_onnx",
    inputs: [tensor("image", -1, 3, size, size)],
    outputs: [
      tensor("probabilities", -1, aus.length),
      tensor("features", -1, -1),
      ...(emotions ? [tensor("emotions", -1, emotions.length)] : []),
      ...outputs.map((name) => tensor(name, -1, ...outputShape(name, aus.length))),
    ],
  };
}

/** The input tensor, from JSON or from the bytes behind it; throws an ApiError that says what does not fit. */
export function readInput(
  { inputs: [{ shape, data, parameters }] }: InferRequest,
  binary: Uint8Array,
  { input: { size } }: ModelCard,
): Values {
  const bytes = parameters?.binary_data_size;
  if ((data === undefined) === (bytes === undefined)) {
    throw bad('The tensor "image" must have either "data" or the parameter "binary_data_size".');
  }
  const [count, ...rest] = shape;
  if (rest.join() !== `3,${size},${size}`) {
    throw bad(`The shape of "image" must be [N, 3, ${size}, ${size}], is [${shape.join(", ")}].`);
  }
  const length = count * 3 * size * size;
  if (bytes !== undefined || binary.length > 0) {
    if (bytes !== binary.length || bytes !== 4 * length) {
      throw bad(
        `The tensor "image" must hold ${
          4 * length
        } bytes as its shape says; "binary_data_size" is ${bytes}, and ` +
          `${binary.length} follow the JSON.`,
      );
    }
    return { data: checkNumbers(floatsOf(binary)), dims: shape };
  }
  const flat = Array.isArray(data![0]) ? flatten(data!, shape) : data!;
  if (flat.length !== length) {
    throw bad(`The tensor "image" must hold ${length} numbers as its shape says, has ${flat.length}.`);
  }
  if (!flat.every((value) => typeof value === "number")) throw notNumbers();
  return { data: checkNumbers(Float32Array.from(flat as number[])), dims: shape };
}

/** Nested data must be nested as the shape says, to its last dimension. */
function flatten(data: readonly unknown[], shape: readonly number[]): readonly unknown[] {
  let level = data;
  for (const [depth, count] of shape.entries()) {
    const isLast = depth === shape.length - 1;
    if (depth === 0 && level.length !== count) throw notNested(shape);
    if (isLast) break;
    if (!level.every((part) => Array.isArray(part) && part.length === shape[depth + 1])) {
      throw notNested(shape);
    }
    level = level.flat();
  }
  return level;
}

function checkNumbers(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  if (!data.every(Number.isFinite)) throw notNumbers();
  return data;
}

function notNested(shape: readonly number[]): ApiError {
  return bad(`The tensor "image" must be flat, or nested as its shape [${shape.join(", ")}] says.`);
}

function notNumbers(): ApiError {
  return bad('The tensor "image" must hold nothing but finite FP32 numbers.');
}

/** Which outputs are asked for as bytes. */
export function wantsBinary({ outputs, parameters }: InferRequest): (name: string) => boolean {
  const all = parameters?.binary_data_output ?? false;
  return (name) => outputs?.find((output) => output.name === name)?.parameters?.binary_data ?? all;
}

/** The outputs that were asked for, or all. */
export function writeOutputs(
  { id, outputs: asked }: InferRequest,
  { model, outputs }: Inference,
): InferResponse {
  const names = asked?.map(({ name }) => name) ?? Object.keys(outputs);
  const unknown = names.find((name) => !Object.hasOwn(outputs, name));
  if (unknown !== undefined) {
    throw bad(`The model has no output of the name asked for; it has ${Object.keys(outputs).join(", ")}.`);
  }
  return {
    model_name: model.name,
    model_version: model.version,
    ...(id === undefined ? {} : { id }),
    outputs: names.map((name) => {
      const { data, dims } = outputs[name];
      return { name, shape: [...dims], datatype: "FP32" as const, data: Array.from(data) };
    }),
  };
}

function bad(message: string): ApiError {
  return new ApiError(400, "bad-request", message);
}
