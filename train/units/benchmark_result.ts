/** What a benchmark leaves in its run's folder: `benchmark.json`, which `deno task tables` reads, and `benchmark.csv`. */
import type { TrainedOn } from "./saved_config.ts";
import { join } from "node:path";
import type { FinetuneConfig } from "./finetune_config.ts";
import type { UnitScores } from "../scores/metrics.ts";
import type { BenchmarkSet } from "../scores/protocols.ts";
import { averageFolds, type Averages, meanUnits } from "../scores/score_table.ts";
import { writeAtomically } from "../runs/whole_file.ts";

/** What `config.json` of a benchmark holds. */
export interface SavedBenchmarkConfig extends FinetuneConfig, TrainedOn {
  program: "benchmark";
  set: BenchmarkSet;
  /** Name of the pretraining run, or `random`. */
  from: string;
  data: string;
  skipBroken: boolean;
  aus: number[];
}

/** A measured row of the paper's tables. */
export interface BenchmarkResult {
  run: string;
  set: BenchmarkSet;
  /** What was pretrained, as `Source` says. */
  method: string;
  from: string;
  /** `supervised`: a detector of its own, not an encoder's layer. */
  protocol: FinetuneConfig["protocol"] | "supervised";
  target: FinetuneConfig["target"];
  faces: number;
  people: number;
  /** People of the protocol who had no face. */
  missing: string[];
  folds: number;
  averages: Averages;
  /** Mean over folds. */
  units: UnitScores[];
}

/** Writes the result of a finished benchmark; returns the files. */
export function writeBenchmark(
  folder: string,
  about: Omit<BenchmarkResult, "folds" | "averages" | "units">,
  folds: readonly UnitScores[][],
): string[] {
  const [averages, units] = [averageFolds(folds), meanUnits(folds)];
  const result: BenchmarkResult = { ...about, folds: folds.length, averages, units };
  const [json, csv] = ["benchmark.json", "benchmark.csv"].map((file) => join(folder, file));
  writeAtomically(json, JSON.stringify(result, null, 1) + "\n");
  writeAtomically(csv, rowCsv(result));
  return [json, csv];
}

/** The row as the paper prints it: units as columns, in per cent; for intensity ICC(3,1). */
function rowCsv({ run, method, protocol, units, averages, target }: BenchmarkResult): string {
  const value = (score: { f1: number; icc?: number }) => {
    const share = target === "intensity" ? score.icc! : score.f1;
    return Number.isNaN(share) ? "" : target === "intensity" ? share.toFixed(3) : (100 * share).toFixed(1);
  };
  const measure = target === "intensity" ? "ICC(3,1)" : "F1";
  const head = ["method", "protocol", "run", "measure", ...units.map(({ au }) => `AU${au}`), "Avg."];
  const row = [`"${method}"`, protocol, run, measure, ...units.map(value), value(averages)];
  return `${head.join(",")}\n${row.join(",")}\n`;
}
