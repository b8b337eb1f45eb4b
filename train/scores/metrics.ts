/**
 * Measures of a classifier: F1, area under the ROC curve, positive rate, nearest-neighbour accuracy.
 *
 * Scores and labels are plain arrays; an unlabelled cell is `undefined` and counts nowhere.
 */

/** Counts of decisions against labels. */
export interface Confusion {
  truePositives: number;
  falsePositives: number;
  falseNegatives: number;
  trueNegatives: number;
}

/** Label of a cell; `undefined` where nobody labelled it. */
export type Label = boolean | undefined;

/** Counts the decisions `score >= threshold`. */
export function confusion(scores: ArrayLike<number>, labels: ArrayLike<Label>, threshold = 0.5): Confusion {
  const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === undefined) continue;
    const present = scores[i] >= threshold;
    if (labels[i]) present ? counts.truePositives++ : counts.falseNegatives++;
    else present ? counts.falsePositives++ : counts.trueNegatives++;
  }
  return counts;
}

/** F1 = 2 TP / (2 TP + FP + FN); 0 where there is neither a positive label nor a positive decision (scikit-learn). */
export function f1Score({ truePositives, falsePositives, falseNegatives }: Confusion): number {
  const denominator = 2 * truePositives + falsePositives + falseNegatives;
  return denominator === 0 ? 0 : 2 * truePositives / denominator;
}

/** Area under the ROC curve by ranks, ties counted half (Mann and Whitney); `NaN` when a class is missing. */
export function areaUnderRoc(scores: ArrayLike<number>, labels: ArrayLike<Label>): number {
  const order = [];
  for (let i = 0; i < labels.length; i++) if (labels[i] !== undefined) order.push(i);
  order.sort((one, other) => scores[one] - scores[other]);
  let positives = 0, rankSum = 0;
  for (let i = 0; i < order.length;) {
    let end = i;
    while (end < order.length && scores[order[end]] === scores[order[i]]) end++;
    const rank = (i + 1 + end) / 2; // ranks i+1 .. end share their mean
    for (; i < end; i++) {
      if (!labels[order[i]]) continue;
      positives++;
      rankSum += rank;
    }
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return NaN;
  return (rankSum - positives * (positives + 1) / 2) / (positives * negatives);
}

/** Share of labelled cells that are positive; `NaN` without any. */
export function positiveRate(labels: ArrayLike<Label>): number {
  let positives = 0, count = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === undefined) continue;
    count++;
    if (labels[i]) positives++;
  }
  return positives / count;
}

/** Mean of the numbers that are numbers; `NaN` without any. */
export function mean(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}

/** One action unit's measures on one test set. */
export interface UnitScores extends Confusion {
  au: number;
  f1: number;
  auc: number;
  positiveRate: number;
  /** Labelled faces. */
  count: number;
  /** Of intensities 0-5, where they were learnt: ICC(3,1), Pearson's correlation, mean absolute error. */
  icc?: number;
  pcc?: number;
  mae?: number;
}

/**
 * Measures of every action unit.
 * @param probabilities row by row, [N, A]
 * @param labelsOf labels of unit `a` over the N faces
 */
export function scoreUnits(
  aus: readonly number[],
  probabilities: ArrayLike<number>,
  labels: readonly (readonly Label[])[],
  thresholds: readonly number[] = aus.map(() => 0.5),
): UnitScores[] {
  return aus.map((au, a) => {
    const column = labels.map((row) => row[a]);
    const scores = labels.map((_, n) => probabilities[n * aus.length + a]);
    const counts = confusion(scores, column, thresholds[a]);
    const count = column.filter((label) => label !== undefined).length;
    return {
      au,
      ...counts,
      f1: count ? f1Score(counts) : NaN, // nobody asked: that is no score of 0
      auc: areaUnderRoc(scores, column),
      positiveRate: positiveRate(column),
      count,
    };
  });
}

/**
 * Class of each query by the votes of its k nearest neighbours in a bank, weighted by exp(cosine / 0.07) as in
 * Wu et al., 2018, and the neighbours themselves (indices into the bank, nearest first).
 * @param features unit rows
 */
export function nearestNeighbours(
  queries: readonly Float32Array[],
  bank: readonly Float32Array[],
  bankClasses: ArrayLike<number>,
  k = 20,
): { predicted: Int32Array; neighbours: number[][] } {
  const predicted = new Int32Array(queries.length);
  const neighbours = queries.map((query, q) => {
    const similarity = bank.map((row) => dot(query, row));
    const nearest = similarity.map((_, i) => i).sort((i, j) => similarity[j] - similarity[i] || i - j).slice(
      0,
      k,
    );
    const votes = new Map<number, number>();
    for (const i of nearest) {
      votes.set(bankClasses[i], (votes.get(bankClasses[i]) ?? 0) + Math.exp(similarity[i] / 0.07));
    }
    predicted[q] = [...votes].reduce((best, vote) => vote[1] > best[1] ? vote : best)[0];
    return nearest;
  });
  return { predicted, neighbours };
}

/** Share of equal entries. */
export function accuracy(predicted: ArrayLike<number>, truth: ArrayLike<number>): number {
  let hits = 0;
  for (let i = 0; i < truth.length; i++) if (predicted[i] === truth[i]) hits++;
  return hits / truth.length;
}

/** Rows of a matrix [N, F] at unit length. */
export function unitRows(matrix: Float32Array, columns: number): Float32Array[] {
  return Array.from({ length: matrix.length / columns }, (_, n) => {
    const row = matrix.slice(n * columns, (n + 1) * columns);
    const norm = Math.sqrt(dot(row, row)) || 1;
    return row.map((value) => value / norm);
  });
}

function dot(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += one[i] * other[i];
  return sum;
}

/** Precision over recall as the threshold falls, and its average precision (scikit-learn's step form). */
export function precisionRecall(
  scores: ArrayLike<number>,
  labels: ArrayLike<Label>,
): { points: [recall: number, precision: number][]; averagePrecision: number } {
  const order = [];
  for (let i = 0; i < labels.length; i++) if (labels[i] !== undefined) order.push(i);
  order.sort((one, other) => scores[other] - scores[one]);
  const positives = order.filter((i) => labels[i]).length;
  const points: [number, number][] = [];
  let hits = 0, averagePrecision = 0;
  for (let i = 0; i < order.length && positives > 0;) {
    const before = hits;
    const score = scores[order[i]];
    for (; i < order.length && scores[order[i]] === score; i++) if (labels[order[i]]) hits++;
    points.push([hits / positives, hits / i]);
    averagePrecision += (hits - before) / positives * hits / i;
  }
  return { points, averagePrecision: positives === 0 ? NaN : averagePrecision };
}
