import { assertEquals, assertStringIncludes } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { lockFolder } from "../../tools/setup/stamp.ts";
import { missing, writeWheel } from "./setup/tiny_wheel.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

describe("lockFolder", () => {
  it("lets a second set-up wait for the first, and outlives none", async () => {
    const scratch = await Deno.makeTempDir();
    const stamp = new URL("../../tools/setup/stamp.ts", import.meta.url).href;
    const program = join(scratch, "hold.ts");
    await Deno.writeTextFile(
      program,
      `import { lockFolder } from "${stamp}";
       await lockFolder(Deno.args[0], () => {});
       console.log("held");
       await new Promise((resolve) => setTimeout(resolve, 60_000));`,
    );
    const holder = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "--allow-read", "--allow-write", program, scratch],
      stdout: "piped",
    }).spawn();
    const reader = holder.stdout.getReader();
    await reader.read();
    const lines: string[] = [];
    const waiting = lockFolder(scratch, (line) => lines.push(line));
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(lines, [`Another set-up is at work in ${scratch}; waiting for it.`]);
    holder.kill("SIGKILL");
    (await waiting)[Symbol.dispose]();
    await reader.cancel();
    await holder.status;
    await Deno.remove(scratch, { recursive: true });
  });
});

describe("deno task setup", () => {
  const run = async (...args: string[]) => {
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["task", "--quiet", "setup", ...args],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    return { code: output.code, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
  };

  it("only says so when all is in place", async () => {
    // The tests depend on the task, so this is not its first run.
    const { code, stdout } = await run();
    assertEquals(code, 0);
    assertStringIncludes(stdout, "TensorFlow 2.21.0");
    assertStringIncludes(stdout, "is in place");
    assertEquals(stdout.trim().split("\n").length, 1);
  });

  it("names an option that it does not have", async () => {
    const { code, stderr } = await run("--gpu");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "setup: --gpu is not an option of setup.");
    assertStringIncludes(stderr, "--cuda");
  });

  it("refuses a wheel that is not the pinned one, and leaves the cache empty", async () => {
    const cache = await Deno.makeTempDir();
    const wheel = join(cache, "tensorflow_cpu.whl");
    await writeWheel(wheel);
    const { code, stderr } = await run("--cpu", `--wheel=${wheel}`, `--cache=${cache}`);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "is pinned for tensorflow_cpu-2.21.0");
    assertEquals(await missing(join(cache, "tensorflow-2.21.0-cpu", "libraries")), true);
    await Deno.remove(cache, { recursive: true });
  });
});
