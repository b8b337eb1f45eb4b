/** A model small enough to be worked out by hand, written as ONNX. */
import type { ModelCard } from "@emoco/web/model-card";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { type Field, initializer, integers, message, node, tensorInfo } from "./onnx_writer.ts";

/** What the model computes from a face's mean red, green and blue: sigmoid(W rgb + b) and softmax(V rgb). */
export interface TinyModel {
  /** [3][A] */
  readonly weights: readonly (readonly number[])[];
  /** [A] */
  readonly bias: readonly number[];
  /** [3][C]; without it the model has no emotions. */
  readonly emotions?: readonly (readonly number[])[];
  /** Names of input and outputs, for models that do not fit. */
  readonly names?: Partial<Record<"image" | "probabilities" | "features" | "emotions", string>>;
  /** What else the model says: a row of numbers for each output, every face's plus `slope` times its mean red. */
  readonly outputs?: Partial<Record<string, TinyOutput>>;
  /** A fixed number of faces instead of any. */
  readonly batch?: number;
}

/** An output that is the same for every face, or moves with its mean red, as normalised. */
export interface TinyOutput {
  /** Of one face's row. */
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly slope?: readonly number[];
}

/** The model's bytes, for crops of `size` pixels. */
export function writeTinyModel(model: TinyModel, size: number): Uint8Array {
  const image = model.names?.image ?? "image", features = model.names?.features ?? "features";
  const probabilities = model.names?.probabilities ?? "probabilities";
  const emotions = model.names?.emotions ?? "emotions";
  const count = model.bias.length, batch = model.batch ?? "N";
  const graph: Field[] = [
    [1, node("GlobalAveragePool", [image], "pooled")],
    [1, node("Flatten", ["pooled"], features, { axis: 1 })],
    [1, node("Gemm", [features, "weights", "bias"], "logits")],
    [1, node("Sigmoid", ["logits"], probabilities)],
    [2, "tiny"],
    [5, initializer("weights", [3, count], model.weights.flat())],
    [5, initializer("bias", [count], [...model.bias])],
    [11, tensorInfo(image, [batch, 3, size, size])],
    [12, tensorInfo(probabilities, [batch, count])],
    [12, tensorInfo(features, [batch, 3])],
  ];
  if (model.emotions) {
    const emotionCount = model.emotions[0].length;
    graph.push(
      [1, node("MatMul", [features, "emotionWeights"], "emotionLogits")],
      [1, node("Softmax", ["emotionLogits"], emotions, { axis: 1 })],
      [5, initializer("emotionWeights", [3, emotionCount], model.emotions.flat())],
      [12, tensorInfo(emotions, [batch, emotionCount])],
    );
  }
  for (const [name, output] of Object.entries(model.outputs ?? {})) {
    const { shape, values, slope = values.map(() => 0) } = output!;
    const weights = [...slope, ...values.map(() => 0), ...values.map(() => 0)];
    graph.push(
      [1, node("Gemm", [features, `${name}Weights`, `${name}Bias`], `${name}Rows`)],
      [1, node("Reshape", [`${name}Rows`, `${name}Shape`], name)],
      [5, initializer(`${name}Weights`, [3, values.length], weights)],
      [5, initializer(`${name}Bias`, [values.length], values)],
      [5, integers(`${name}Shape`, [-1, ...shape])],
      [12, tensorInfo(name, [batch, ...shape])],
    );
  }
  return message([1, 8], [7, message(...graph)], [8, message([1, ""], [2, 13])]);
}

/** The card of a tiny model with these AUs, its digest worked out anew. */
export async function writeTinyCard(bytes: Uint8Array, changes: Partial<ModelCard> = {}): Promise<ModelCard> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice()));
  return {
    format: 1,
    name: "tiny",
    version: "1.0.0",
    target: "occurrence",
    aus: [{ au: 12, threshold: 0.5 }, { au: 4, threshold: 0.3 }],
    emotions: null,
    input: {
      size: 32,
      layout: "NCHW",
      channels: "RGB",
      range: [0, 1],
      mean: [0.5, 0.4, 0.3],
      std: [0.2, 0.25, 0.5],
    },
    alignment: { points: ALIGNMENT_POINTS, template: ALIGNMENT_TEMPLATE },
    training: { data: "none", subjectsSha256: "0".repeat(64) },
    metrics: {},
    files: { "emoco.onnx": { sha256: digest.toHex(), precision: "float32" } },
    licence: "MIT",
    limits: "A test's model.",
    ...changes,
  };
}
