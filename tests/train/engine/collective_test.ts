import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hasCheckpoint, loadCheckpoint } from "../../../train/runs/checkpoint.ts";
import type { PretrainPosition } from "../../../train/pretraining/pretrain_record.ts";
import { RunError } from "../../../train/runs/run_folder.ts";
import { relativeError } from "../../helpers.ts";
import { freePorts } from "./free_ports.ts";
import { decode, drawFaces, metricLines, startPretrain, TINY, trainHere } from "../toy_faces.ts";

/** Variables of `size` ranks on this machine. */
function environments(size: number): { [name: string]: string }[] {
  const port = String(freePorts(1 + size));
  return Array.from(
    { length: size },
    (_, rank) => ({ EMOCO_RANK: `${rank}`, EMOCO_SIZE: `${size}`, EMOCO_PORT: port }),
  );
}

describe("a step shared by ranks", () => {
  const program = fileURLToPath(new URL("./ranked_step.ts", import.meta.url));
  interface Result {
    losses: number[][];
    gradient: { [name: string]: number[] };
    digests: { [name: string]: string };
  }
  async function run(env: { [name: string]: string }, ...args: string[]): Promise<Result> {
    return await runOf(program, env, ...args);
  }
  async function runOf(
    program: string,
    env: { [name: string]: string },
    ...args: string[]
  ): Promise<Result> {
    const permissions = ["read", "env", "ffi", "sys"].map((each) => `--allow-${each}`);
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", ...permissions, program, ...args],
      env,
    });
    const { code, stdout, stderr } = decode(await command.output());
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout);
  }

  it("is the step of one process: twice half the batch gives the losses of 20 whole ones", async () => {
    const [batch, steps] = [16, 20];
    const alone = await run({}, "paper", `${batch}`, `${steps}`);
    const ranks = await Promise.all(
      environments(2).map((env) => run(env, "paper", `${batch}`, `${steps}`)),
    );
    assertEquals(alone.losses.length, steps);
    ranks[0].losses.forEach((losses, step) =>
      losses.forEach((loss, i) => assertAlmostEquals(loss, alone.losses[step][i], 1e-4, `step ${step + 1}`))
    );
    assert(alone.losses.at(-1)![2] > 1, "keys came into the queues and met queries");
    // Queues, weights, velocity and statistics: the same bits on both.
    assertEquals(ranks[1], ranks[0]);
    assert(Object.keys(ranks[0].digests).includes("queue/keys"));
  });

  // What else ranks have in common: negatives, codes and a queue, an order of losses.
  for (const method of ["simclr", "swav", "fabnet"]) {
    it(`is that of one process for ${method} as well`, async () => {
      const rival = fileURLToPath(new URL("./ranked_rival.ts", import.meta.url));
      const alone = await runOf(rival, {}, method, "3");
      const ranks = await Promise.all(environments(2).map((env) => runOf(rival, env, method, "3")));
      // The first step alone: from there on, so small a network on noise magnifies what sums round differently.
      ranks[0].losses[0].forEach((loss, i) => assertAlmostEquals(loss, alone.losses[0][i], 1e-4));
      const names = Object.keys(alone.gradient);
      assertEquals(names.length, Object.keys(ranks[0].gradient).length);
      assert(names.some((name) => name.startsWith("projection")));
      for (const name of names) {
        assertLess(relativeError(ranks[0].gradient[name], alone.gradient[name]), 1e-3, name);
      }
      assertEquals(ranks[1], ranks[0]);
    });
  }
});

