/**
 * Counts the tests of a `deno test --junit-path` report: `count_tests.ts <report> <exit code of the run>`.
 *
 * The report lists suites beside the tests in them; only what has nothing inside counts. The last line printed is
 * "N passed, N failed".
 * @module
 */

/** Tests by outcome; skipped ones are neither. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
}

/** Counts the tests of a JUnit report as Deno writes it, where a test's name holds those of its suites: "a > b > c". */
export function countTests(report: string): TestCount {
  const cases = report.split("<testcase ").slice(1).map((text) => ({
    name: /^name="([^"]*)"/.exec(text)?.[1] ?? "",
    hasFailed: /<(failure|error)\b/.test(text),
    isSkipped: text.includes("<skipped"),
  }));
  const suites = new Set<string>();
  for (const { name } of cases) {
    const parts = name.split(" &gt; ");
    for (let i = 1; i < parts.length; i++) suites.add(parts.slice(0, i).join(" &gt; "));
  }
  const tests = cases.filter(({ name, isSkipped }) => !suites.has(name) && !isSkipped);
  const failed = tests.filter(({ hasFailed }) => hasFailed).length;
  return { passed: tests.length - failed, failed };
}

if (import.meta.main) {
  const [path, exitCode] = Deno.args;
  const { passed, failed } = countTests(await Deno.readTextFile(path));
  // A failure outside of tests (a format, a type, a module that throws, a hook of a suite) counts as one.
  const counted = failed === 0 && exitCode !== "0" ? 1 : failed;
  if (counted > failed) console.log("The run has failed outside of the tests: see above.");
  console.log(`${passed} passed, ${counted} failed`);
}
