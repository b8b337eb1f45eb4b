/** The linear protocol: features once, then one layer a fold and one on everything. */
import type { FinetuneConfig } from "./finetune_config.ts";
import { type Face, holdBackSubjects } from "../input/data.ts";
import { cachedFeatures, dropFeatures } from "./feature_cache.ts";
import { type FinetuneRun, type Fits, printFold, readableRows, rowsAt } from "./finetune_run.ts";
import type { FoldBook } from "./fold_book.ts";
import { classify, fitClassifier, type LinearClassifier } from "./linear_probe.ts";
import { mean } from "../scores/metrics.ts";
import { Progress } from "../runs/progress.ts";
import { scoreTarget, type Share, targetRows } from "../scores/target.ts";
import type { ViewLoader } from "../input/views.ts";

/** Fits every fold, and the model that is kept where the run wants one. */
export async function linearFits(run: FinetuneRun, loader: ViewLoader, book: FoldBook): Promise<Fits> {
  const { faces, aus, source, config, folds, folder } = run;
  if (!run.keepsModel && folds.every((_, i) => book.has(i + 1))) return { finished: true };
  const everyone = Int32Array.from(faces, (_, i) => i);
  const pick = await openFeatures(run, loader);
  const perFold = config.probeRates.length > 1 ? config.probeRates.length + 1 : 1;
  const total = (folds.length + Number(run.keepsModel)) * perFold;
  const fitting = new Progress(total);
  let fitted = 0;
  const tick = (what: string) => () => fitting.show(++fitted, `${what}  classifier ${fitted}/${total}`);
  for (const [i, { train, test, testSubjects }] of folds.entries()) {
    if (book.has(i + 1)) {
      fitted += perFold;
      continue;
    }
    // Runs over one and the same split differ by the people that the rate is chosen by.
    const settings = { ...config, seed: config.seed + i };
    const what = `fold ${i + 1}/${folds.length}`;
    const { classifier, rate } = fitWithRate(pick(train), aus, settings, tick(what));
    const asked = pick(test);
    const probabilities = classify(classifier, asked.features);
    const units = scoreTarget(config.target, aus, probabilities, asked.labels);
    book.record({ fold: i + 1, testSubjects, units, rate }, asked.faces, probabilities);
    fitting.end();
    printFold(i + 1, folds.length, units);
  }
  const { classifier } = run.keepsModel
    ? fitWithRate(pick(everyone), aus, config, tick("all faces"))
    : { classifier: undefined };
  fitting.end();
  dropFeatures(folder);
  return { finished: true, model: classifier && { backbone: source.backbone, aus, classifier } };
}

/** Faces with their features and labels, those whose picture could not be decoded left out. */
interface KnownFaces {
  features: Float32Array<ArrayBuffer>;
  labels: Share[][];
  faces: Face[];
}

/** Extracts the frozen features of all faces, once, and gives those of the faces at any indices. */
export async function openFeatures(
  { faces, aus, source, config, folder, resumes }: FinetuneRun,
  loader: ViewLoader,
): Promise<(indices: Int32Array) => KnownFaces> {
  const extracting = new Progress(faces.length);
  const show = (done: number) => extracting.show(done, `features  ${done}/${faces.length} faces`);
  const features = await cachedFeatures(folder, source.backbone, loader, resumes, show);
  extracting.end();
  const labels = targetRows(faces, aus, config.target);
  const columns = features.length / faces.length;
  return (indices) => {
    const { rows, kept } = readableRows(indices, rowsAt(features, columns, indices), loader);
    return {
      features: rows,
      labels: Array.from(kept, (i) => labels[i]),
      faces: Array.from(kept, (i) => faces[i]),
    };
  };
}

/** Fits with the learning rate that does best on an inner split by subject of the same faces. */
export function fitWithRate(
  { features, labels, faces }: KnownFaces,
  aus: readonly number[],
  { target, probeRates, probeSteps, weightDecay, seed }: FinetuneConfig,
  onFit: () => void = () => {},
): { classifier: LinearClassifier; rate: number } {
  const columns = features.length / faces.length;
  const { held } = holdBackSubjects(faces, 0.2, seed);
  const heldFaces = new Set(held);
  const [inner, outer] = [faces.map((face) => !heldFaces.has(face)), faces.map((face) => heldFaces.has(face))]
    .map(
      (mask) => Int32Array.from(mask.flatMap((chosen, i) => chosen ? [i] : [])),
    );
  const at = (indices: Int32Array) => Array.from(indices, (i) => labels[i]);
  const fit = (rate: number, x: Float32Array, y: Share[][]) => {
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
      return mean(scoreTarget(target, aus, probabilities, at(outer)).map(({ icc, f1 }) => icc ?? f1));
    });
    rate = probeRates[scores.indexOf(Math.max(...scores))];
  }
  return { classifier: fit(rate, features, labels), rate };
}
