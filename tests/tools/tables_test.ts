import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { type BenchmarkResult, writeBenchmark } from "../../train/units/benchmark_result.ts";
import type { UnitScores } from "../../train/scores/metrics.ts";
import { BENCHMARKS, type BenchmarkSet } from "../../train/scores/protocols.ts";
import { FORMATS } from "../../tools/tables/formats.ts";
import { makeTables, type Row } from "../../tools/tables/rows.ts";
import { renderedTable } from "../../tools/tables/rendered.ts";
import { writeResults } from "../../tools/study/results.ts";
import { runTask } from "../train/toy_runs.ts";
import { result as studied, SETTING } from "./study_results.ts";

/** A benchmark whose F1 of a unit is the unit's number in per mille. */
function result(set: BenchmarkSet, changes: Partial<BenchmarkResult> = {}): BenchmarkResult {
  const units = BENCHMARKS[set].aus.map((au) => ({ au, f1: au / 1000, auc: 0.5 }) as UnitScores);
  const averages = {
    f1: units.reduce((sum, { f1 }) => sum + f1, 0) / units.length,
    auc: 0.5,
    positiveRate: 0.1,
  };
  return {
    run: "emoco-1-set_linear",
    set,
    method: "EmoCo",
    from: "emoco-1",
    protocol: "linear",
    target: "occurrence",
    faces: 10,
    people: 27,
    missing: [],
    folds: 3,
    averages,
    units,
    ...changes,
  };
}

const measured = (rows: readonly Row[]) => rows.filter(({ status }) => status === "measured");

describe("makeTables", () => {
  it("holds the paper's tables, with the averages that it prints", () => {
    const tables = makeTables([]);
    assertEquals(tables.map(({ name, table, aus }) => [name, table, aus]), [
      ["GFT", "I", BENCHMARKS.gft.aus],
      ["DISFA", "II", BENCHMARKS.disfa.aus],
      ["BP4D", "III", BENCHMARKS.bp4d.aus],
    ]);
    const reported = tables.flatMap(({ name, rows }) =>
      rows.filter(({ status }) => status === "reported").map((row) => ({ name, ...row }))
    );
    assertEquals(reported.length, 12 + 15 + 15);
    // The paper's own averages differ from their rows' in these, and stand as printed.
    const known = ["DISFA DRML", "DISFA EAC", "DISFA TAE", "BP4D EAC", "BP4D SRERL"];
    const different = reported.filter(({ f1, average }) =>
      Math.abs((f1 as number[]).reduce((sum, value) => sum + value) / f1.length - average!) > 0.06
    );
    assertEquals(different.map(({ name, method }) => `${name} ${method}`), known);
    const emoco = reported.filter(({ method }) => method === "EmoCo").map(({ average }) => average);
    assertEquals(emoco, [53.0, 58.6, 53.3, 58.6, 59.3, 61.9]);
  });

  it("sets a measured row under the reported one of its method, and leaves cells blank that nobody has measured", () => {
    const partly = result("disfa", { people: 26, missing: ["018"] });
    partly.units = partly.units.filter(({ au }) => au !== 26);
    const [gft, disfa] = makeTables([partly, result("disfa", { target: "intensity", run: "other" })]);
    assert(
      measured(gft.rows).every(({ f1, average }) => [...f1, average].every((cell) => cell === undefined)),
    );
    assertEquals(measured(disfa.rows).map(({ method, protocol, origin }) => [method, protocol, origin]), [
      ["MoCo", "linear", ""],
      ["MoCo", "finetune", ""],
      ["EmoCo", "linear", "run emoco-1-set_linear, 26 of 27 people"],
      ["EmoCo", "finetune", ""],
    ]);
    const at = disfa.rows.findIndex(({ origin }) => origin.startsWith("run "));
    assertEquals([disfa.rows[at - 1].method, disfa.rows[at - 1].status], ["EmoCo", "reported"]);
    const percents = [0.1, 0.2, 0.4, 0.6, 0.9, 1.2, 2.5];
    disfa.rows[at].f1.slice(0, 7).forEach((value, i) => assert(Math.abs(value! - percents[i]) < 1e-9));
    assertEquals(disfa.rows[at].f1[7], undefined);
  });

  it("keeps every run of a method, and methods that the paper does not have", () => {
    const rows = makeTables([
      result("bp4d", { run: "one" }),
      result("bp4d", { run: "two" }),
      result("bp4d", { method: "emotion only", run: "three" }),
    ])[2].rows;
    assertEquals(measured(rows).map(({ origin }) => origin).filter(Boolean), [
      "run one",
      "run two",
      "run three",
    ]);
    assertEquals(rows.at(-1)!.method, "emotion only");
  });
});

