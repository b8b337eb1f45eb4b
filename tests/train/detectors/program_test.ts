import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { detectorOf } from "../../../train/detectors/index.ts";
import { loadCheckpoint } from "../../../train/runs/checkpoint.ts";
import { DETECTORS as STUDIED } from "../../../tools/study/detectors.ts";
import { planBenchmarks } from "../../../train/units/benchmark_plan.ts";
import { type Line, metricLines, writeManifest } from "../toy_faces.ts";
import { drawLabelledFaces, readRunFile, runTask, writePretrainedRun } from "../toy_runs.ts";

const SHORT = ["--data=faces", "--epochs=1", "--folds=2", "--batchSize=16", "--logEvery=1"];

describe("deno task finetune --detector", () => {
  let folder: string, lines: Line[];
  const finetune = (...args: string[]) => runTask("finetune", folder, ...args, ...SHORT);

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    lines = await drawLabelledFaces(join(folder, "faces"), 8);
    writePretrainedRun(folder, "pre");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("says what is wrong with a name, a protocol, and a set without points", async () => {
    const refused: [string[], string][] = [
      [["--detector=vgg"], "--detector=vgg: a detector is linear, alexnet, drml, eac, jaa, dsin, srerl."],
      [["--detector=drml", "--protocol=linear"], "--detector=drml learns as a whole and action units alone"],
      [["--detector=jaa", "--turns=0.1"], "--turns=0.1: a supervised detector learns from faces that stand"],
      [["--preset=paper", "--from=pre"], "--preset=paper is a supervised detector's"],
      [
        ["--detector=jaa"],
        'faces, the first on line 8, have no 68 "landmarks", which --detector=jaa learns from',
      ],
    ];
    for (const [args, sentence] of refused) {
      const { code, stderr } = await finetune(...args);
      assertEquals(code, 1, stderr);
      assertStringIncludes(stderr, sentence);
    }
  });

  it("trains AlexNet by folds, keeps a model that export and verify accept, and goes on as an unbroken run", async () => {
    const whole = await finetune("--detector=alexnet", "--name=alexnet");
    assertEquals(whole.code, 0, whole.stderr);
    assertMatch(
      whole.stdout,
      /AlexNet \(.*\), quick, views of 96 px: [\d,]+ parameters, [\d.]+ million multiply-adds/,
    );
    assertStringIncludes(whole.stdout, `Not as there: ${detectorOf("alexnet").departures}.`);
    const people = JSON.parse(readRunFile(folder, "alexnet", "folds.json")).folds
      .flatMap(({ testSubjects }: { testSubjects: string[] }) => testSubjects);
    assertEquals(people.sort(), ["s01", "s02", "s03", "s04", "s05", "s06"]);
    const losses = metricLines(folder, "alexnet").filter(({ type }) => type === "step");
    assert(losses.every(({ loss }) => Number.isFinite(loss)));

    const exported = await runTask("export", folder, "--from=alexnet", "--licence=toy");
    assertEquals(exported.code, 0, exported.stderr);
    const verified = await runTask("verify", folder, "--from=alexnet", "--faces=5");
    assertEquals(verified.code, 0, verified.stderr);
    assertStringIncludes(verified.stdout, "passes");

    const again = await finetune("--detector=alexnet", "--name=again", "--checkpointEvery=1");
    assertEquals(again.code, 0, again.stderr);
    assertEquals(
      loadCheckpoint(join(folder, "runs", "again")).state,
      loadCheckpoint(join(folder, "runs", "alexnet")).state,
    );
  });

  it("starts a detector on a trunk at the encoder, and learns from the points of the lines", async () => {
    const face = (i: number) =>
      Array.from({ length: 68 }, (_, p) => [20 + 12 * Math.cos(p + i / 9), 20 + 12 * Math.sin(2 * p)]);
    await writeManifest(join(folder, "faces"), lines.map((line, i) => ({ ...line, landmarks: face(i) })));
    const still = await finetune(
      "--detector=srerl",
      "--from=pre",
      "--name=srerl",
      "--folds=0",
      "--learningRate=1e-12",
    );
    assertEquals(still.code, 0, still.stderr);
    const kept = loadCheckpoint(join(folder, "runs", "srerl")).state;
    const before = loadCheckpoint(join(folder, "runs", "pre")).state;
    const name = "layer2.0.conv1.weight";
    const started = before.weights[name].values;
    const furthest = Math.max(
      ...Array.from(kept.weights[name].values, (value, i) => Math.abs(value - started[i])),
    );
    assert(furthest < 1e-6, `${name} moved by ${furthest}`);
    assertEquals(kept.statistics["relations.symbiosis"].shape, [3, 3]);
    const exported = (...args: string[]) =>
      runTask("export", folder, "--from=srerl", "--licence=toy", ...args);
    const { code, stderr } = await exported("--points=none.onnx");
    assertEquals(code, 1);
    assertStringIncludes(stderr, "none.onnx cannot be read: it names");
    // The model that comes with EmoCo reads larger views than these of the toy run.
    const written = await exported();
    assertEquals(written.code, 0, written.stderr);
    assertEquals(JSON.parse(readRunFile(folder, "srerl", "emoco.json")).outputs, ["points"]);
    const verified = await runTask("verify", folder, "--from=srerl", "--faces=5");
    assertEquals(verified.code, 0, verified.stderr);
    assertMatch(verified.stdout, /points \d.*passes/);
  });
});

describe("deno task benchmark --all", () => {
  it("runs every detector, those on our network from where it is told, then every pretrained run by both protocols", () => {
    const plan = planBenchmarks("pre", ["pre", "other"]);
    assertEquals(plan.filter(({ detector }) => detector).map(({ detector, from }) => `${detector} ${from}`), [
      "alexnet random",
      "drml random",
      "eac pre",
      "jaa random",
      "dsin pre",
      "srerl pre",
    ]);
    assertEquals(plan.slice(6).map(({ from, protocol }) => `${from} ${protocol}`), [
      "pre linear",
      "pre finetune",
      "other linear",
      "other finetune",
    ]);
    for (const [name, title] of STUDIED) if (name !== "linear") assertEquals(title, detectorOf(name).title);
    assertEquals(planBenchmarks(undefined, []).map(({ from }) => from), Array(6).fill("random"));
  });
});
