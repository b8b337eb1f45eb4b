/**
 * Measures of readers of action units on the same faces, with intervals from the same draws of subjects.
 * @module
 */
import { type Bootstrap, drawSubjects, type Estimate, estimate, Ranking, type Weights } from "./ranking.ts";
import type { Photo } from "./manifest.ts";

/** Fewer positives than this say nothing: such a unit is in no mean. */
export const LEAST_POSITIVES = 8;

/** What one reader says of the photographs. */
export interface Reader {
  readonly name: string;
  /** By action unit, a score a photograph; -Infinity where no face was found. */
  readonly scores: ReadonlyMap<number, readonly number[]>;
  /** From which score on a unit counts as present; a reader without them has no F1 of its own. */
  readonly thresholds?: ReadonlyMap<number, number>;
}

/** A reader's measures of one unit. */
export interface UnitScore {
  readonly au: number;
  readonly positives: number;
  readonly negatives: number;
  readonly auc: Estimate;
  /** At the reader's threshold. */
  readonly threshold?: number;
  readonly f1?: Estimate;
  /** At the threshold that is best on these very faces: a bound, not a promise. */
  readonly bestF1: Estimate;
  readonly bestThreshold: number;
}

/** Means of a reader over units. */
export interface Means {
  readonly auc: Estimate;
  readonly f1?: Estimate;
  readonly bestF1: Estimate;
}

/** Measures of one reader. */
export interface ReaderScore {
  readonly reader: string;
  readonly units: readonly UnitScore[];
  /** Over `meanUnits`, as far as the reader knows them. */
  readonly means: Means;
}

/** The first reader against another one: AUC less the other's, over the units that both know. */
export interface Lead {
  readonly over: string;
  readonly meanAuc: Estimate;
  readonly units: readonly { readonly au: number; readonly auc: Estimate }[];
  /** Of `meanUnits`, those in which the first is ahead. */
  readonly ahead: readonly number[];
}

/** Measures of all readers on one set of faces. */
export interface Scores {
  readonly faces: number;
  readonly subjects: number;
  readonly meanUnits: readonly number[];
  readonly readers: readonly ReaderScore[];
  readonly leads: readonly Lead[];
}

/** A reader's replicates, by unit. */
interface Replicates {
  readonly auc: Float64Array;
  readonly f1?: Float64Array;
  readonly bestF1: Float64Array;
}

/** Those of the units that count in a mean: seen often enough, and somewhere not. */
export function unitsOfMean(photos: readonly Photo[], aus: readonly number[]): number[] {
  return aus.filter((au) => {
    const labels = photos.flatMap(({ present }) => present.has(au) ? [present.get(au)] : []);
    const positives = labels.filter((label) => label).length;
    return positives >= LEAST_POSITIVES && positives < labels.length;
  });
}

/**
 * Scores the readers on the photographs of `chosen`.
 * @param chosen indices of photographs; the readers' scores are in the order of all of them
 * @param meanUnits the units of the means
 */
export function scoreReaders(
  photos: readonly Photo[],
  chosen: readonly number[],
  readers: readonly Reader[],
  meanUnits: readonly number[],
  bootstrap: Bootstrap,
): Scores {
  const names = [...new Set(chosen.map((i) => photos[i].subject))];
  const indexOf = new Map(names.map((name, i) => [name, i]));
  const subjects = chosen.map((i) => indexOf.get(photos[i].subject)!);
  const draws = drawSubjects(names.length, bootstrap);
  const scored = readers.map((reader) => {
    const replicates = new Map<number, Replicates>();
    const units = [...reader.scores].map(([au, scores]): UnitScore => {
      const labels = chosen.map((i) => photos[i].present.get(au));
      const ranking = new Ranking(chosen.map((i) => scores[i]), labels, subjects);
      const threshold = reader.thresholds?.get(au);
      const drawn = replicate(ranking, threshold, draws);
      replicates.set(au, drawn);
      const best = ranking.bestF1();
      return {
        au,
        positives: ranking.positives,
        negatives: ranking.negatives,
        auc: estimate(ranking.auc(), drawn.auc),
        ...(threshold !== undefined &&
          { threshold, f1: estimate(ranking.positives ? ranking.f1(threshold) : NaN, drawn.f1!) }),
        bestF1: estimate(ranking.positives ? best.f1 : NaN, drawn.bestF1),
        bestThreshold: best.threshold,
      };
    });
    return { reader, replicates, units, known: meanUnits.filter((au) => reader.scores.has(au)) };
  });
  const meanOf = (key: "auc" | "f1" | "bestF1", { units, replicates, known }: (typeof scored)[number]) =>
    estimate(
      mean(known.map((au) => units.find((unit) => unit.au === au)![key]!.value)),
      meanColumns(known.map((au) => replicates.get(au)![key]!), draws.length),
    );
  return {
    faces: chosen.length,
    subjects: names.length,
    meanUnits,
    readers: scored.map((one) => ({
      reader: one.reader.name,
      units: one.units,
      means: {
        auc: meanOf("auc", one),
        ...(one.reader.thresholds && { f1: meanOf("f1", one) }),
        bestF1: meanOf("bestF1", one),
      },
    })),
    leads: scored.slice(1).map((other) => leadOf(scored[0], other, draws.length)),
  };
}

function leadOf(
  first: { units: UnitScore[]; replicates: Map<number, Replicates>; known: number[] },
  other: { reader: Reader; units: UnitScore[]; replicates: Map<number, Replicates>; known: number[] },
  count: number,
): Lead {
  const differences = new Map(first.units.flatMap(({ au, auc }) => {
    const rival = other.units.find((unit) => unit.au === au);
    if (!rival) return [];
    const ours = first.replicates.get(au)!.auc, theirs = other.replicates.get(au)!.auc;
    return [
      [au, { value: auc.value - rival.auc.value, drawn: ours.map((one, i) => one - theirs[i]) }] as const,
    ];
  }));
  const known = first.known.filter((au) => differences.has(au));
  return {
    over: other.reader.name,
    meanAuc: estimate(
      mean(known.map((au) => differences.get(au)!.value)),
      meanColumns(known.map((au) => differences.get(au)!.drawn), count),
    ),
    units: [...differences].map(([au, { value, drawn }]) => ({ au, auc: estimate(value, drawn) })),
    ahead: known.filter((au) => differences.get(au)!.value > 0),
  };
}

function replicate(ranking: Ranking, threshold: number | undefined, draws: readonly Weights[]): Replicates {
  const over = (measure: (weights: Weights) => number) => Float64Array.from(draws, measure);
  const auc = over((weights) => ranking.auc(weights));
  // A draw without anybody who shows the unit has no F1, just as it has no AUC.
  const where = (measure: (weights: Weights) => number) =>
    Float64Array.from(draws, (weights, i) => Number.isNaN(auc[i]) ? NaN : measure(weights));
  return {
    auc,
    ...(threshold !== undefined && { f1: where((weights) => ranking.f1(threshold, weights)) }),
    bestF1: where((weights) => ranking.bestF1(weights).f1),
  };
}

function meanColumns(columns: readonly Float64Array[], count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => mean(columns.map((column) => column[i])));
}

/** Mean of the numbers that are numbers; NaN without any. */
export function mean(values: readonly number[]): number {
  const known = values.filter((value) => !Number.isNaN(value));
  return known.reduce((sum, value) => sum + value, 0) / known.length;
}
