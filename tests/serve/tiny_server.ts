/** A server with a model small enough to be quick. */
import type { ModelCard } from "@emoco/web/model-card";
import { Served } from "../../tools/served.ts";
import { type TinyModel, writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";

/** A model of two AUs and three emotions, read off the face's mean colour. */
export const TINY: TinyModel = {
  weights: [[1.5, -0.7], [0.3, 0.9], [-2, 0.4]],
  bias: [0.1, -0.2],
  emotions: [[1, 0, -1], [0.5, 2, 0], [-1, 1, 0.5]],
};

/** A model file and its card. */
export interface Files {
  readonly model: Uint8Array;
  readonly card: Uint8Array;
}

/** Bytes of the tiny model, or of others, and a card for them. */
export async function tinyFiles(
  changes: Partial<ModelCard> = {},
  model: Uint8Array = writeTinyModel(TINY, 32),
): Promise<Files> {
  const card = await writeTinyCard(model, { emotions: ["neutral", "happy", "fear"], ...changes });
  return { model, card: new TextEncoder().encode(JSON.stringify(card)) };
}

/** Writes them into a folder, each whole at once as training does. */
export async function writeModelFolder(folder: string, { model, card }: Files): Promise<void> {
  for (const [name, bytes] of [["emoco.onnx", model], ["emoco.json", card]] as const) {
    await Deno.writeFile(`${folder}/${name}.tmp`, bytes);
    await Deno.rename(`${folder}/${name}.tmp`, `${folder}/${name}`);
  }
}

/** A server of the tiny model in a folder of its own; `end` removes that as well. */
export async function startTiny(options: readonly string[] = [], permissions: readonly string[] = []) {
  const folder = await Deno.makeTempDir({ prefix: "emoco-serve-" });
  await writeModelFolder(folder, await tinyFiles());
  const served = await Served.start([`--model=${folder}`, "--grace=0", ...options], permissions);
  const end = async () => {
    const code = await served.end();
    await Deno.remove(folder, { recursive: true });
    return code;
  };
  return { folder, served, url: served.url, end };
}
