/**
 * The Open Inference Protocol (KServe v2): the model's tensors as JSON.
 * @module
 */
import type { z } from "@hono/zod-openapi";
import type { Values } from "@emoco/web/inference";
import { type ModelCard, outputShape } from "@emoco/web/model-card";
import { ApiError } from "./api_error.ts";
import type { Inference } from "./image_detector.ts";
import type { inferRequestSchema, inferResponseSchema, modelMetadataSchema } from "./schemas.ts";

type InferRequest = z.infer<typeof inferRequestSchema>;
type InferResponse = z.infer<typeof inferResponseSchema>;

/** Refuses a name that is not the model's. */
export function checkModelName(asked: string, { name }: ModelCard): void {
  if (asked !== name) {
    throw new ApiError(404, "no-such-model", `There is no model of that name; this one is "${name}".`);
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

/** The input tensor; throws an ApiError that says what does not fit. */
export function readInput(
  { inputs: [{ shape, data }] }: InferRequest,
  { input: { size } }: ModelCard,
): Values {
  const [count, ...rest] = shape;
  if (rest.join() !== `3,${size},${size}`) {
    throw bad(`The shape of "image" must be [N, 3, ${size}, ${size}], is [${shape.join(", ")}].`);
  }
  const flat: unknown[] = data.length === count && Array.isArray(data[0]) ? data.flat(3) : data;
  const length = count * 3 * size * size;
  if (flat.length !== length) {
    throw bad(`The tensor "image" must hold ${length} numbers as its shape says, has ${flat.length}.`);
  }
  if (!flat.every((value) => typeof value === "number" && Number.isFinite(Math.fround(value)))) {
    throw bad('The tensor "image" must hold nothing but finite FP32 numbers.');
  }
  return { data: Float32Array.from(flat as number[]), dims: shape };
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
