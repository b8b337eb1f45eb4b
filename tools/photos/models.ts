/**
 * Models to test on photographs: where card and file are, and whom they have learnt from.
 * @module
 */
import { type ModelCard, parseModelCard } from "@emoco/web/model-card";
import { basename, dirname, join } from "node:path";
import { COMMITTED } from "../detect/open.ts";
import { fromHere } from "../../train/runs/from_here.ts";
import { UsageError } from "../../train/runs/flags.ts";
import { exists } from "../../train/runs/whole_file.ts";
import type { Photo } from "./manifest.ts";

/** Where a model is. */
export interface ModelFiles {
  /** Paths of `emoco.json` and of the ONNX file that is run. */
  readonly card: string;
  readonly file: string;
}

/** A model with its card read. */
export interface TestedModel extends ModelFiles {
  /** Name and version, as "emoco-rendered-2". */
  readonly name: string;
  readonly content: ModelCard;
}

/**
 * Finds a model: a card (`web/model/emoco.json`), an ONNX file with its card beside it, or the folder of both, which may
 * be a run by its name. The committed model unless given.
 * @throws {UsageError} with one sentence where there is none
 */
export function findModel(wanted: string = join(COMMITTED, "emoco.json")): TestedModel {
  const isFile = /\.(json|onnx)$/.test(wanted), here = fromHere(wanted);
  const folder = isFile ? dirname(here) : exists(here) ? here : join("runs", wanted);
  const card = wanted.endsWith(".json") ? here : join(folder, "emoco.json");
  const file = wanted.endsWith(".onnx") ? here : join(folder, "emoco.onnx");
  for (const path of [card, file]) {
    if (exists(path)) continue;
    throw new UsageError(
      `--model=${wanted}: ${path} does not exist. Name a card, or the folder of an exported model (deno task export).`,
    );
  }
  let content: ModelCard;
  try {
    content = parseModelCard(JSON.parse(Deno.readTextFileSync(card)));
  } catch (error) {
    throw new UsageError(`${card}: ${(error as Error).message}`);
  }
  const half = basename(file) === "emoco.onnx" ? "" : `-${basename(file, ".onnx").replace("emoco.", "")}`;
  return { card, file, name: `${content.name}-${content.version}${half}`, content };
}

/**
 * Refuses to test on anybody that a model has learnt from, as far as the run's checkpoint lies beside the card and tells.
 * @throws {UsageError} naming the subject
 */
export function refuseKnown(model: TestedModel, photos: readonly Photo[]): void {
  const path = join(dirname(model.card), "checkpoint.safetensors");
  if (!exists(path)) return;
  const known = subjectsOf(path);
  const photo = photos.find(({ subject }) => known.has(subject));
  if (!photo) return;
  throw new UsageError(
    `${model.name} has learnt from subject "${photo.subject}" (${photo.image}): a test on people that a model has seen ` +
      "says nothing about others. Take the subject out of the manifest, or name another split.",
  );
}

/** The subjects that a checkpoint lists; they stand in its header, so that no tensor is read. */
function subjectsOf(path: string): Set<string> {
  using file = Deno.openSync(path, { read: true });
  const bytes = (count: number) => {
    const content = new Uint8Array(count);
    for (let done = 0, more; done < count; done += more) {
      more = file.readSync(content.subarray(done)) ?? 0;
      if (more === 0) throw new UsageError(`${path} is cut off: its header is not whole.`);
    }
    return content;
  };
  const length = Number(new DataView(bytes(8).buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes(length)));
  const subjects = JSON.parse(header.__metadata__.subjects) as Record<string, string[]>;
  return new Set(Object.values(subjects).flat());
}
