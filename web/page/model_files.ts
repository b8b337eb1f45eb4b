/**
 * The user's own model from disk.
 * @module
 */
import type { ModelFiles } from "./messages.ts";

/** Whether files are meant as a model: `emoco.json` and an ONNX file. */
export function areModel(files: readonly File[]): boolean {
  return files.some(({ name }) => /\.(onnx|json)$/i.test(name));
}

/** Reads a model; throws an Error that says which of the two files is missing. */
export async function readModel(files: readonly File[]): Promise<ModelFiles> {
  const card = files.find(({ name }) => /\.json$/i.test(name));
  const model = files.find(({ name }) => /\.onnx$/i.test(name));
  if (!card || !model) {
    throw new Error(
      `A model is two files: ${
        card ? "the model file (.onnx)" : "the model card (emoco.json)"
      } is missing. ` +
        `Choose or drop both together.`,
    );
  }
  const bytes = async (file: File) => new Uint8Array(await file.arrayBuffer());
  return { card: await bytes(card), model: await bytes(model) };
}
