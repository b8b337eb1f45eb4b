/**
 * Probabilities and thresholds of a finished model, fitted on people that it has not learnt from.
 *
 * A model of intensity answers the share of the full intensity, and any model is surer than it may be on faces unlike those
 * of its training. One line in logits a unit makes of its answer p the probability that the unit is there:
 * sigmoid(slope logit(p) + offset) (Platt 1999). It keeps the order of faces, so no AUC changes.
 */

/** [slope, offset]; the slope is above 0. */
export type Calibration = readonly [slope: number, offset: number];

/** A model's answer on one face and whether the unit was there. */
export interface Answer {
  /** 0 to 1. */
  readonly p: number;
  readonly present: boolean;
}

/** A unit that fewer people show is calibrated with all others together. */
export const LEAST_POSITIVES = 8;

/** A weak prior, as deviations around "as the model says" (slope 1, offset 0): few faces cannot say that all is certain. */
const PRIOR = { slope: 1, offset: 5 } as const;
/** A slope that is not above it would turn the order of faces round, or make all alike. */
const LEAST_SLOPE = 0.05;
/** Answers of exactly 0 and 1 have no logit. */
const NEAREST = 1e-6;

/** log(p / (1 - p)), of answers at the ends what lies a millionth within. */
export function logit(p: number): number {
  const inside = Math.min(1 - NEAREST, Math.max(NEAREST, p));
  return Math.log(inside / (1 - inside));
}

/** sigmoid(slope logit(p) + offset). */
export function calibrated(p: number, [slope, offset]: Calibration): number {
  return 1 / (1 + Math.exp(-(slope * logit(p) + offset)));
}

/**
 * The line that fits best: least cross-entropy, summed over the answers, plus the prior's
 * ((slope - 1) / 1)^2 / 2 + (offset / 5)^2 / 2; slope of 0.05 or more. The sum is convex, so that Newton's steps, halved
 * where they do not lower it, end at its one lowest point.
 */
export function fitCalibration(answers: readonly Answer[]): Calibration {
  const free = descend(answers, [1, 0], true);
  return free[0] >= LEAST_SLOPE ? free : descend(answers, [LEAST_SLOPE, 0], false);
}

/** What `fitCalibration` makes least. */
export function calibrationCost(answers: readonly Answer[], [slope, offset]: Calibration): number {
  let cost = ((slope - 1) / PRIOR.slope) ** 2 / 2 + (offset / PRIOR.offset) ** 2 / 2;
  for (const { p, present } of answers) {
    const x = slope * logit(p) + offset;
    // log(1 + e^x) - y x without overflow
    cost += Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))) - (present ? x : 0);
  }
  return cost;
}

function descend(answers: readonly Answer[], start: Calibration, slopeIsFree: boolean): Calibration {
  let at = start, cost = calibrationCost(answers, at);
  for (let step = 0; step < 100; step++) {
    const [downSlope, downOffset] = newtonStep(answers, at, slopeIsFree);
    let length = 1, next = at, lower = cost;
    for (; length > 1e-9; length /= 2) {
      next = [at[0] - length * downSlope, at[1] - length * downOffset];
      lower = calibrationCost(answers, next);
      if (lower <= cost) break;
    }
    if (length <= 1e-9) return at;
    const moved = Math.max(Math.abs(next[0] - at[0]), Math.abs(next[1] - at[1]));
    [at, cost] = [next, lower];
    if (moved < 1e-9) return at;
  }
  return at;
}

/** The inverse of the second derivatives times the first. */
function newtonStep(
  answers: readonly Answer[],
  [slope, offset]: Calibration,
  slopeIsFree: boolean,
): [number, number] {
  let gradientSlope = (slope - 1) / PRIOR.slope ** 2, gradientOffset = offset / PRIOR.offset ** 2;
  let curveSlope = 1 / PRIOR.slope ** 2, curveOffset = 1 / PRIOR.offset ** 2, across = 0;
  for (const { p, present } of answers) {
    const x = logit(p), probability = 1 / (1 + Math.exp(-(slope * x + offset)));
    const error = probability - Number(present), curve = probability * (1 - probability);
    gradientSlope += error * x;
    gradientOffset += error;
    curveSlope += curve * x * x;
    curveOffset += curve;
    across += curve * x;
  }
  if (!slopeIsFree) return [0, gradientOffset / curveOffset];
  const determinant = curveSlope * curveOffset - across * across;
  return [
    (curveOffset * gradientSlope - across * gradientOffset) / determinant,
    (curveSlope * gradientOffset - across * gradientSlope) / determinant,
  ];
}

/**
 * The threshold at which precision and recall meet: as many are called present as are present, so that misses and false
 * alarms are as many. It lies midway between two neighbouring answers; where equal answers forbid the exact number, at the
 * cut whose number comes nearest, the higher of two.
 * @param missed faces that show the unit but were not found: present, and never called so
 * @returns undefined where all answers are alike, and nothing can be told apart
 */
export function meetingThreshold(answers: readonly Answer[], missed = 0): number | undefined {
  const falling = answers.map(({ p }) => p).sort((one, other) => other - one);
  const wanted = missed + answers.filter(({ present }) => present).length;
  let best: number | undefined;
  for (let called = 1; called < falling.length; called++) {
    if (falling[called] === falling[called - 1]) continue;
    if (best === undefined || Math.abs(called - wanted) < Math.abs(best - wanted)) best = called;
  }
  return best === undefined ? undefined : between(falling[best], falling[best - 1]);
}

/** Midway, with as few decimals (four at least) as keep it between the two. */
function between(low: number, high: number): number {
  const middle = (low + high) / 2;
  for (let decimals = 4; decimals < 16; decimals++) {
    const rounded = Number(middle.toFixed(decimals));
    if (rounded > low && rounded <= high) return rounded;
  }
  return middle;
}
