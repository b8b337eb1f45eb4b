import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { CheckpointError, hasCheckpoint, loadCheckpoint } from "../../train/runs/checkpoint.ts";
import type { PretrainPosition } from "../../train/pretraining/pretrain_record.ts";
import { randomStream } from "../../train/runs/random.ts";
import { holdRun, RunError } from "../../train/runs/run_folder.ts";
import {
  decode,
  drawFaces,
  metricLines,
  pretrain,
  pretrainCommand,
  startPretrain,
  TINY,
  trainHere,
} from "./toy_faces.ts";

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Steps of the run: 22 subjects x 7 faces, 2 epochs, batches of 16. */
const STEPS = 19;

describe("a pretraining run that is interrupted", () => {
  let folder: string;
  const given = (
    name: string,
    ...more: string[]
  ) => ["--data=faces", `--name=${name}`, ...TINY, "--evaluateEvery=1", ...more];
  const run = (name: string) => join(folder, "runs", name);
  /** What must be equal to the last bit: everything in metrics.jsonl but the pace, and every tensor. */
  const metrics = (name: string) =>
    metricLines(folder, name).map(({ imagesPerSecond: _pace, ...values }) => values);
  const state = (name: string) => loadCheckpoint<PretrainPosition>(run(name)).state;
  function assertSame(name: string, unbroken: string) {
    assertEquals(metrics(name), metrics(unbroken));
    assertEquals(state(name), state(unbroken));
  }
  /** A run as the unbroken one was at its older checkpoint, that of step 10. */
  async function rewind(name: string): Promise<void> {
    await Deno.mkdir(run(name));
    const older = join(run("unbroken"), "checkpoint.safetensors.previous");
    await Deno.copyFile(older, join(run(name), "checkpoint.safetensors"));
    for (const file of ["config.json", "metrics.jsonl"]) {
      await Deno.copyFile(join(run("unbroken"), file), join(run(name), file));
    }
  }

  /** Resolves once `metrics.jsonl` of a run has as many lines, or its process has ended. */
  async function lines(name: string, count: number, outcome: Promise<unknown>): Promise<void> {
    let ended = false;
    outcome.then(() => ended = true);
    const path = join(run(name), "metrics.jsonl");
    while (!ended) {
      try {
        if (Deno.readTextFileSync(path).split("\n").length > count) return;
      } catch {
        // not there yet
      }
      await pause(3);
    }
  }

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(join(folder, "faces"), 24, { labelled: false });
    // Probes are due at 0, 10 and 19.
    await trainHere(folder, "unbroken", { evaluateEvery: 1, checkpointEvery: 10 });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("has logged every step once, and a probe before the first and after the last", () => {
    const all = metrics("unbroken");
    const steps = all.filter((metric) => metric.type === "step");
    assertEquals(steps.map((metric) => metric.step), Array.from({ length: STEPS }, (_, i) => i + 1));
    assertEquals(
      steps.map((metric) => metric.epoch),
      Array.from({ length: STEPS }, (_, i) => i * 16 < 154 ? 0 : 1),
    );
    const probes = all.filter((metric) => metric.type === "evaluation");
    assertEquals(probes.map((metric) => metric.step), [0, 10, STEPS]);
    assertEquals([all[0], all.at(-1)], [probes[0], probes[2]]);
    // These faces carry no action units: what cannot be measured is null, never a number.
    assertEquals(probes.map(({ probeF1, probeAuc }) => [probeF1, probeAuc]), Array(3).fill([null, null]));
    const fields = [
      "type",
      "step",
      "epoch",
      "loss",
      "emotionLoss",
      "contrastiveLoss",
      "lr",
      "imagesPerSecond",
    ];
    assertEquals(Object.keys(metricLines(folder, "unbroken")[1]), fields);
    assertEquals(Object.keys(all[0]), ["type", "step", "knnEmotionAccuracy", "probeF1", "probeAuc"]);
  });

  it("saves and exits 0 on Ctrl-C, goes on as if nothing had happened, and is complete after its end", async () => {
    await trainHere(folder, "traced", { evaluateEvery: 1 }, { eager: false });
    const { child, outcome } = startPretrain(folder, given("stopped", "--checkpointEvery=1000"));
    await lines("stopped", 4, outcome);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await outcome;
    assertEquals(code, 0, stderr);
    const stop = /Stopped after step (\d+) and saved\. Go on with: deno task pretrain --resume --name=stopped/
      .exec(stdout);
    assert(stop, stdout);
    assertLess(Number(stop[1]), STEPS);
    assertEquals(loadCheckpoint<PretrainPosition>(run("stopped")).position.step, Number(stop[1]));
    assertEquals(metrics("stopped").at(-1)!.step, Number(stop[1]));

    const resumed = await pretrain(folder, "--resume", "--name=stopped");
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stdout, `Going on after step ${stop[1]}.`);
    assertSame("stopped", "traced");

    // Options beside --resume may repeat what was saved.
    const complete = await pretrain(folder, "--resume", ...given("stopped", "--checkpointEvery=1000"));
    assertEquals(complete.code, 0, complete.stderr);
    assertStringIncludes(complete.stdout, `stopped is complete: ${STEPS} of ${STEPS} steps are done.`);
    assertSame("stopped", "traced");
    const files = [...Deno.readDirSync(run("stopped"))].map(({ name }) => name).sort();
    const checkpoints = ["checkpoint.safetensors", "checkpoint.safetensors.previous"];
    assertEquals(files, [...checkpoints, "config.json", "metrics.jsonl", "pictures.tsv", "report.html"]);
  });

  it("starts at step 0 when it was killed before its first checkpoint, and loses nothing to kill -9 at any later moment", async () => {
    const random = randomStream(7);
    const logged = () => metricLines(folder, "killed").length;
    const soon = () => pause(60 * random());
    let ended: Promise<unknown> = Promise.resolve();
    // While nothing is done but the first probe; a random while after some more lines, twice, once after a start that
    // was killed early.
    const moments: (() => Promise<void>)[] = [
      () => lines("killed", 1, ended),
      () => lines("killed", logged() + 4 + Math.floor(4 * random()), ended).then(soon),
      () => pause(1500 * random()),
      () => lines("killed", logged() + 1 + Math.floor(4 * random()), ended).then(soon),
    ];
    let kills = 0;
    const begins: boolean[] = [];
    for (const [start, moment] of moments.entries()) {
      const fresh = given("killed", "--checkpointEvery=3", "--eager");
      begins.push(start > 0 && !hasCheckpoint(run("killed")));
      const { child, outcome } = startPretrain(
        folder,
        start ? ["--resume", "--eager", "--name=killed"] : fresh,
      );
      ended = outcome;
      await moment();
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already: the machine was faster than the draw.
      }
      const { signal, stdout } = await outcome;
      if (signal === "SIGKILL") kills++;
      if (start === 1 || start === 3) {
        const expected = begins[start]
          ? /runs\/killed has no checkpoint yet: starting at step 0\./
          : /Going on after step \d+\.|is complete/;
        assertMatch(stdout, expected);
      }
    }
    assert(begins[1], "it was killed after its first checkpoint, so a start without one was not seen");
    assert(kills >= 3, `only ${kills} processes were killed`);
    const printed = await trainHere(
      folder,
      "killed",
      { evaluateEvery: 1, checkpointEvery: 3 },
      { resumes: true },
    );
    assertMatch(printed, /Going on after step \d+\.|is complete/);
    assertSame("killed", "unbroken");
  });

  it("goes on from the older checkpoint, and makes up for a probe that Ctrl-C kept from being done", async () => {
    await rewind("older");
    // As a stop after step 10 leaves it, where a probe is due, and with a last line that a crash cut short.
    const kept = metricLines(folder, "unbroken").filter(({ type, step }) =>
      Number(step) < 10 || type === "step" && step === 10
    );
    const text = kept.map((metric) => JSON.stringify(metric) + "\n").join("");
    Deno.writeTextFileSync(join(run("older"), "metrics.jsonl"), text + '{"type":"step","st');
    await trainHere(folder, "older", { evaluateEvery: 1, checkpointEvery: 10 }, { resumes: true });
    assertSame("older", "unbroken");
  });

  it("keeps the last good checkpoint when the disk takes no more, and says so", async () => {
    await rewind("full");
    const path = join(run("full"), "checkpoint.safetensors"), before = await Deno.readFile(path);
    // The system lets no file grow beyond half a checkpoint: the write fails midway, as on a full disk.
    const limit = "import os, resource, sys; n = int(sys.argv[1]); " +
      "resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)); os.execv(sys.argv[2], sys.argv[2:])";
    const command = [Deno.execPath(), ...pretrainCommand(["--resume", "--eager", "--name=full"])];
    const output = await new Deno.Command("python3", {
      args: ["-c", limit, String(before.length >> 1), ...command],
      cwd: folder,
      env: { NO_COLOR: "1" },
    }).output();
    const { code, stderr } = decode(output);
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^error: runs\/full\/checkpoint\.safetensors could not be written \(File too large\); .*go on with --resume\.\n$/,
    );
    assertEquals(await Deno.readFile(path), before);
    assertEquals([...Deno.readDirSync(run("full"))].filter(({ name }) => name.endsWith(".writing")), []);
  });

  it("is refused when a setting or the name is another one", async () => {
    const complaint = async (...options: string[]) => {
      const { code, stdout, stderr } = await pretrain(folder, ...options);
      assertEquals(code, 1, stdout);
      assertMatch(stderr, /^(Blocking[^\n]+\n)*error: [^\n]+\n$/);
      return stderr;
    };
    const name = "--name=unbroken";
    const said = await Promise.all([
      complaint("--resume", name, "--epochs=3"),
      complaint(name, "--data=faces"),
      complaint("--resume"),
      complaint("--resume", "--name=nobody"),
    ]);
    const expected = [
      "epochs is 3 now, but the run was started with 2.",
      "runs/unbroken exists. Go on with it by --resume, or give another --name.",
      "--resume needs --name=<run>",
      "Runs are: ",
    ];
    for (const [i, text] of said.entries()) assertStringIncludes(text, expected[i]);
  });

  it("is refused when its checkpoint, its config or its manifest was changed, or while another process has it", async () => {
    await rewind("changed");
    const again = (seed = 0) =>
      trainHere(folder, "changed", { seed, evaluateEvery: 1, checkpointEvery: 10 }, { resumes: true });
    await assertRejects(() => again(1), RunError, "seed is 1 now, but the checkpoint was written with 0.");
    {
      using _held = holdRun(run("changed"));
      await assertRejects(() => again(), RunError, "is being trained by another process");
    }
    const checkpoint = join(run("changed"), "checkpoint.safetensors"), bytes = Deno.readFileSync(checkpoint);
    const flipped = bytes.slice();
    flipped[bytes.length - 100] ^= 1;
    Deno.writeFileSync(checkpoint, flipped);
    await assertRejects(() => again(), CheckpointError, "was altered after it was written");
    Deno.writeFileSync(checkpoint, bytes);

    const path = join(folder, "faces/manifest.jsonl"), manifest = Deno.readTextFileSync(path);
    const [first, second, ...rest] = manifest.split("\n");
    Deno.writeTextFileSync(path, [second, first, ...rest].join("\n"));
    await assertRejects(() => again(), RunError, "manifest.jsonl or the pictures it names have changed");
    Deno.writeTextFileSync(path, manifest);
    assertEquals(metrics("changed"), metrics("unbroken"), "a refused run keeps its metrics");
  });
});
