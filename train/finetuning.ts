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
    console.log(`${loader.skipped.size} pictures could not be decoded and were replaced.`);
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
  const progress = new Progress(faces.length);
  const show = (done: number) => progress.show(done, `features  ${done}/${faces.length} faces`);
  const features = await extractFeatures(source.backbone, loader, everyone, show);
  progress.end();
  const labels = labelRows(faces, aus);
  const columns = features.length / faces.length;
  const pick = (indices: Int32Array) => ({
    features: rowsAt(features, columns, indices),
    labels: Array.from(indices, (i) => labels[i]),
    faces: Array.from(indices, (i) => faces[i]),
  });
  folds.forEach(({ train, test, testSubjects }, i) => {
    if (book.has(i + 1)) return;
    const { classifier, rate } = fitWithRate(pick(train), aus, config);
    const asked = pick(test);
    const probabilities = classify(classifier, asked.features);
    const units = scoreUnits(aus, probabilities, asked.labels);
    book.record({ fold: i + 1, testSubjects, units, rate }, asked.faces, probabilities);
    printFold(i + 1, folds.length, units);
  });
  return { backbone: source.backbone, aus, classifier: fitWithRate(pick(everyone), aus, config).classifier };
}

/** Fits with the learning rate that does best on an inner split by subject of the same faces. */
function fitWithRate(
  { features, labels, faces }: { features: Float32Array; labels: Label[][]; faces: Face[] },
  aus: readonly number[],
  { probeRates, probeSteps, weightDecay, seed }: FinetuneConfig,
): { classifier: LinearClassifier; rate: number } {
  const columns = features.length / faces.length;
  const { held } = holdBackSubjects(faces, 0.2, seed);
  const heldFaces = new Set(held);
  const [inner, outer] = [faces.map((face) => !heldFaces.has(face)), faces.map((face) => heldFaces.has(face))]
    .map(
      (mask) => Int32Array.from(mask.flatMap((chosen, i) => chosen ? [i] : [])),
    );
  const at = (indices: Int32Array) => Array.from(indices, (i) => labels[i]);
  const fit = (rate: number, x: Float32Array, y: Label[][]) =>
    fitClassifier(x, y, { learningRate: rate, steps: probeSteps, weightDecay });
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
