/**
 * What films show of a model: whether following changes what is read, whether it is steadier, whether mouth, lids and
 * brows are read as they move.
 * @module
 */
import type { ModelCard } from "@emoco/web/model-card";
import type { MeshReadings } from "./mesh.ts";
import type { BothReadings, Sample } from "./read_both.ts";
import {
  correlationOf,
  deviationOf,
  dipsOf,
  lagOf,
  quantileOf,
  stillStretches,
  type Stretch,
} from "./series.ts";

/** A film read both ways, with what is known of it from elsewhere. */
export interface KnownFilm extends BothReadings {
  readonly mesh?: MeshReadings;
  /** Of AU12 as it was rendered, 0-5. */
  readonly rendered?: readonly number[];
}

type Way = "followed" | "alone";
type Units = Pick<ModelCard, "aus">;

/** Frames of a still stretch at least. */
const STILL = 8;
/** By how much lips, chin and lids of a still face change at most, and how far lips that are closed are apart. */
const CHANGES = [0.02, 0.06, 0.03], CLOSED = 0.05;
/** Lips of somebody who speaks change by more than this. */
const SPEAKS = 0.05;
/** Lids fall below the first share of what is usual, and rise over the second: a blink. */
const SHUT = 0.5, OPEN_AGAIN = 0.7;
/** Frames by which two may differ in when a blink is. */
const SAME_BLINK = 3;

/** A unit's strength in every frame, NaN where it is not known. */
export function strengthsOf(samples: readonly (Sample | undefined)[], unit: number): number[] {
  return samples.map((sample) => sample?.strengths[unit] ?? NaN);
}

/** Of each unit the correlation of both ways over all frames of all films, and the deviation of what is followed. */
export function agreementOf(films: readonly BothReadings[], { aus }: Units) {
  return aus.map(({ au }, unit) => {
    const [followed, alone] = (["followed", "alone"] as const).map((way) =>
      films.flatMap((film) => strengthsOf(film[way], unit))
    );
    return { au, correlation: correlationOf(followed, alone), deviation: deviationOf(followed) };
  });
}

/** Where a face rests: by what was rendered, else where by the mesh nothing moves and the lips are closed. */
export function restingStretches({ rendered, mesh }: KnownFilm): Stretch[] {
  if (rendered) {
    return stillStretches([rendered], [0], STILL).filter(({ from }) => rendered[from] === 0);
  }
  if (!mesh) return [];
  return stillStretches([mesh.lips, mesh.chin, mesh.lids], CHANGES, STILL)
    .filter(({ from, to }) => Math.max(...mesh.lips.slice(from, to)) <= CLOSED);
}

/** Of each unit how much it trembles while faces rest: root of the mean variance of all stretches, both ways. */
export function steadinessOf(films: readonly KnownFilm[], { aus }: Units) {
  const stretches = films.flatMap((film) => restingStretches(film).map((stretch) => ({ film, ...stretch })));
  const trembling = (way: Way, unit: number) => {
    const variances = stretches.map(({ film, from, to }) =>
      deviationOf(strengthsOf(film[way].slice(from, to), unit)) ** 2
    ).filter(Number.isFinite);
    return Math.sqrt(variances.reduce((sum, value) => sum + value, 0) / variances.length);
  };
  return {
    stretches: stretches.length,
    frames: stretches.reduce((sum, { from, to }) => sum + to - from, 0),
    units: aus.map(({ au }, unit) => ({
      au,
      followed: trembling("followed", unit),
      alone: trembling("alone", unit),
    })),
  };
}

/**
 * How AU25, AU26 and the mouth's own openness go with the mesh's gap of the lips, its jaw, and the sum of both; undefined
 * where nobody speaks.
 */
export function speechOf({ followed, mesh }: KnownFilm, { aus }: Units) {
  if (!mesh || !(quantileOf(mesh.lips, 0.9) - quantileOf(mesh.lips, 0.1) > SPEAKS)) return undefined;
  const both = mesh.lips.map((gap, i) => gap + mesh.chin[i]);
  const against = (values: readonly number[]) => ({
    lips: correlationOf(values, mesh.lips),
    jaw: correlationOf(values, mesh.chin),
    both: correlationOf(values, both),
  });
  const unit = (au: number) => {
    const at = aus.findIndex((unit) => unit.au === au);
    return at < 0 ? undefined : against(strengthsOf(followed, at));
  };
  return {
    25: unit(25),
    26: unit(26),
    mouth: against(followed.map((sample) => sample?.openness?.mouth ?? NaN)),
  };
}

/** The mesh's blinks and those of a model's openness of the eyes, and how many are the same. */
export function blinksOf({ followed, mesh }: KnownFilm) {
  if (!mesh) return undefined;
  const open = followed.map(({ openness } = {} as Sample) =>
    openness ? (openness.leftEye + openness.rightEye) / 2 : NaN
  );
  const expected = dipsOf(mesh.lids, SHUT, OPEN_AGAIN), found = dipsOf(open, SHUT, OPEN_AGAIN);
  const isNear = (one: Stretch, other: Stretch) =>
    one.from <= other.to + SAME_BLINK && other.from <= one.to + SAME_BLINK;
  return {
    expected: expected.length,
    found: found.length,
    same: expected.filter((one) => found.some((other) => isNear(one, other))).length,
    lids: correlationOf(open, mesh.lids),
  };
}

/** Share of frames in which each of some units is present, of those in which it can be seen. */
export function sharesOf(
  film: BothReadings,
  { aus }: Units,
  wanted: readonly number[],
  way: Way = "followed",
): number[] {
  return wanted.map((au) => {
    const unit = aus.findIndex((one) => one.au === au);
    const judged = film[way].map((sample) => sample?.present[unit] ?? null).filter((value) => value !== null);
    return judged.filter(Boolean).length / judged.length;
  });
}

/** AU12 against what was rendered: correlation, the lag in frames, and how far its highest frame is off the rendered peak. */
export function smileOf({ followed, rendered }: KnownFilm, { aus }: Units) {
  const unit = aus.findIndex(({ au }) => au === 12);
  if (!rendered || unit < 0) return undefined;
  const values = strengthsOf(followed, unit), peak = Math.max(...rendered);
  const highest = values.indexOf(Math.max(...values.filter(Number.isFinite)));
  const off = Math.min(...rendered.flatMap((value, i) => value === peak ? [Math.abs(i - highest)] : []));
  return { correlation: correlationOf(values, rendered), lag: lagOf(values, rendered, 5), peak: off };
}
