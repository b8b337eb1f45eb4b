import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { duration } from "../../../train/runs/progress.ts";

const PROGRAM = `
import { Progress } from "${new URL("../../../train/runs/progress.ts", import.meta.url).href}";
const progress = new Progress(30);
for (let i = 1; i <= 30; i++) {
  await new Promise((resolve) => setTimeout(resolve, 20));
  progress.show(i, "step " + i + "/30 " + "long ".repeat(40), i % 15 === 0);
  if (i === 20) progress.print("probe");
}
progress.end();
`;

/** Runs the program with its output in a pipe, or on a terminal of \`columns\` columns. */
async function run(columns?: number): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(file, PROGRAM);
  const config = join(fileURLToPath(new URL("../../..", import.meta.url)), "deno.json");
  const command = [Deno.execPath(), "run", "--quiet", `--config=${config}`, "--no-lock", file];
  // Python's standard library has a terminal that needs no other program.
  const terminal = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
try:
    while data := os.read(fd, 4096): os.write(1, data)
except OSError: pass
os.waitpid(pid, 0)`;
  const { stdout } = columns === undefined
    ? await new Deno.Command(command[0], { args: command.slice(1) }).output()
    : await new Deno.Command("python3", { args: ["-c", terminal, String(columns), ...command] }).output();
  await Deno.remove(file);
  return new TextDecoder().decode(stdout);
}

/** Clears the line from the cursor on. */
const CLEAR = "\x1b[K";

describe("Progress", () => {
  it("prints plain lines with the time left where output is piped, and only those that must be", async () => {
    const lines = (await run()).trimEnd().split("\n");
    assertEquals(lines.map((line) => line.slice(0, 10).trim()), ["step 15/30", "probe", "step 30/30"]);
    assertMatch(lines[0], /long {3}\d+s left$/);
    assertMatch(lines[2], / 0s left$/);
  });

  it("keeps one live line on a terminal, cut to its width, and prints others above it", async () => {
    const shown = await run(60);
    const states = shown.split("\r").filter((state) => state.includes("step"));
    assert(states.length >= 3, shown);
    for (const state of states) {
      assertEquals(state.startsWith(`${CLEAR}step `), true, state);
      assertEquals(state.length <= 59 + CLEAR.length, true, state);
      assertEquals(state.includes("\n"), false);
    }
    for (const state of states.slice(1)) {
      assertMatch(state, / {2}\d+s left$/); // the text is cut, the time left is not
    }
    assertStringIncludes(shown, `\r${CLEAR}probe\r\n`);
    assertEquals(shown.endsWith(`\r${CLEAR}`), true);
  });

  it("shows the line on a terminal that does not tell its width", async () => {
    assertStringIncludes(await run(0), `${CLEAR}step 30/30 long`);
  });
});

describe("duration", () => {
  it("is written in hours, minutes or seconds", () => {
    const cases: [number, string][] = [[0, "0s"], [8_400, "8s"], [59_600, "1m 00s"], [125_000, "2m 05s"], [
      3_725_000,
      "1h 02m",
    ]];
    for (const [ms, text] of cases) assertEquals(duration(ms), text);
  });
});