describe("pretraining on two ranks", () => {
  let folder: string;
  // A rate so small that rounding is not magnified: at greater ones faces in another order within their batch change the
  // losses of one process by as much. `a step shared by ranks` is where the rate is an ordinary one.
  const settings = ["--name=two", ...TINY, "--epochs=3", "--baseLearningRate=0.0002", "--checkpointEvery=5"];
  const run = (cwd: string, name = "two") => join(folder, cwd, "runs", name);

  /** Starts both, each in a folder of its own unless it is the same. */
  function start(cwds: readonly [string, string], ...more: string[]) {
    return environments(2).map((env, rank) => {
      const cwd = join(folder, cwds[rank]);
      Deno.mkdirSync(cwd, { recursive: true });
      return startPretrain(cwd, [`--data=${join(folder, "faces")}`, ...settings, ...more], env);
    });
  }
  const losses = (cwd: string, name: string) =>
    metricLines(join(folder, cwd), name).filter(({ type }) => type === "step")
      .map(({ step, loss, emotionLoss, contrastiveLoss }) => [step, loss, emotionLoss, contrastiveLoss]);
  /** Resolves when a run has a checkpoint, or its process has ended. */
  async function checkpointed(cwd: string, outcome: Promise<unknown>): Promise<void> {
    let ended = false;
    outcome.then(() => ended = true);
    while (!ended && !hasCheckpoint(run(cwd))) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(join(folder, "faces"), 24, { labelled: false });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("is the run of one process, with the same faces and views, and one rank writes it", async () => {
    const outcomes = await Promise.all(start(["first", "second"]).map(({ outcome }) => outcome));
    for (const { code, stderr } of outcomes) assertEquals(code, 0, stderr);
    await trainHere(folder, "one", { epochs: 3, baseLearningRate: 0.0002 }, { eager: false });
    const [one, two] = [losses("", "one"), losses("first", "two")] as number[][][];
    assertEquals(two.length, one.length);
    for (let step = 0; step < 20; step++) {
      one[step].forEach((value, i) => assertAlmostEquals(two[step][i], value, 1e-4, `step ${step + 1}`));
    }
    assertMatch(outcomes[0].stdout, /, 2 ranks\n/);
    assertEquals(outcomes[1].stdout, "");
    assertEquals([...Deno.readDirSync(join(folder, "second"))], []);
  });

  it("stops on all ranks after the same step when one is asked to, and goes on to the same end", async () => {
    const cwds = ["stopped", "stopped"] as const;
    const both = start(cwds);
    await checkpointed("stopped", both[0].outcome);
    both[1].child.kill("SIGINT");
    for (const { outcome } of both) {
      const { code, stderr } = await outcome;
      assertEquals(code, 0, stderr);
    }
    const { position } = loadCheckpoint<PretrainPosition>(run("stopped"));
    assertLess(position.step, 28);
    assertEquals(losses("stopped", "two").length, position.step);

    const alone = await assertRejects(
      () =>
        trainHere(join(folder, "stopped"), "two", loadCheckpoint(run("stopped")).config, { resumes: true }),
      RunError,
    );
    assertStringIncludes(alone.message, "is of a run on 2 ranks, and this is one on 1");

    for (const { outcome } of start(cwds, "--resume")) {
      const { code, stderr } = await outcome;
      assertEquals(code, 0, stderr);
    }
    assertEquals(losses("stopped", "two"), losses("first", "two"), "to the last bit");
    assertEquals(loadCheckpoint(run("stopped")).state, loadCheckpoint(run("first")).state);
  });

  it("ends by itself, its checkpoint whole, when a rank is killed", async () => {
    const both = start(["killed", "killed"], "--epochs=1000");
    await checkpointed("killed", both[0].outcome);
    both[0].child.kill("SIGKILL"); // TensorFlow itself would wait for this one for ever
    const { code, stderr } = await both[1].outcome;
    assertEquals(code, 1);
    assertMatch(stderr, /error: Rank 0 \(localhost:\d+\) has ended in the middle/);
    loadCheckpoint(run("killed")); // verifies its SHA-256
    await both[0].outcome;
  });

  it("refuses what ranks cannot share, and other programs to be ranks", async () => {
    const [, env] = environments(2);
    const refusal = async (...more: string[]) => {
      const { code, stderr } = await startPretrain(folder, ["--data=faces", ...settings, ...more], env)
        .outcome;
      assertEquals(code, 1);
      return stderr;
    };
    const [eager, batch, split] = await Promise.all([
      refusal("--eager"),
      refusal("--batchSize=15"),
      refusal("--batchNorm=split", "--batchNormGroups=2"),
    ]);
    assertStringIncludes(eager, "--eager is for one process");
    assertStringIncludes(batch, "batchSize is 15; 2 ranks take equal parts of it");
    assertStringIncludes(split, 'batchNorm is "split", which is for one process');
  });
});
