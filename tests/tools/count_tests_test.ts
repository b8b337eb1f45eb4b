import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { countTests } from "../../tools/count_tests.ts";

/** Runs test files in a fresh process and counts them by their report. */
async function countRun(...files: string[]) {
  const folder = await Deno.makeTempDir();
  try {
    const imports = { "@std/testing/bdd": new URL("../std/testing/bdd.ts", import.meta.url).href };
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify({ imports }));
    for (const [i, text] of files.entries()) {
      const head = `import { beforeAll, describe, it } from "@std/testing/bdd";\n`;
      await Deno.writeTextFile(join(folder, `${i}_test.ts`), head + text);
    }
    const report = join(folder, "junit.xml");
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--no-check", `--config=${folder}/deno.json`, `--junit-path=${report}`, folder],
      stdout: "null",
      stderr: "null",
    }).output();
    return { code, ...countTests(await Deno.readTextFile(report)) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

describe("countTests", () => {
  it("counts tests, not the suites around them", async () => {
    const one = `describe("a", () => { it("b", () => {}); describe("c", () => { it("d", () => {}); }); });`;
    assertEquals(await countRun(one, `it("alone", () => {});`), { code: 0, passed: 3, failed: 0 });
  });

  it("counts a failure once, not again for each suite around it", async () => {
    const text = `describe("a", () => {
      it("b > c", () => {});
      describe("<d>", () => { it("e", () => { throw new Error("<testcase name="); }); it("f", () => {}); });
    });`;
    assertEquals(await countRun(text), { code: 1, passed: 2, failed: 1 });
  });

  it("counts a suite whose beforeAll throws as one failure", async () => {
    const text = `describe("a", () => { beforeAll(() => { throw new Error(); }); it("b", () => {}); });`;
    assertEquals(await countRun(text), { code: 1, passed: 0, failed: 1 });
  });

  it("counts nothing in an empty report", () => {
    assertEquals(countTests(""), { passed: 0, failed: 0 });
  });
});
