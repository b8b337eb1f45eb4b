/** One run of action-unit training: what it starts from, how it sees faces, and what its protocols share. */
import type { FinetuneConfig } from "./finetune_config.ts";
import type { AuModel } from "./au_model.ts";
import type { Face } from "../input/data.ts";
import type { Backbone } from "./features.ts";
import type { LinearClassifier } from "./linear_probe.ts";
import type { FoldResult } from "./fold_book.ts";
import type { Fold } from "../scores/folds.ts";
import type { Weights } from "../nets/resnet.ts";
import { averageFolds } from "../scores/score_table.ts";
import type { ViewLoader, ViewOptions } from "../input/views.ts";

/** What action-unit training starts from: an encoder, or a finished model that is to learn more. */
export interface Source {
  /** Name of the run, or `random`. */
  name: string;
  /** "EmoCo", "MoCo", "emotion only", "random encoder", or the switches where it is none of them. */
  method: string;
  backbone: Backbone;
  imageSize: number;
  /** Projection head and emotion classifier, where the source was pretrained with emotions. */
  emotionHead?: Weights;
  /** Of a finished action-unit model: its layers beside the backbone, which training goes on with. */
  units?: { aus: readonly number[]; classifier: LinearClassifier; heads: Weights };
  /** Subjects that it has learnt from. */
  pretrainingSubjects: readonly string[];
  /** Data that it has learnt from, and SHA-256 of its checkpoint; absent for random weights. */
  pretrainingData?: string;
  /** Data sets that its manifest's lines name. */
  pretrainingSets: readonly string[];
  sha256?: string;
}

/** One run of action-unit training. */
export interface FinetuneRun {
  /** Task that goes on with it. */
  task: "finetune" | "benchmark";
  name: string;
  folder: string;
  config: FinetuneConfig & { skipBroken: boolean };
  source: Source;
  /** Path of the manifest, its faces that carry labels, and the action units that they are labelled with. */
  manifest: string;
  faces: readonly Face[];
  aus: readonly number[];
  /** By subject; a benchmark's are its protocol's. */
  folds: readonly Fold[];
  /** Whether a model is fitted on all faces after the folds, to be kept. */
  keepsModel: boolean;
  eager: boolean;
  resumes: boolean;
}

/** How the fits of a run ended. */
export interface Fits {
  /** False when Ctrl-C stopped them, after saving. */
  finished: boolean;
  /** Of a run that keeps one. */
  model?: AuModel;
}

/** How faces are seen in action-unit training. */
export function viewOptions(
  config: FinetuneConfig & { skipBroken: boolean },
  imageSize: number,
): ViewOptions {
  return { ...config, size: imageSize };
}

/**
 * The rows of the faces whose pictures could be decoded: with `skipBroken` another face stands in for a broken one, and
 * what is said of that one says nothing of the labels.
 * @param matrix one row for each of `indices`
 */
export function readableRows(
  indices: Int32Array,
  matrix: Float32Array<ArrayBuffer>,
  loader: ViewLoader,
): { rows: Float32Array<ArrayBuffer>; kept: Int32Array<ArrayBuffer> } {
  const at = Int32Array.from(indices, (_, row) => row).filter((row) => !loader.skipped.has(indices[row]));
  return { rows: rowsAt(matrix, matrix.length / indices.length, at), kept: at.map((row) => indices[row]) };
}

/** Prints what a fold gave. */
export function printFold(fold: number, folds: number, units: FoldResult["units"]): void {
  const { f1, auc } = averageFolds([units]);
  console.log(`fold ${fold}/${folds}: F1 ${(100 * f1).toFixed(1)}, AUC ${(100 * auc).toFixed(1)}`);
}

/** The given rows of a matrix, in the given order. */
export function rowsAt(
  matrix: Float32Array,
  columns: number,
  indices: Int32Array,
): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(indices.length * columns);
  indices.forEach((from, to) =>
    rows.set(matrix.subarray(from * columns, (from + 1) * columns), to * columns)
  );
  return rows;
}
