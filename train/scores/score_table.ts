/** Scores of action units as tables: in the layout of the paper's Tables I-III, and as CSV. */
import { mean, type UnitScores } from "./metrics.ts";

/** Means of a set of unit scores; the last three only where intensity was learnt. */
export interface Averages {
  f1: number;
  auc: number;
  positiveRate: number;
  icc?: number;
  pcc?: number;
  mae?: number;
}

const MEASURES = ["f1", "auc", "positiveRate", "icc", "pcc", "mae"] as const;
const COUNTS = [
  "count",
  "truePositives",
  "falsePositives",
  "falseNegatives",
  "trueNegatives",
] as const;

/** The measures that the scores have. */
function measuresOf(units: readonly UnitScores[]): (typeof MEASURES)[number][] {
  return MEASURES.filter((key) => units[0]?.[key] !== undefined);
}

/** Means over action units, then over folds (paper's protocol); units and folds without a value count nowhere. */
export function averageFolds(folds: readonly (readonly UnitScores[])[]): Averages {
  const over = (key: keyof Averages) =>
    [key, mean(folds.map((units) => mean(units.map((unit) => unit[key]!))))] as const;
  return Object.fromEntries(measuresOf(folds[0]).map(over)) as unknown as Averages;
}

/** Every unit's mean over folds; counts are summed. */
export function meanUnits(folds: readonly (readonly UnitScores[])[]): UnitScores[] {
  const keys = measuresOf(folds[0]);
  return folds[0].map(({ au }, a) => {
    const column = folds.map((units) => units[a]);
    const sums = COUNTS.map((key) => [key, column.reduce((total, unit) => total + unit[key], 0)]);
    const means = keys.map((key) => [key, mean(column.map((unit) => unit[key]!))]);
    return { au, ...Object.fromEntries([...means, ...sums]) } as UnitScores;
  });
}

/**
 * Lines of a table: action units as columns and their average last, as in the paper. F1, AUC and positive rate are in
 * per cent, ICC and PCC between -1 and 1, the mean absolute error in grades of intensity.
 */
export function tableLines(units: readonly UnitScores[], averages: Averages): string[] {
  const cell = (value: number, key: keyof Averages) => {
    if (Number.isNaN(value)) return "-";
    return key === "icc" || key === "pcc" || key === "mae" ? value.toFixed(2) : (100 * value).toFixed(1);
  };
  const names = {
    icc: "ICC(3,1)",
    pcc: "PCC",
    mae: "MAE",
    f1: "F1",
    auc: "AUC",
    positiveRate: "positive rate",
  };
  const present = measuresOf(units);
  return [
    "AU".padEnd(14) + units.map(({ au }) => String(au).padStart(6)).join("") + "Avg.".padStart(8),
    ...Object.entries(names).map(([key, name]) => [key as keyof Averages, name] as const)
      .filter(([key]) => present.includes(key))
      .map(([key, name]) =>
        name.padEnd(14) + units.map((unit) => cell(unit[key]!, key).padStart(6)).join("") +
        cell(averages[key]!, key).padStart(8)
      ),
    ...constantNote(units),
  ];
}

/** What an average hides: whoever says "present" of a unit that always is has an F1 of 100. */
function constantNote(units: readonly UnitScores[]): string[] {
  const always = units.filter(({ count, falsePositives, trueNegatives }) =>
    count > 0 && falsePositives + trueNegatives === 0
  );
  if (always.length === 0) return [];
  const names = always.map(({ au }) => `AU${au}`).join(", ");
  return [
    `Present in every face that was tested: ${names}. Such an F1 says nothing of the model; the average holds it all the same.`,
  ];
}

/** The same as CSV, one line a fold and unit, with all counts; shares are between 0 and 1. */
export function scoresCsv(folds: readonly { fold: string; units: readonly UnitScores[] }[]): string {
  const columns = ["au", ...measuresOf(folds[0]?.units ?? []), ...COUNTS] as const;
  const lines = folds.flatMap(({ fold, units }) =>
    units.map((unit) =>
      [fold, ...columns.map((column) => Number.isNaN(unit[column]) ? "" : unit[column])].join(",")
    )
  );
  return [["fold", ...columns].join(","), ...lines].join("\n") + "\n";
}
