/**
 * Numbers frame by frame: where they rest, where they dip, how far one lags behind another.
 * @module
 */
import { pearsonCorrelation } from "../../../train/scores/intensity_metrics.ts";

/** Frames from `from` on, up to but without `to`. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** Pearson's correlation over the frames in which both are numbers; NaN of fewer than three, or where one never changes. */
export function correlationOf(one: readonly number[], other: readonly number[]): number {
  const both = one.map((value, i) => [value, other[i]]).filter((pair) => pair.every(Number.isFinite));
  if (both.length < 3) return NaN;
  return pearsonCorrelation(both.map(([value]) => value), both.map(([, value]) => value));
}

/** Standard deviation about the mean, divided by the number of values; NaN of none. */
export function deviationOf(values: readonly number[]): number {
  const known = values.filter(Number.isFinite),
    mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return Math.sqrt(known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length);
}

/** The value below which a part of the numbers lies; NaN of none. */
export function quantileOf(values: readonly number[], part: number): number {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
}

/**
 * The longest stretches, from the first frame on, in which none of several series changes by more than its limit.
 * @param least frames that a stretch has at least
 */
export function stillStretches(
  series: readonly (readonly number[])[],
  limits: readonly number[],
  least: number,
): Stretch[] {
  const length = Math.min(...series.map((values) => values.length)), stretches: Stretch[] = [];
  const isStill = (from: number, to: number) =>
    series.every((values, s) => {
      const part = values.slice(from, to);
      return part.every(Number.isFinite) && Math.max(...part) - Math.min(...part) <= limits[s];
    });
  for (let from = 0; from + least <= length;) {
    if (!isStill(from, from + least)) {
      from++;
      continue;
    }
    let to = from + least;
    while (to < length && isStill(from, to + 1)) to++;
    stretches.push({ from, to });
    from = to;
  }
  return stretches;
}

/**
 * Where a series falls below a share of what it usually is (of the value that a quarter of it exceeds), and rises again.
 * @param rises the share that ends a dip
 */
export function dipsOf(values: readonly number[], falls: number, rises: number): Stretch[] {
  const usual = quantileOf(values, 0.75), dips: Stretch[] = [];
  let from = -1;
  values.forEach((value, i) => {
    if (from < 0 && value < falls * usual) from = i;
    else if (from >= 0 && value > rises * usual) {
      dips.push({ from, to: i });
      from = -1;
    }
  });
  return dips;
}

/** By how many frames, up to `most`, `late` has to be put earlier to follow `other` best. */
export function lagOf(late: readonly number[], other: readonly number[], most: number): number {
  let best = -Infinity, lag = 0;
  for (let shift = -most; shift <= most; shift++) {
    const value = correlationOf(
      late.slice(Math.max(0, shift), late.length + Math.min(0, shift)),
      other.slice(Math.max(0, -shift), other.length - Math.max(0, shift)),
    );
    if (value > best) [best, lag] = [value, shift];
  }
  return lag;
}
