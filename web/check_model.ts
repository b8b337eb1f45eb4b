/**
 * Whether a model fits its card, seen by running it.
 * @module
 */
import type { Model, Values } from "./inference.ts";
import { type ModelCard, outputShape } from "./model_card.ts";

/** Two empty faces through the model: their outputs show whether it fits the card, and the first run is over. */
export async function checkModel(
  model: Model,
  { aus, emotions, input, outputs: more = [] }: ModelCard,
): Promise<void> {
  if (model.inputs.join() !== "image") {
    throw new TypeError(`The model must have one input "image", has ${quote(model.inputs)}.`);
  }
  const expected: [name: string, row: readonly (number | "F")[]][] = [
    ["probabilities", [aus.length]],
    ["features", ["F"]],
  ];
  if (emotions) expected.push(["emotions", [emotions.length]]);
  for (const name of more) expected.push([name, outputShape(name, aus.length)]);
  for (const [name] of expected) {
    if (!model.outputs.includes(name)) {
      throw new TypeError(`The model must have the output "${name}", has ${quote(model.outputs)}.`);
    }
  }
  if (!emotions && model.outputs.includes("emotions")) {
    throw new TypeError('The model has an output "emotions", but its card names no emotions.');
  }
  const dims = [2, 3, input.size, input.size];
  let outputs: Record<string, Values>;
  try {
    outputs = await model.run({ data: new Float32Array(2 * 3 * input.size * input.size), dims });
  } catch (error) {
    throw new TypeError(
      `The model does not run on [${dims.join(", ")}] as its card says: ${(error as Error).message}`,
      { cause: error },
    );
  }
  for (const [name, row] of expected) {
    const [rows, ...found] = outputs[name].dims;
    const fits = found.length === row.length &&
      found.every((length, i) => row[i] === "F" || length === row[i]);
    if (rows !== 2 || !fits) {
      throw new TypeError(
        `The model's output "${name}" must be [N, ${row.join(", ")}], is [${
          outputs[name].dims.join(", ")
        }] for N = 2.`,
      );
    }
  }
}

function quote(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
