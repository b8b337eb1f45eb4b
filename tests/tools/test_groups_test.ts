import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { countTests } from "../../tools/count_tests.ts";
import { byFile, mergeReports } from "../../tools/test.ts";

const TOOL = fileURLToPath(new URL("../../tools/test.ts", import.meta.url));

/** Runs the program on files with these texts. */
async function runOn(texts: readonly string[], ...flags: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const paths = texts.map((text, i) => {
      const path = join(folder, `${i}_test.ts`);
      Deno.writeTextFileSync(path, text);
      return path;
    });
    const report = join(folder, "junit.xml");
    const permissions = ["--allow-read", "--allow-write", `--allow-run=${Deno.execPath()}`];
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", ...permissions, TOOL, "--no-check", `--junit-path=${report}`, ...flags, ...paths],
    }).output();
    const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    return { code, out, err, report: await Deno.readTextFile(report).catch(() => "") };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const PASSES = `Deno.test("one", () => {});`, FAILS = `Deno.test("two", () => { throw new Error("so"); });`;

describe("deno task test", () => {
  it("runs files that are named, with their report, and fails with one of them", async () => {
    const both = await runOn([PASSES, FAILS]);
    assertEquals([both.code, countTests(both.report)], [1, { passed: 1, failed: 1 }]);
    assertStringIncludes(both.out, "one");
    assertStringIncludes(both.out, "Error: so");
    const one = await runOn([PASSES, FAILS], "--filter=one");
    assertEquals([one.code, countTests(one.report)], [0, { passed: 1, failed: 0 }]);
  });

  it("fails where a file is not there", async () => {
    const { code, err } = await runOn([], "tests/no_such_test.ts");
    assertEquals(code, 1);
    assertStringIncludes(err, "no_such_test.ts");
  });

  it("makes one report of several, valid and whole", async () => {
    const one = await runOn([PASSES, PASSES]), other = await runOn([FAILS]);
    const merged = mergeReports([one.report, other.report]);
    assertEquals(countTests(merged), { passed: 2, failed: 1 });
    assertEquals(merged.match(/<\/?testsuites|<\?xml/g), ["<?xml", "<testsuites", "</testsuites"]);
  });

  it("prints what a run says a file at a time, and loses nothing of it", async () => {
    const lines = [
      "Check a.ts",
      "running 2 tests from ./a.ts",
      "x ... ok",
      "y ... ok",
      "running 1 test from ./b.ts",
    ];
    const said = [...lines, "z é ... ok", "", "ok | 3 passed"].join("\n");
    const bytes = new TextEncoder().encode(said);
    const stream = ReadableStream.from(Array.from(bytes, (_, i) => bytes.slice(i, i + 1)));
    const texts = await Array.fromAsync(byFile(stream));
    assertEquals(texts.join(""), said);
    assertEquals(texts.map((text) => text.split("\n")[0]), ["Check a.ts", lines[1], lines[4]]);
  });
});
