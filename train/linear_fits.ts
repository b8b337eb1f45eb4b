/** The linear protocol: features once, then one layer a fold and one on everything. */
import type { AuModel } from "./au_model.ts";
import type { FinetuneConfig } from "./config.ts";
import { type Face, holdBackSubjects } from "./data.ts";
import { extractFeatures } from "./features.ts";
import { type FinetuneRun, printFold, readableRows, rowsAt } from "./finetune_run.ts";
import type { FoldBook } from "./fold_book.ts";
import type { Fold } from "./folds.ts";
import { classify, fitClassifier, type LinearClassifier } from "./linear_probe.ts";
import { type Label, mean, scoreUnits } from "./metrics.ts";
import { labelRows } from "./online_probe.ts";
import { Progress } from "./progress.ts";
import type { ViewLoader } from "./views.ts";

/** Fits every fold and the model that is kept. */
export async function linearFits(
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