describe("renderedTable", () => {
  it("has every system of the paper once a protocol, measured ones with means over seeds, and says why TAE is blank", async () => {
    const folder = await Deno.makeTempDir();
    try {
      const units = (f1: number) => ({ units: [{ au: 4, f1, auc: 0.5 }, { au: 12, f1: 2 * f1, auc: NaN }] });
      const whole = { protocol: "finetune" } as const;
      const setting = { ...SETTING, finetuneEpochs: 3 };
      writeResults(folder, "detectors", {
        setting,
        runs: [studied("DRML", 0, 0.3, { ...whole, ...units(0.2) })],
      });
      const [one, two] = [[0, 0.2], [1, 0.3]].map(([seed, f1]) => studied("MoCo", seed, f1, units(f1)));
      writeResults(folder, "table4", { setting, runs: [one, two, studied("DRML", 0, 0.9, whole)] });
      const table = renderedTable(folder);
      assertEquals(table.aus, [4, 12]);
      const known = Map.groupBy(table.rows, ({ average }) => average !== undefined);
      assertEquals(
        known.get(true)!.map((
          { method, protocol, f1, average, origin },
        ) => [method, protocol, ...[...f1, average].map((value) => value!.toFixed(1)), origin]),
        [
          ["DRML", "supervised", "20.0", "40.0", "30.0", "3 epochs from random weights, seeds: 1"],
          ["MoCo", "linear", "25.0", "50.0", "25.0", "pretrained for 5 epochs, seeds: 2"],
        ],
      );
      const named = new Set(table.rows.map(({ method }) => method.toLowerCase()));
      for (const { method } of makeTables([]).flatMap(({ rows }) => rows)) {
        const ours = method.toLowerCase().replace("resnet-50", "resnet-18");
        assert(
          [ours, `after ${ours}`, `${ours}-net`, `after ${ours}-net`].some((name) => named.has(name)),
          method,
        );
      }
      const lines = FORMATS.txt([table]).split("\n");
      assertMatch(lines.find((line) => line.startsWith("TAE, linear [a]"))!, /not measured yet$/);
      assert(lines.some((line) => /^\[a\] We could get neither its text nor its code/.test(line)));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});

/** Cells of a CSV line, those in quotes without them. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted ?? plain
  );
}

describe("FORMATS", () => {
  const tables = makeTables([result("gft"), result("bp4d")]);

  it("write the same cells, reported and measured ones told apart", () => {
    const text = FORMATS.txt(tables),
      csv = FORMATS.csv(tables).trim().split("\n").map(cellsOf);
    assertMatch(
      text,
      /\nEmoCo, linear +0\.1 +0\.2 +0\.4 .* +2\.4 +1\.1 {2}measured, run emoco-1-set_linear\n/,
    );
    assertMatch(text, /\nEmoCo, linear +51\.8 .* 53\.0 {2}reported, by the paper\n/);
    assertMatch(text, /\nMoCo, linear +not measured yet\n/);
    const column = csv[0].indexOf("AU24");
    const ours = csv.filter((row) => row[4] === "measured" && row[5] !== "");
    assertEquals(ours.map((row) => [row[0], row[column], row.at(-2)]), [["I", "2.4", "1.1"], [
      "III",
      "2.4",
      "1.1",
    ]]);
    assert(csv.every((row) => row.length === csv[0].length));
    assertEquals(csv.filter((row) => row[4] === "reported").length, 42);
  });

  it("set a note beside its cell, once for all rows that it belongs to, and say who says so", () => {
    const [gft, disfa, bp4d] = makeTables([]);
    assertMatch(FORMATS.txt([gft]), /\nTAE, linear \[a\] .*\n[^]*\n\[a\] No row of ours stands beside it: /);
    const text = FORMATS.txt([bp4d]);
    assertMatch(text, /\nDRML, supervised .* 53\.9 +56\.0 \[a\] +reported, quoted by the paper\n/);
    assertMatch(text, /\nSRERL, supervised \[d\] .* 62\.1 \[c\] +reported/);
    assertMatch(text, /\n\[a\] This row is DRML's AUC: [^\n]+ \(Papers with Code, [^\n]+\)\n/);
    assertMatch(text, /\nEmoCo, linear .* 59\.3 +reported/);
    const notes = (rows: readonly Row[], method: string) =>
      rows.find((row) => row.method === method)!.notes.map(({ text }) => text).join(" ");
    // What a note says of a row's mean is what the row's cells give.
    for (const [{ rows }, method] of [[disfa, "EAC"], [bp4d, "SRERL"]] as const) {
      const { f1 } = rows.find((row) => row.method === method)!;
      const mean = (f1 as number[]).reduce((sum, value) => sum + value) / f1.length;
      assertStringIncludes(notes(rows, method), `The units of this row average ${mean.toFixed(1)}`);
    }
    const html = FORMATS.html([disfa]), latex = FORMATS.tex([disfa]);
    assertStringIncludes(html, "<td>48.5<sup>a</sup></td>");
    assertStringIncludes(html, "<p><sup>a</sup> The units of this row average 57.4");
    assertMatch(latex, /\nEAC\\textsuperscript\{b\} & .* & 48\.5\\textsuperscript\{a\} \\\\\n/);
    const csv = FORMATS.csv([disfa]).trim().split("\n").map(cellsOf);
    assertStringIncludes(
      csv.find((row) => row[2] === "JAA")!.at(-1)!,
      "Its DISFA model starts from its BP4D",
    );
  });

  it("write LaTeX with as many columns as it says, and HTML, with names escaped", () => {
    const latex = FORMATS.tex(tables);
    assertStringIncludes(latex, "measured, run emoco-1-set\\_linear");
    for (const part of latex.split("\\begin{tabular}").slice(1)) {
      const columns = /^\{(l+r+)\}/.exec(part)![1].length;
      const rows = part.split("\n").filter((line) => line.endsWith("\\\\"));
      assert(rows.length > 14);
      for (const row of rows) assertEquals(row.split(" & ").length, columns, row);
    }
    const html = FORMATS.html(makeTables([result("gft", { run: "a<b" })]));
    assertStringIncludes(html, "measured, run a&#60;b");
    assertEquals(html.match(/<tr class="reported">/g)!.length, 42);
    assertEquals([html.match(/<tr class="measured">/g)!.length, html.match(/<tr class="open">/g)!.length], [
      1,
      11,
    ]);
  });
});

describe("deno task tables", () => {
  it("reads what benchmarks have left under runs, and writes every format", async () => {
    const folder = await Deno.makeTempDir();
    try {
      const { units, averages: _, folds: __, ...about } = result("gft", { run: "emoco-gft" });
      Deno.mkdirSync(join(folder, "runs/emoco-gft"), { recursive: true });
      Deno.writeTextFileSync(join(folder, "runs/emoco-gft/config.json"), "{}");
      writeBenchmark(join(folder, "runs/emoco-gft"), about, [units, units]);
      const printed = await runTask("tables", folder, "--set=gft");
      assertEquals(printed.code, 0, printed.stderr);
      assertMatch(printed.stdout, /^Table I: [^\n]+ on GFT\n/);
      assertStringIncludes(printed.stdout, "measured, run emoco-gft");
      assert(!printed.stdout.includes("Table II:"));
      const written = await runTask("tables", folder, "--out=out");
      assertEquals(
        written.stdout,
        ["txt", "csv", "tex", "html"].map((kind) => `out/tables.${kind}\n`).join(""),
      );
      assertStringIncludes(
        Deno.readTextFileSync(join(folder, "out/tables.csv")),
        ",measured,run emoco-gft,0.1,",
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
});
