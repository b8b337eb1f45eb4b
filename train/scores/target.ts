/**
 * What action-unit training learns: whether a unit occurs, or how strong it is on FACS's scale of 0 to 5.
 *
 * Either way a model gives one number p between 0 and 1 a unit, trained by cross-entropy. For intensity the label is
 * intensity / 5: cross-entropy is then least where p is the expected share, so 5 p is the intensity, and the same p
 * decides presence. Two answers from one number cannot contradict each other.
 */
import type { Face } from "../input/data.ts";
import { intraclassCorrelation, meanAbsoluteError, pearsonCorrelation } from "./intensity_metrics.ts";
import { type Label, scoreUnits, type UnitScores } from "./metrics.ts";

/** What the labels are. */
export type Target = "occurrence" | "intensity";

/** A label as training sees it, 0 to 1; `undefined` where nobody gave one. */
export type Share = number | undefined;

/** FACS's strongest grade, E. */
export const FULL_INTENSITY = 5;

/** Least intensity that counts as present where a data set grades intensity (DISFA: "greater than 1"). */
const PRESENT_FROM = 2;

/** The p from which a unit counts as present: one half, or where 5 p rounds to an intensity that counts as present. */
export const THRESHOLDS: Readonly<Record<Target, number>> = {
  occurrence: 0.5,
  intensity: (PRESENT_FROM - 0.5) / FULL_INTENSITY,
};

/** Action units that any of the faces is labelled with, rising. */
export function labelledUnits(faces: readonly Face[], target: Target): number[] {
  const units = faces.flatMap(({ present, intensity }) =>
    target === "intensity" ? [...intensity.keys()] : [...present.keys()]
  );
  return [...new Set(units)].sort((one, other) => one - other);
}

/** Labels of the faces, one row a face; what a line says cannot be seen (`visible`) is unlabelled. */
export function targetRows(faces: readonly Face[], aus: readonly number[], target: Target): Share[][] {
  return faces.map(({ present, intensity, other }) => {
    const visible = (other.visible ?? {}) as Record<string, unknown>;
    return aus.map((au) => {
      if (visible[au] === 0) return undefined;
      if (target === "occurrence") return present.has(au) ? Number(present.get(au)) : undefined;
      return intensity.has(au) ? intensity.get(au)! / FULL_INTENSITY : undefined;
    });
  });
}

/** Whether labels say that a unit is present. */
export function presence(rows: readonly (readonly Share[])[], target: Target): Label[][] {
  const from = target === "occurrence" ? 1 : PRESENT_FROM / FULL_INTENSITY - 1e-9;
  return rows.map((row) => row.map((share) => share === undefined ? undefined : share >= from));
}

/** Measures of every unit: of presence, and for intensity of the grades as well. */
export function scoreTarget(
  target: Target,
  aus: readonly number[],
  outputs: ArrayLike<number>,
  rows: readonly (readonly Share[])[],
): UnitScores[] {
  const units = scoreUnits(aus, outputs, presence(rows, target), aus.map(() => THRESHOLDS[target]));
  if (target === "occurrence") return units;
  return units.map((unit, a) => {
    const known = rows.flatMap((row, n) => row[a] === undefined ? [] : [n]);
    const grades = known.map((n) => FULL_INTENSITY * rows[n][a]!);
    const answers = known.map((n) => FULL_INTENSITY * outputs[n * aus.length + a]);
    return {
      ...unit,
      icc: intraclassCorrelation(answers, grades),
      pcc: pearsonCorrelation(answers, grades),
      mae: meanAbsoluteError(answers, grades),
    };
  });
}
