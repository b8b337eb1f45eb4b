/**
 * Whether probabilities are what they say: of the answers around 0.7, seven of ten should be right.
 * @module
 */

/** Answers of one tenth of the scale. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** Mean probability of the answers, and the share of them in which the unit was there. */
  readonly probability: number;
  readonly share: number;
}

/** How far probabilities are from shares. */
export interface Reliability {
  /** Those that hold answers. */
  readonly bins: readonly Bin[];
  /** Expected calibration error: mean distance of share and probability, a bin counting as many as it holds. */
  readonly error: number;
  /** Brier score: mean squared distance of answer and truth. */
  readonly brier: number;
  readonly count: number;
}

const BINS = 10;

/** Sorts labelled answers into bins (Naeini, Cooper & Hauskrecht 2015); undefined without any. */
export function reliabilityOf(
  answers: readonly { readonly probability: number; readonly present: boolean }[],
): Reliability | undefined {
  if (answers.length === 0) return undefined;
  const groups = Map.groupBy(
    answers,
    ({ probability }) => Math.min(BINS - 1, Math.floor(probability * BINS)),
  );
  const bins = [...groups].sort(([one], [other]) => one - other).map(([bin, inside]): Bin => ({
    from: bin / BINS,
    to: (bin + 1) / BINS,
    count: inside.length,
    probability: inside.reduce((sum, { probability }) => sum + probability, 0) / inside.length,
    share: inside.filter(({ present }) => present).length / inside.length,
  }));
  const over = (measure: (bin: Bin) => number) =>
    bins.reduce((sum, bin) => sum + bin.count * measure(bin), 0) / answers.length;
  return {
    bins,
    error: over(({ probability, share }) => Math.abs(probability - share)),
    brier: answers.reduce((sum, { probability, present }) => sum + (probability - Number(present)) ** 2, 0) /
      answers.length,
    count: answers.length,
  };
}
