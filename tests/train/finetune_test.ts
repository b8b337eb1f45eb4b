import { firstNonFinite } from "../../train/runs/tensor_values.ts";
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { hasCheckpoint, loadCheckpoint } from "../../train/runs/checkpoint.ts";
import type { FinetunePosition } from "../../train/units/finetune_fits.ts";
import { type Line, metricLines, writeManifest } from "./toy_faces.ts";
import { drawLabelledFaces, readRunFile, runTask, SHORT, startTask, writePretrainedRun } from "./toy_runs.ts";

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Steps of each fit of the run: 9 people x 7 faces, 2 epochs of batches of 16, on two thirds of them and on all. */
const STEPS = [5, 5, 5, 7];

describe("deno task finetune with the whole network", () => {
  let folder: string, lines: Line[];
  const args = (name: string, ...more: string[]) => [
    `--name=${name}`,
    "--data=faces",
    "--from=pre",
    "--protocol=finetune",
    "--learningRate=0.001",
    ...SHORT,
    ...more,
  ];
  const run = (name: string) => join(folder, "runs", name);
  const finetune = (...given: string[]) => runTask("finetune", folder, ...given);
  const books = (name: string) =>
    ["folds.json", "folds.csv", "predictions.jsonl"].map((file) => readRunFile(folder, name, file));
  /** All that must be equal to the last bit; checkpoints name their own run nowhere. */
  const all = (name: string) => ({
    books: books(name),
    metrics: metricLines(folder, name),
    checkpoint: loadCheckpoint(run(name)),
  });
  const steps = (name: string) => {
    try {
      return metricLines(folder, name).filter(({ type }) => type === "step").length;
    } catch {
      return 0; // not there yet, or its last line is being written
    }
  };

  /** Resolves once a run has logged a number of steps, or its process has ended. */
  async function logged(name: string, count: number, outcome: Promise<unknown>): Promise<void> {
    let ended = false;
    outcome.then(() => ended = true);
    while (!ended && steps(name) < count) await pause(3);
  }

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    lines = await drawLabelledFaces(join(folder, "faces"), 11);
    writePretrainedRun(folder, "pre");
    const { code, stderr, stdout } = await finetune(...args("unbroken", "--checkpointEvery=2"));
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /\nfold 1\/3 {2}epoch 2\/2 {2}step 5\/5 {2}loss \d\.\d{3} {2}\d+m? ?\d*s? left\n/);
    assertStringIncludes(stdout, "Mean of 3 folds, in per cent (F1 at probability 0.5):\nAU ");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("logs every step once, tests every epoch of a fold, and reports the last one", () => {
    const metrics = metricLines(folder, "unbroken");
    const total = STEPS.reduce((sum, count) => sum + count);
    assertEquals(
      metrics.filter(({ type }) => type === "step").map(({ step, fit }) => [step, fit]),
      STEPS.flatMap((count, fit) => Array<number>(count).fill(fit)).map((fit, i) => [i + 1, fit]),
    );
    const tests = metrics.filter(({ type }) => type === "evaluation");
    assertEquals(tests.map(({ fit, epoch, step }) => [fit, epoch, step]), [
      [0, 1, 3],
      [0, 2, 5],
      [1, 1, 8],
      [1, 2, 10],
      [2, 1, 13],
      [2, 2, 15],
    ]);
    assertEquals(metrics.at(-1)!.step, total);
    const { folds } = JSON.parse(readRunFile(folder, "unbroken", "folds.json"));
    const f1 = (units: { f1: number }[]) => units.reduce((sum, unit) => sum + unit.f1, 0) / units.length;
    assertEquals(
      folds.map(({ units }: { units: { f1: number }[] }) => f1(units)),
      tests.filter(({ epoch }) => epoch === 2).map((test) => test.f1),
    );
  });

  it("starts the classifier at the linear protocol's, or at zeros", async () => {
    // At such a rate nothing moves: what is kept is what was started from.
    const still = ["--learningRate=1e-12", "--epochs=1"];
    const runs = await Promise.all([
      finetune(...args("from-probe", ...still)),
      finetune(...args("from-zeros", ...still, "--classifierStart=zeros")),
      finetune(...args("probe", "--protocol=linear")),
    ]);
    for (const { code, stderr } of runs) assertEquals(code, 0, stderr);
    const classifier = (name: string) =>
      ["au.weight", "au.bias"].map((part) => loadCheckpoint(run(name)).state.weights[part].values);
    const [[weight, bias], zeros, [probeWeight, probeBias]] = ["from-probe", "from-zeros", "probe"].map(
      classifier,
    );
    const furthest = (one: ArrayLike<number>, other: ArrayLike<number>) =>
      Math.max(...Array.from(one, (value, i) => Math.abs(value - other[i])));
    assert(furthest(weight, probeWeight) < 1e-6 && furthest(bias, probeBias) < 1e-6);
    assert(probeWeight.some((value) => Math.abs(value) > 1e-3));
    assert(zeros.flatMap((values) => [...values]).every((value) => Math.abs(value) < 1e-6));
  });

  it("tests every labelled face of the split once, by people who are in no training part of that fold", () => {
    const { folds } = JSON.parse(readRunFile(folder, "unbroken", "folds.json"));
    const people = folds.flatMap(({ testSubjects }: { testSubjects: string[] }) => testSubjects);
    const wanted = [...new Set(lines.filter((line) => line.split === "au").map((line) => line.subject))];
    assertEquals(people.sort(), wanted.sort());
    const tested = readRunFile(folder, "unbroken", "predictions.jsonl").trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    for (const { fold, line } of tested) {
      assert(folds[fold - 1].testSubjects.includes(lines[line - 1].subject));
    }
    assertEquals(new Set(tested.map(({ line }) => line)).size, tested.length);
    assertEquals(tested.length, wanted.length * 7);
  });

  it("keeps a model that has moved everywhere, without the emotion head, and knows its people", () => {
    const { state, subjects, position } = loadCheckpoint<{ finished?: boolean }>(run("unbroken"));
    const before = loadCheckpoint(run("pre")).state;
    assertEquals(position, { finished: true });
    assertEquals(Object.keys(state).sort(), ["statistics", "weights"]);
    for (const group of ["weights", "statistics"]) {
      for (const [name, { values }] of Object.entries(state[group])) {
        if (!name.startsWith("au.")) assertNotEquals(values, before[group][name].values, name);
      }
    }
    assertEquals(subjects.pretraining, ["s00"]);
    assertEquals(subjects.actionUnits, Array.from({ length: 9 }, (_, i) => `s0${i + 1}`));
  });

  it("saves and exits 0 on Ctrl-C, and goes on as if nothing had happened", async () => {
    const { child, outcome } = startTask("finetune", folder, args("stopped", "--checkpointEvery=1000"));
    await logged("stopped", 7, outcome);
    child.kill("SIGINT");
    const { code, stdout, stderr } = await outcome;
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stdout,
      "Stopped and saved. Go on with: deno task finetune --resume --name=stopped",
    );
    const { fit, step } = loadCheckpoint<FinetunePosition>(run("stopped")).position;
    const done = STEPS.slice(0, fit).reduce((sum, count) => sum + count, 0) + step;
    assertEquals(steps("stopped"), done);
    const resumed = await finetune("--resume", "--name=stopped");
    assertEquals(resumed.code, 0, resumed.stderr);
    assertStringIncludes(resumed.stdout, `Going on with fit ${fit + 1}, after step ${step}.`);
    const { checkpoint, ...books } = all("stopped"), unbroken = all("unbroken");
    assertEquals(books, { books: unbroken.books, metrics: unbroken.metrics });
    assertEquals(checkpoint.state, unbroken.checkpoint.state);
  });

  it("loses nothing but the steps since the last checkpoint when it is killed, wherever that is", async () => {
    // Before the first checkpoint, then within the second fold, then in the last fit: each time a fold more is done.
    const moments = [1, 8, 18];
    let kills = 0;
    for (const [start, moment] of moments.entries()) {
      const { child, outcome } = startTask(
        "finetune",
        folder,
        start ? ["--resume", "--name=killed"] : args("killed", "--checkpointEvery=2"),
      );
      await logged("killed", moment, outcome);
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended already: the machine was faster.
      }
      const { signal, stdout } = await outcome;
      if (signal === "SIGKILL") kills++;
      if (start === 2) {
        assertMatch(stdout, /Going on with fit 2|Going on with fit 3/);
        assert(!stdout.includes("fold 1/3"), "a fold that was done was done again");
      }
    }
    assert(kills >= 2, `only ${kills} processes were killed`);
    const last = await finetune("--resume", "--name=killed");
    assertEquals(last.code, 0, last.stderr);
    const [killed, unbroken] = [all("killed"), all("unbroken")];
    assertEquals(killed, unbroken);
  });

  it("says that a run is complete, and writes the report that an end in between left out", async () => {
    const before = all("unbroken");
    const report = readRunFile(folder, "unbroken", "report.html");
    Deno.removeSync(join(run("unbroken"), "report.html"));
    const { code, stdout } = await finetune("--resume", "--name=unbroken", "--epochs=2", "--from=pre");
    assertEquals(code, 0);
    assertStringIncludes(stdout, "unbroken is complete.");
    assertEquals(all("unbroken"), before);
    assertEquals(readRunFile(folder, "unbroken", "report.html"), report);
  });

  it("refuses, in one sentence, what cannot be and what would be another run", async () => {
    const complaint = async (...given: string[]) => {
      const runs = [...Deno.readDirSync(join(folder, "runs"))].length;
      const { code, stdout, stderr } = await finetune(...given);
      assertEquals(code, 1, stdout);
      assertMatch(stderr, /^error: [^\n]+\n$/);
      assertEquals([...Deno.readDirSync(join(folder, "runs"))].length, runs, "a run was left behind");
      return stderr;
    };
    const cases: [says: string, given: string[]][] = [
      ["epochs is 3 now, but the run was started with 2.", ["--resume", "--name=unbroken", "--epochs=3"]],
      ["runs/unbroken exists. Go on with it by --resume", args("unbroken")],
      ["10 folds by subject need 10 subjects; the faces show 9.", args("new", "--folds=10")],
      ['"dev" is no split; splits are pretrain, au, test.', args("new", "--split=au,dev")],
      ["is a run of pretrain, not of finetune.", ["--resume", "--name=pre"]],
      ["learningRate and probeRates must be above 0; one is -1.", args("new", "--learningRate=-1")],
    ];
    for (let i = 0; i < cases.length; i += 3) {
      await Promise.all(
        cases.slice(i, i + 3).map(async ([says, given]) => {
          assertStringIncludes(await complaint(...given), says);
        }),
      );
    }
    const manifest = join(folder, "faces/manifest.jsonl"), text = Deno.readTextFileSync(manifest);
    await writeManifest(join(folder, "faces"), [
      ...lines.slice(0, 20),
      { ...lines[20], present: { 4: 1, 11: 0 } },
      ...lines.slice(21),
    ]);
    const [changed, unknown] = await Promise.all([
      complaint("--resume", "--name=unbroken"),
      complaint(...args("new")),
    ]);
    assertStringIncludes(unknown, 'line 21: "present" labels AU11, which no model card can name.');
    assertStringIncludes(changed, "AU11");
    await writeManifest(join(folder, "faces"), [lines[1], lines[0], ...lines.slice(2)]);
    assertStringIncludes(
      await complaint("--resume", "--name=unbroken"),
      "manifest.jsonl or the pictures it names have changed since the run was started",
    );
    Deno.writeTextFileSync(manifest, text);
    writePretrainedRun(folder, "pre", { seed: 5 });
    assertStringIncludes(
      await complaint("--resume", "--name=unbroken"),
      "pre has been trained further since this run started from it",
    );
  });

  it("stops on a loss that is no number, with the step and the faces, and keeps the last checkpoint", async () => {
    const { code, stderr } = await finetune(...args("wild", "--learningRate=1e30", "--checkpointEvery=1"));
    assertEquals(code, 1);
    assertMatch(
      stderr,
      /^error: (The loss of step \d of fold 1\/3 is (NaN|Infinity)|(weights|statistics|first|second)\/\S+ holds numbers that are not finite)\. ?.*The last checkpoint is kept; lower learningRate/,
    );
    if (hasCheckpoint(run("wild"))) {
      assertEquals(firstNonFinite(loadCheckpoint(run("wild")).state), undefined);
    }
  });

  it("starts from random weights when it is told to", async () => {
    const given = [
      "--from=random:3",
      "--data=faces",
      "--protocol=linear",
      "--batchSize=64",
      "--probeSteps=5",
    ];
    const { code, stdout, stderr } = await finetune(...given);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "From random:3, protocol linear, 3 folds by subject; run random3-linear");
    assertEquals(loadCheckpoint(run("random3-linear")).subjects.pretraining, []);
  });
});
