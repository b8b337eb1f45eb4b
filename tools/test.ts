/**
 * `deno task test`: all tests, in two processes side by side, since each leaves half of two cores idle: those of train,
 * which hold TensorFlow, and all others. What they print comes file by file. Given paths, it is one process of just
 * these; other flags (`--filter`, `--junit-path`) are those of `deno test`.
 * @module
 */

const GROUPS = [["tests/train"], ["tests/serve", "tests/tools", "tests/web"]];
const PROGRAMS = [Deno.execPath(), "python3", "g++", "ffmpeg", "/usr/bin/chromium", "npm", "npx", "node"];
const PERMISSIONS = [
  "--allow-read",
  "--ignore-read=/proc/sys/fs/binfmt_misc/WSLInterop",
  "--allow-write",
  "--allow-env",
  "--allow-ffi",
  "--allow-net=127.0.0.1,localhost",
  "--allow-sys=statfs,homedir,osRelease,uid",
  `--allow-run=${PROGRAMS.join()}`,
];
const JUNIT = "--junit-path=";

/** The JUnit reports of several runs as one. */
export function mergeReports(reports: readonly string[]): string {
  const suites = reports.map((report) =>
    report.slice(report.indexOf(">", report.indexOf("<testsuites")) + 1, report.lastIndexOf("</testsuites>"))
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="deno test">${
    suites.join("")
  }</testsuites>\n`;
}

/** What a run prints while it runs, a test file at a time. */
export async function* byFile(printed: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let held = "";
  for await (const text of printed.pipeThrough(new TextDecoderStream())) {
    const lines = (held + text).split("\n");
    const next = lines.findLastIndex((line) => line.includes("running ") && line.includes(" from ./"));
    if (next > 0) yield lines.splice(0, next).join("\n") + "\n";
    held = lines.join("\n");
  }
  if (held) yield held;
}

type Print = (text: string) => Promise<void>;

async function run(paths: readonly string[], flags: readonly string[], print: Print): Promise<boolean> {
  const args = ["test", ...PERMISSIONS, ...flags, ...paths];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  for await (const text of byFile(child.stdout)) await print(text);
  return (await child.status).success;
}

if (import.meta.main) {
  const flags = Deno.args.filter((arg) => arg.startsWith("-") && !arg.startsWith(JUNIT));
  const paths = Deno.args.filter((arg) => !arg.startsWith("-"));
  const junit = Deno.args.find((arg) => arg.startsWith(JUNIT))?.slice(JUNIT.length);
  const printer = Deno.stdout.writable.getWriter(), encoder = new TextEncoder();
  const print = (text: string) => printer.write(encoder.encode(text));
  const groups = paths.length > 0 ? [paths] : GROUPS;
  const reports = groups.map(() => Deno.makeTempFileSync({ suffix: ".xml" }));
  try {
    const passed = await Promise.all(
      groups.map((group, i) => run(group, [...flags, JUNIT + reports[i]], print)),
    );
    if (junit !== undefined) {
      Deno.writeTextFileSync(junit, mergeReports(reports.map((report) => Deno.readTextFileSync(report))));
    }
    if (passed.includes(false)) Deno.exitCode = 1;
  } finally {
    for (const report of reports) Deno.removeSync(report);
  }
}
