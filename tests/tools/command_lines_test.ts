/** What every program says when it is asked for help, and where it stands. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const TASKS: Record<string, string | { command: string; dependencies?: string[] }> =
  JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`)).tasks;

/** Runs a program with the permissions of its task. */
const run = (task: string, ...args: string[]) => runFrom(ROOT, task, ...args);

/** The same for a user who stands in a folder, as `deno task` tells it. */
async function runFrom(folder: string, task: string, ...args: string[]) {
  const entry = TASKS[task], command = typeof entry === "string" ? entry : entry.command;
  const words = command.slice(command.indexOf("deno run ") + 9).split(" ");
  const script = words.findIndex((word) => word.endsWith(".ts"));
  const flags = words.slice(0, script).filter((word) => word.startsWith("--") && !word.includes("$("));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      ...flags.filter((flag) => flag !== "--no-prompt"),
      words[script],
      ...args,
    ],
    cwd: ROOT,
    env: { NO_COLOR: "1", INIT_CWD: folder },
  }).output();
  const text = new TextDecoder();
  // Deno itself may have to say that another process holds its lock.
  const said = text.decode(stderr).replace(/^.*waiting for file lock.*\n/gm, "");
  return { code, stdout: text.decode(stdout), stderr: said };
}

/** Programs of this member and the server; those that train share one command line, which has its own test. */
const PROGRAMS = Object.entries(TASKS).flatMap(([task, entry]) => {
  const { command, dependencies = [] } = typeof entry === "string" ? { command: entry } : entry;
  const trains = dependencies.includes("setup") && task !== "bench" && task !== "soak";
  return !trains && /deno run .*\b(tools|serve)\/\w+\.ts$/.test(command) && task !== "floors" ? [task] : [];
});

describe("the programs", () => {
  it("explain themselves with --help, without a stack", async () => {
    for (let at = 0; at < PROGRAMS.length; at += 2) {
      await Promise.all(
        PROGRAMS.slice(at, at + 2).map(async (task) => {
          const { code, stdout, stderr } = await run(task, "--help");
          assertEquals([task, code, stderr], [task, 0, ""]);
          assert(stdout.length > 60 && !/\n\s+at /.test(stdout), `${task}: ${stdout}`);
        }),
      );
    }
  });

  it("name an option that they do not know in a sentence", async () => {
    for (const task of ["web", "build-web", "build-edge", "detect", "align", "manifest", "serve"]) {
      const { code, stderr } = await run(task, "--colour=red");
      assert(code !== 0, task);
      assertStringIncludes(stderr, "--colour");
      assert(!/\n\s+at /.test(stderr), `${task}: ${stderr}`);
    }
  });

  it("of several parts list these where none is named, and hand a part its own command line", async () => {
    const [none, unknown, help, wrong] = await Promise.all([
      run("bench"),
      run("soak", "tea"),
      run("soak", "input", "--help"),
      run("soak", "--", "input", "--faces=10"),
    ]);
    assertEquals([none.code, unknown.code, help.code, wrong.code], [2, 2, 0, 2]);
    for (const part of ["step", "input", "web", "serve", "faces", "edge"]) {
      assertStringIncludes(none.stderr, `\n  deno task bench ${part} `);
    }
    assertStringIncludes(unknown.stderr, "\n  deno task soak paper ");
    assertStringIncludes(help.stdout, "--faces  faces of the epoch");
    assertEquals(wrong.stderr, "--faces=10: it must be a whole number of at least 1000.\n");
  });

  it("read paths from where their user stands", async () => {
    const folder = await Deno.makeTempDir();
    const lines = [
      ["pretrain", "--data=gone"],
      ["finetune", "--from=random", "--data=gone"],
      ["benchmark", "--set=bp4d", "--from=random", "--data=gone"],
      ["study", "--plan", "--data=gone"],
      ["evaluate", "--photos=gone"],
      ["calibrate", `--model=${ROOT}/web/model`, "--photos=gone"],
      ["photos", "--from=gone", "--out=out"],
    ];
    for (const [task, ...args] of lines) {
      const { code, stderr } = await runFrom(folder, task, ...args);
      assertEquals([task, code], [task, 1], stderr);
      assertStringIncludes(stderr, `${folder}/gone`, task);
    }
    await Deno.remove(folder);
  });

  it("say that a port is taken before anything is built", async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const { code, stdout, stderr } = await run("web", `--port=${port}`);
    assertEquals([code, stdout, stderr], [
      1,
      "",
      `Port ${port} of 127.0.0.1 is taken: --port=<number> takes another one, --port=0 a free one.\n`,
    ]);
  });
});
