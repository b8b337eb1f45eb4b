/**
 * One reader's scores of one action unit against the labels, sorted once, so that each replicate of a bootstrap is one
 * pass over them.
 * @module
 */
import { Random } from "../faces/random.ts";

/** How often each subject was drawn, by the subject's index. */
export type Weights = ArrayLike<number>;

/** A cell's label; undefined where nobody gave one. */
export type Label = boolean | undefined;

/** Scores in rising order; a score of -Infinity is that of a face which was not found: below all, never present. */
export class Ranking {
  readonly #scores: Float64Array;
  readonly #labels: Uint8Array;
  readonly #subjects: Int32Array;
  readonly positives: number;
  readonly negatives: number;

  /** @param subjects index of the subject of each face */
  constructor(scores: readonly number[], labels: readonly Label[], subjects: ArrayLike<number>) {
    const order = labels.flatMap((label, i) => label === undefined ? [] : [i])
      .sort((one, other) => scores[one] === scores[other] ? 0 : scores[one] - scores[other]);
    this.#scores = Float64Array.from(order, (i) => scores[i]);
    this.#labels = Uint8Array.from(order, (i) => Number(labels[i]));
    this.#subjects = Int32Array.from(order, (i) => subjects[i]);
    this.positives = this.#labels.reduce((sum, label) => sum + label, 0);
    this.negatives = order.length - this.positives;
  }

  /** Area under the ROC curve by ranks, ties counted half (Mann and Whitney); NaN when a class is missing. */
  auc(weights?: Weights): number {
    let positives = 0, below = 0, area = 0;
    for (let i = 0; i < this.#scores.length;) {
      let hits = 0, misses = 0;
      for (const score = this.#scores[i]; i < this.#scores.length && this.#scores[i] === score; i++) {
        const weight = weights ? weights[this.#subjects[i]] : 1;
        this.#labels[i] ? hits += weight : misses += weight;
      }
      area += hits * (below + misses / 2);
      positives += hits;
      below += misses;
    }
    return area / (positives * below); // 0 / 0 where a class is missing
  }

  /** F1 of the decision `score >= threshold`; 0 where there is neither a positive label nor such a decision. */
  f1(threshold: number, weights?: Weights): number {
    const { truePositives, falsePositives, falseNegatives } = this.counts(threshold, weights);
    const denominator = 2 * truePositives + falsePositives + falseNegatives;
    return denominator === 0 ? 0 : 2 * truePositives / denominator;
  }

  /** The decisions `score >= threshold`, counted. */
  counts(threshold: number, weights?: Weights) {
    const counts = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };
    for (let i = 0; i < this.#scores.length; i++) {
      const weight = weights ? weights[this.#subjects[i]] : 1;
      if (this.#scores[i] >= threshold) {
        counts[this.#labels[i] ? "truePositives" : "falsePositives"] += weight;
      } else counts[this.#labels[i] ? "falseNegatives" : "trueNegatives"] += weight;
    }
    return counts;
  }

  /** The greatest F1 that any threshold gives, and that threshold; faces that were not found stay absent at all. */
  bestF1(weights?: Weights): { f1: number; threshold: number } {
    let positives = 0;
    for (let i = 0; i < this.#labels.length; i++) {
      if (this.#labels[i]) positives += weights ? weights[this.#subjects[i]] : 1;
    }
    let best = { f1: 0, threshold: NaN }, hits = 0, decided = 0;
    for (let i = this.#scores.length - 1; i >= 0 && this.#scores[i] > -Infinity;) {
      const score = this.#scores[i];
      for (; i >= 0 && this.#scores[i] === score; i--) {
        const weight = weights ? weights[this.#subjects[i]] : 1;
        decided += weight;
        if (this.#labels[i]) hits += weight;
      }
      const f1 = hits === 0 ? 0 : 2 * hits / (decided + positives);
      if (f1 > best.f1) best = { f1, threshold: score };
    }
    return best;
  }

  /** The ROC curve as points of false alarms over hits, from 0, 0 to 1, 1. */
  curve(): [falseAlarms: number, hits: number][] {
    const points: [number, number][] = [[0, 0]];
    let hits = 0, alarms = 0;
    for (let i = this.#scores.length - 1; i >= 0;) {
      for (const score = this.#scores[i]; i >= 0 && this.#scores[i] === score; i--) {
        this.#labels[i] ? hits++ : alarms++;
      }
      points.push([alarms / this.negatives, hits / this.positives]);
    }
    return points;
  }
}

/** Draws of as many subjects as there are, with replacement, each as the count of every subject. */
export function drawSubjects(count: number, { samples, seed }: Bootstrap): Uint16Array[] {
  return Array.from({ length: samples }, (_, sample) => {
    const random = new Random(seed, sample), weights = new Uint16Array(count);
    for (let i = 0; i < count; i++) weights[random.integer(count)]++;
    return weights;
  });
}

/** How intervals are found. */
export interface Bootstrap {
  readonly samples: number;
  readonly seed: number;
}

/** A measure with its 95 % interval; all three are NaN where there is nothing to measure. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The interval between the 2.5th and the 97.5th percentile of the replicates (those that are numbers). */
export function estimate(value: number, replicates: ArrayLike<number>): Estimate {
  const sorted = Float64Array.from(replicates).filter((one) => !Number.isNaN(one)).sort();
  const at = (share: number) => {
    const place = share * (sorted.length - 1), below = Math.floor(place);
    const low = sorted[below], high = sorted[Math.min(sorted.length - 1, below + 1)];
    return low + (place - below) * (high - low);
  };
  return sorted.length === 0 || Number.isNaN(value)
    ? { value, low: NaN, high: NaN }
    : { value, low: at(0.025), high: at(0.975) };
}
