/** Results of the folds, kept in the run's folder as they come, so that a resumed run does none of them twice. */
import { join } from "node:path";
import { writeAtomically } from "../runs/checkpoint.ts";
import type { Face } from "../input/data.ts";
import type { UnitScores } from "../scores/metrics.ts";
import { averageFolds, meanUnits, scoresCsv } from "../scores/score_table.ts";

/** What one fold gave. */
export interface FoldResult {
  fold: number;
  testSubjects: string[];
  units: UnitScores[];
  /** Learning rate that the inner split chose (linear protocol). */
  rate?: number;
}

/** One tested face of a fold. */
export interface FoldPrediction {
  fold: number;
  /** Line of the face in the manifest. */
  line: number;
  probabilities: number[];
}

/** `folds.json`, `folds.csv` and `predictions.jsonl` of a run. */
export class FoldBook {
  results: FoldResult[] = [];
  predictions: FoldPrediction[] = [];

  /** @param reads whether the book of an earlier start is gone on with */
  constructor(readonly folder: string, readonly aus: readonly number[], reads: boolean) {
    if (!reads) return;
    try {
      this.results = JSON.parse(Deno.readTextFileSync(join(folder, "folds.json")), revive).folds;
      const lines = Deno.readTextFileSync(join(folder, "predictions.jsonl")).trim().split("\n");
      const done = new Set(this.results.map(({ fold }) => fold));
      this.predictions = lines.map((line) => JSON.parse(line)).filter(({ fold }) => done.has(fold));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  has(fold: number): boolean {
    return this.results.some((result) => result.fold === fold);
  }

  /**
   * Keeps a fold, in place of what an earlier start that was killed before its checkpoint wrote of it. `folds.json` comes
   * last: a fold that stands there has its predictions.
   */
  record(result: FoldResult, faces: readonly Face[], probabilities: Float32Array): void {
    const units = this.aus.length;
    this.results = this.results.filter(({ fold }) => fold !== result.fold);
    this.predictions = this.predictions.filter(({ fold }) => fold !== result.fold);
    faces.forEach(({ line }, n) => {
      const row = Array.from(
        probabilities.subarray(n * units, (n + 1) * units),
        (value) => Number(value.toPrecision(6)),
      );
      this.predictions.push({ fold: result.fold, line, probabilities: row });
    });
    this.results.push(result);
    const text = this.predictions.map((prediction) => JSON.stringify(prediction) + "\n").join("");
    writeAtomically(join(this.folder, "predictions.jsonl"), text);
    const folds = this.results.map(({ fold, units }) => ({ fold: String(fold), units }));
    const means = meanUnits(this.results.map(({ units }) => units));
    writeAtomically(join(this.folder, "folds.csv"), scoresCsv([...folds, { fold: "mean", units: means }]));
    const averages = averageFolds(this.results.map(({ units }) => units));
    writeAtomically(
      join(this.folder, "folds.json"),
      JSON.stringify({ aus: this.aus, averages, units: means, folds: this.results }, null, 1) + "\n",
    );
  }
}

/** JSON has no NaN: a measure that does not exist (AUC without both classes) is written as null. */
function revive(key: string, value: unknown): unknown {
  return value === null && /^(f1|auc|positiveRate|icc|pcc|mae)$/.test(key) ? NaN : value;
}
