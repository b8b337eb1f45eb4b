/** Scores of action units as tables: in the layout of the paper's Tables I-III, and as CSV. */
import { mean, type UnitScores } from "./metrics.ts";

/** Means of a set of unit scores. */
export interface Averages {
  f1: number;
  auc: number;
  positiveRate: number;
}

/** Means over action units, then over folds (paper's protocol); units and folds without a value count nowhere. */
export function averageFolds(folds: readonly (readonly UnitScores[])[]): Averages {
  const over = (key: keyof Averages) => mean(folds.map((units) => mean(units.map((unit) => unit[key]))));
  return { f1: over("f1"), auc: over("auc"), positiveRate: over("positiveRate") };
}

/** Every unit's mean over folds; counts are summed. */
export function meanUnits(folds: readonly (readonly UnitScores[])[]): UnitScores[] {
  return folds[0].map(({ au }, a) => {
    const column = folds.map((units) => units[a]);
    const sum = (key: keyof UnitScores) => column.reduce((total, unit) => total + unit[key], 0);
    const average = (key: keyof UnitScores) => mean(column.map((unit) => unit[key]));
    return {
      au,
      truePositives: sum("truePositives"),
      falsePositives: sum("falsePositives"),
      falseNegatives: sum("falseNegatives"),
      trueNegatives: sum("trueNegatives"),
      f1: average("f1"),
      auc: average("auc"),
      positiveRate: average("positiveRate"),
      count: sum("count"),
    };
  });
}

/** Lines of a table in per cent: action units as columns and their average last, as in the paper. */
export function tableLines(units: readonly UnitScores[], averages: Averages): string[] {
  const cell = (value: number) => (Number.isNaN(value) ? "-" : (100 * value).toFixed(1)).padStart(6);
  const row = (name: string, key: keyof Averages) =>
    name.padEnd(14) + units.map((unit) => cell(unit[key])).join("") + cell(averages[key]).padStart(8);
  return [
    "AU".padEnd(14) + units.map(({ au }) => String(au).padStart(6)).join("") + "Avg.".padStart(8),
    row("F1", "f1"),
    row("AUC", "auc"),
    row("positive rate", "positiveRate"),
  ];
}

/** The same as CSV, one line a fold and unit, with all counts; shares are between 0 and 1. */
export function scoresCsv(folds: readonly { fold: string; units: readonly UnitScores[] }[]): string {
  const columns = [
    "au",
    "f1",
    "auc",
    "positiveRate",
    "count",
    "truePositives",
    "falsePositives",
    "falseNegatives",
    "trueNegatives",
  ] as const;
  const lines = folds.flatMap(({ fold, units }) =>
    units.map((unit) =>
      [fold, ...columns.map((column) => Number.isNaN(unit[column]) ? "" : unit[column])].join(",")
    )
  );
  return [["fold", ...columns].join(","), ...lines].join("\n") + "\n";
}
