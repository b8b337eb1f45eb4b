/** Action-unit training: every fold of the protocol, then the model that is kept, fitted on all faces. */
import type { AuModel } from "./au_model.ts";
import type { FinetuneConfig } from "./config.ts";
import type { Face } from "./data.ts";
import { type Backbone, extractFeatures } from "./features.ts";
import { finetuneFits } from "./finetune_fits.ts";
import { FoldBook, type FoldResult } from "./fold_book.ts";
import { type Fold, subjectFolds } from "./folds.ts";
import { classify, fitClassifier, type LinearClassifier } from "./linear_probe.ts";
import { holdBackSubjects } from "./data.ts";
import { type Label, mean, scoreUnits } from "./metrics.ts";
import { labelRows } from "./online_probe.ts";
import { Progress } from "./progress.ts";
import type { Weights } from "./resnet.ts";
import { averageFolds } from "./score_table.ts";
import { ViewLoader, type ViewOptions } from "./views.ts";

/** What action-unit training starts from. */
export interface Source {
  /** Name of the pretraining run, or `random`. */
  name: string;
  backbone: Backbone;
  imageSize: number;
  /** Projection head and emotion classifier, where the source was pretrained with emotions. */
  emotionHead?: Weights;
  /** Subjects that the backbone has learnt from. */
  pretrainingSubjects: readonly string[];
  /** Data that it has learnt from, and SHA-256 of its checkpoint; absent for random weights. */
  pretrainingData?: string;
  sha256?: string;
}

/** One run of action-unit training. */
export interface FinetuneRun {
  name: string;
  folder: string;
  config: FinetuneConfig & { skipBroken: boolean };
  source: Source;
  /** Path of the manifest, its faces that carry labels, and the action units that they are labelled with. */
  manifest: string;
  faces: readonly Face[];
  aus: readonly number[];
  eager: boolean;
  resumes: boolean;
}

/** Cross-validates and fits; `undefined` when Ctrl-C stopped it after saving. */
export async function trainUnits(
  run: FinetuneRun,
): Promise<{ model: AuModel; folds: FoldResult[] } | undefined> {
  const { config, faces, source } = run;
  const folds = subjectFolds(faces, config.folds, config.seed);
  using loader = new ViewLoader(faces, viewOptions(config, source.imageSize));
  const book = new FoldBook(run.folder, run.aus, run.resumes);
  const fits = config.protocol === "linear"
    ? linearFits(run, folds, loader, book)
    : finetuneFits(run, folds, loader, book);
  const model = await fits;
  if (!model) return undefined;
  if (loader.skipped.size) {
    console.log(
      `${loader.skipped.size} pictures could not be decoded; nothing was learnt from them or tested on them.`,
    );
  }
  // After finetuning the backbone is no longer the one that the emotion classifier knows.
  return {
    model: config.protocol === "linear" ? { ...model, emotionHead: source.emotionHead } : model,
    folds: book.results,
  };
}

/** How faces are seen in action-unit training. */
export function viewOptions(
  config: FinetuneConfig & { skipBroken: boolean },
  imageSize: number,
): ViewOptions {
  return { ...config, size: imageSize, views: "finetune" };
}

/** The linear protocol: features once, then one layer a fold and one on everything. */
async function linearFits(
  run: FinetuneRun,
  folds: readonly Fold[],
  loader: ViewLoader,
  book: FoldBook,
): Promise<AuModel> {
  const { faces, aus, source, config } = run;
  const everyone = Int32Array.from(faces, (_, i) => i);
  const extracting = new Progress(faces.length);
  const show = (done: number) => extracting.show(done, `features  ${done}/${faces.length} faces`);
  const features = await extractFeatures(source.backbone, loader, everyone, show);
  extracting.end();
  const labels = labelRows(faces, aus);
  const columns = features.length / faces.length;
  const pick = (indices: Int32Array) => {
    const { rows, kept } = readableRows(indices, rowsAt(features, columns, indices), loader);
    return {
      features: rows,
      labels: Array.from(kept, (i) => labels[i]),
      faces: Array.from(kept, (i) => faces[i]),
    };
  };
  const perFold = config.probeRates.length > 1 ? config.probeRates.length + 1 : 1;
  const fitting = new Progress((folds.length + 1) * perFold);
  let fitted = 0;
  const tick = (what: string) => () =>
    fitting.show(++fitted, `${what}  classifier ${fitted}/${(folds.length + 1) * perFold}`);
  for (const [i, { train, test, testSubjects }] of folds.entries()) {
    if (book.has(i + 1)) {
      fitted += perFold;
      continue;
    }
    const { classifier, rate } = fitWithRate(pick(train), aus, config, tick(`fold ${i + 1}/${folds.length}`));
    const asked = pick(test);
    const probabilities = classify(classifier, asked.features);
    const units = scoreUnits(aus, probabilities, asked.labels);
    book.record({ fold: i + 1, testSubjects, units, rate }, asked.faces, probabilities);
    fitting.end();
    printFold(i + 1, folds.length, units);
  }
  const { classifier } = fitWithRate(pick(everyone), aus, config, tick("all faces"));
  fitting.end();
  return { backbone: source.backbone, aus, classifier };
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

/** Fits with the learning rate that does best on an inner split by subject of the same faces. */
function fitWithRate(
  { features, labels, faces }: { features: Float32Array; labels: Label[][]; faces: Face[] },
  aus: readonly number[],
  { probeRates, probeSteps, weightDecay, seed }: FinetuneConfig,
  onFit: () => void,
): { classifier: LinearClassifier; rate: number } {
  const columns = features.length / faces.length;
  const { held } = holdBackSubjects(faces, 0.2, seed);
  const heldFaces = new Set(held);
  const [inner, outer] = [faces.map((face) => !heldFaces.has(face)), faces.map((face) => heldFaces.has(face))]
    .map(
      (mask) => Int32Array.from(mask.flatMap((chosen, i) => chosen ? [i] : [])),
    );
  const at = (indices: Int32Array) => Array.from(indices, (i) => labels[i]);
  const fit = (rate: number, x: Float32Array, y: Label[][]) => {
    const classifier = fitClassifier(x, y, { learningRate: rate, steps: probeSteps, weightDecay });
    onFit();
    return classifier;
  };
  let rate = probeRates[0];
  if (probeRates.length > 1 && inner.length > 0 && outer.length > 0) {
    const scores = probeRates.map((candidate) => {
      const probabilities = classify(
        fit(candidate, rowsAt(features, columns, inner), at(inner)),
        rowsAt(features, columns, outer),
      );
      return mean(scoreUnits(aus, probabilities, at(outer)).map((unit) => unit.f1));
    });
    rate = probeRates[scores.indexOf(Math.max(...scores))];
  }
  return { classifier: fit(rate, features, labels), rate };
}

/** Prints what a fold gave. */
export function printFold(fold: number, folds: number, units: FoldResult["units"]): void {
  const { f1, auc } = averageFolds([units]);
  console.log(`fold ${fold}/${folds}: F1 ${(100 * f1).toFixed(1)}, AUC ${(100 * auc).toFixed(1)}`);
}

function rowsAt(matrix: Float32Array, columns: number, indices: Int32Array): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(indices.length * columns);
  indices.forEach((from, to) =>
    rows.set(matrix.subarray(from * columns, (from + 1) * columns), to * columns)
  );
  return rows;
}
