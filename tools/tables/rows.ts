/** The rows of the paper's Tables I-III: what the paper reports, and what was measured here, never one as the other. */
import { join } from "node:path";
import type { BenchmarkResult } from "../../train/units/benchmark_result.ts";
import { BENCHMARKS, type BenchmarkSet } from "../../train/scores/protocols.ts";
import { listRuns, RUNS } from "../../train/runs/run_folder.ts";
import { exists } from "../../train/runs/whole_file.ts";
import reported from "./reported.json" with { type: "json" };

/** A table of the paper with the measured rows beside the reported ones. */
export interface Table {
  set: BenchmarkSet | "rendered";
  /** "DISFA" */
  name: string;
  /** "II" */
  table: string;
  aus: readonly number[];
  rows: Row[];
}

/** One row; F1 in per cent. */
export interface Row {
  method: string;
  protocol: "supervised" | "linear" | "finetune";
  status: "reported" | "measured";
  /** Where it is from: the run, or that the paper quotes another one. Empty for a row that nobody has measured. */
  origin: string;
  /** One a unit, `undefined` where nobody has measured it. */
  f1: (number | undefined)[];
  average: number | undefined;
  /** What must be known of a reported row before it is compared. */
  notes: readonly Note[];
}

/** What is odd or unequal about a cell of a reported row. */
export interface Note {
  /** Beside which cell it stands. */
  cell: "method" | "average";
  text: string;
  /** Who says so. */
  source: string;
}

/** Where the reported numbers are from. */
export const SOURCE = reported.source;

/** Rows of ours that every table has, whether they have been measured or not. */
const WANTED = ["MoCo", "EmoCo"].flatMap((method) =>
  (["linear", "finetune"] as const).map((protocol) => ({ method, protocol }))
);

/** The three tables, from the paper and the given results. */
export function makeTables(results: readonly BenchmarkResult[]): Table[] {
  return reported.tables.map(({ set, table, aus, rows }) => {
    const ours = results.filter((result) => result.set === set && result.target === "occurrence");
    const missing = WANTED.filter(({ method, protocol }) =>
      !ours.some((result) => result.method === method && result.protocol === protocol)
    );
    const measured: Row[] = [
      ...ours.map((result) => measuredRow(result, aus)),
      ...missing.map(({ method, protocol }): Row => ({
        method,
        protocol,
        status: "measured",
        origin: "",
        f1: aus.map(() => undefined),
        average: undefined,
        notes: [],
      })),
    ];
    const printed = rows.map((row): Row => ({
      method: row.method,
      protocol: row.protocol as Row["protocol"],
      status: "reported",
      origin: row.quoted ? "quoted by the paper" : "by the paper",
      f1: row.f1,
      average: row.average,
      notes: "notes" in row ? row.notes as Note[] : [],
    }));
    return {
      set: set as BenchmarkSet,
      name: BENCHMARKS[set as BenchmarkSet].name,
      table,
      aus,
      rows: beside(printed, measured),
    };
  });
}

/** Measured rows directly under the reported ones of the same method and protocol; methods of ours alone come last. */
function beside(printed: readonly Row[], measured: readonly Row[]): Row[] {
  // "after EAC-Net" is ours of what the paper calls EAC.
  const key = ({ method, protocol }: Row) =>
    `${method.replace(/^after /, "").replace(/-Net$/, "")} ${protocol}`;
  const known = new Set(printed.map(key));
  return [
    ...printed.flatMap((row) => [row, ...measured.filter((mine) => key(mine) === key(row))]),
    ...measured.filter((mine) => !known.has(key(mine))),
  ];
}

function measuredRow(
  { run, method, protocol, units, averages, missing, people }: BenchmarkResult,
  aus: number[],
): Row {
  const percent = (share: number | null | undefined) =>
    typeof share === "number" && !Number.isNaN(share) ? 100 * share : undefined;
  return {
    method,
    protocol,
    status: "measured",
    origin: `run ${run}${missing.length ? `, ${people} of ${people + missing.length} people` : ""}`,
    f1: aus.map((au) => percent(units.find((unit) => unit.au === au)?.f1)),
    average: percent(averages.f1),
    notes: [],
  };
}

/** What every finished benchmark under `runs/` has left, the oldest first. */
export function readBenchmarks(): BenchmarkResult[] {
  const file = (name: string) => join(RUNS, name, "benchmark.json");
  return listRuns((folder) => exists(join(folder, "benchmark.json"))).reverse()
    .map((name) => JSON.parse(Deno.readTextFileSync(file(name))));
}
