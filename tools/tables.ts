/**
 * `deno task tables`: the paper's Tables I-III with what `deno task benchmark` has measured beside what is reported, and
 * every system of theirs as `deno task study` has measured it on rendered faces.
 * @module
 */
import { join } from "node:path";
import { type FlagList, runProgram, SHARED_FLAGS, UsageError } from "../train/runs/flags.ts";
import { BENCHMARKS } from "../train/scores/protocols.ts";
import { writeAtomically } from "../train/runs/whole_file.ts";
import { claimNames } from "./files/claim.ts";
import { fromHere } from "./files/from_here.ts";
import { FORMATS } from "./tables/formats.ts";
import { renderedTable } from "./tables/rendered.ts";
import { makeTables, readBenchmarks } from "./tables/rows.ts";

/** What a table can be of; `rendered` is the study's. */
const SETS = [...Object.keys(BENCHMARKS), "rendered"];

const FLAGS: FlagList = {
  set: { kind: "text", help: `one data set only: ${SETS.join(", ")}` },
  format: { kind: "text", help: `what is printed: ${Object.keys(FORMATS).join(", ")} (default: txt)` },
  out: { kind: "text", help: "folder to write all formats to, as tables.txt, .csv, .tex and .html, instead" },
  help: SHARED_FLAGS.help,
};

if (import.meta.main) {
  await runProgram({
    summary: "deno task tables: the paper's Tables I-III with your benchmarks beside them.",
    flags: FLAGS,
  }, ({ text }) => {
    const { set, format = "txt", out } = text;
    if (set !== undefined && !SETS.includes(set)) {
      throw new UsageError(`--set=${set}: sets are ${SETS.join(", ")}.`);
    }
    if (!Object.hasOwn(FORMATS, format)) {
      throw new UsageError(`--format=${format}: formats are ${Object.keys(FORMATS).join(", ")}.`);
    }
    const all = [...makeTables(readBenchmarks()), renderedTable()];
    const tables = all.filter((table) => !set || table.set === set);
    if (!out) {
      console.log(FORMATS[format as keyof typeof FORMATS](tables).trimEnd());
      return;
    }
    const folder = fromHere(out);
    claimNames("--out", folder, Object.keys(FORMATS).map((ending) => `tables.${ending}`));
    for (const [ending, write] of Object.entries(FORMATS)) {
      writeAtomically(join(folder, `tables.${ending}`), write(tables));
      console.log(join(out, `tables.${ending}`));
    }
  });
}
