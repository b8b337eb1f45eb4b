import { assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { writeResults } from "../../tools/study/results.ts";
import type { StudyRun } from "../../tools/study/run.ts";
import { readRun } from "../../tools/study/score.ts";
import { encoderOf } from "../../tools/study/table4.ts";
import { drawLabelledFaces, runTask, within } from "../train/toy_runs.ts";
import { result, SETTING } from "./study_results.ts";

describe("readRun", () => {
  it("takes scores from the folds, curves, updates and seconds from what was logged", async () => {
    const folder = await Deno.makeTempDir();
    const write = (run: string, file: string, lines: unknown[]) => {
      Deno.mkdirSync(join(folder, "runs", run), { recursive: true });
      const text = lines.map((line) => JSON.stringify(line)).join("\n");
      Deno.writeTextFileSync(join(folder, "runs", run, file), text);
    };
    const unit = { au: 12, f1: 0.5, auc: 0.75, positiveRate: 0.2, count: 3 };
    write("p-linear", "folds.json", [{ averages: { f1: 0.5, auc: 0.75, positiveRate: 0.2 }, units: [unit] }]);
    write("p-linear", "metrics.jsonl", []);
    write("p-linear", "study_seconds.json", [{ seconds: 7.5 }]);
    write("p", "config.json", [{ batchSize: 10 }]);
    write("p", "metrics.jsonl", [
      { type: "evaluation", step: 0, knnEmotionAccuracy: 0.1, probeF1: 0.2, probeAuc: 0.5 },
      { type: "step", step: 6, loss: 3, imagesPerSecond: 20 },
      { type: "step", step: 9, loss: 3, imagesPerSecond: 10 },
      { type: "evaluation", step: 9, knnEmotionAccuracy: 0.4, probeF1: 0.3, probeAuc: 0.6 },
    ]);
    const run: StudyRun = {
      name: "p-linear",
      row: "EmoCo",
      seed: 1,
      protocol: "linear",
      encoder: encoderOf("emoco", 1),
    };
    const read = await within(folder, () => readRun(run, "p"));
    assertAlmostEquals(read.seconds.pretraining!, 6 * 10 / 20 + 3 * 10 / 10);
    assertEquals(read, {
      name: "p-linear",
      row: "EmoCo",
      seed: 1,
      protocol: "linear",
      f1: 0.5,
      auc: 0.75,
      units: [{ au: 12, f1: 0.5, auc: 0.75 }],
      knnEmotionAccuracy: 0.4,
      heldBackF1: 0.3,
      updates: { pretraining: 9, finetuning: 0 },
      seconds: { pretraining: read.seconds.pretraining, finetuning: 7.5 },
      curve: [{ step: 0, f1: 0.2, auc: 0.5 }, { step: 9, f1: 0.3, auc: 0.6 }],
      epochs: [],
    });
    await Deno.remove(folder, { recursive: true });
  });
});

describe("deno task study", () => {
  let folder: string;
  const study = (...given: string[]) => runTask("study", folder, "--data=faces", "--out=runs/out", ...given);
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawLabelledFaces(join(folder, "faces"), 6);
    const setting = { ...SETTING, pretrainFaces: 7, probeFaces: 35 };
    writeResults(join(folder, "runs/out"), "table4", { setting, runs: [result("EmoCo", 0, 0.5)] });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("refuses what it cannot do, in one sentence", async () => {
    const complaint = async (...given: string[]) => {
      const { code, stderr } = await study(...given);
      assertEquals(code, 1);
      assertMatch(stderr, /^error: [^\n]+\n$/);
      return stderr;
    };
    const short = ["--only=table4", "--epochs=5", "--finetuneEpochs=2"];
    const said = await Promise.all([
      complaint("--only=table4", "--epochs=6", "--finetuneEpochs=2"),
      complaint(...short, "--batchSize=16"),
      complaint("--only=moco"),
      complaint("--width=1"),
      complaint("--out=runs/other", "--draw"),
    ]);
    [
      "runs/out/table4.json was made with epochs 5, and this is 6: go on with that, or give another --out.",
      'was made with settings [], and this is ["--batchSize=16"]',
      '--only=moco: "moco" is no part; the parts are table4 (Table IV',
      "--width is no setting of the whole study",
      "There is no table4.json, fig4.json",
    ].forEach((sentence, i) => assertStringIncludes(said[i], sentence));
  });

  it("writes over nobody's files: neither results, nor text, nor charts", async () => {
    const mine = (out: string, file: string) => {
      Deno.mkdirSync(join(folder, out), { recursive: true });
      Deno.writeTextFileSync(join(folder, out, file), '{"mine":true}');
      return () => assertEquals(Deno.readTextFileSync(join(folder, out, file)), '{"mine":true}');
    };
    const short = ["--only=table4", "--epochs=5", "--finetuneEpochs=2"];
    const kept = [mine("a", "table4.json"), mine("b", "table4.md"), mine("c", "table4-updates.svg")];
    const setting = { ...SETTING, pretrainFaces: 7, probeFaces: 35 };
    const drawn = { ...result("EmoCo", 0, 0.5), curve: [{ step: 10, f1: 0.4, auc: 0.6 }] };
    writeResults(join(folder, "c"), "table4", { setting, runs: [drawn] });
    const said = await Promise.all([
      study(...short, "--out=a"),
      study(...short, "--out=b"),
      study("--out=c", "--draw"),
    ]);
    for (const { code } of said) assertEquals(code, 1);
    [
      "table4.json holds no results of a study: choose another --out.",
      "holds table4.md, which this program did not write and would write over",
      "holds table4-updates.svg, which this program did not write and would write over",
    ].forEach((sentence, i) => assertStringIncludes(said[i].stderr, sentence));
    for (const unchanged of kept) unchanged();
  });

  it("lists what is open, draws what there is, and leaves the README of the project alone", async () => {
    const readme = new URL("../../README.md", import.meta.url);
    const before = Deno.readTextFileSync(readme);
    const short = ["--only=table4", "--epochs=5", "--finetuneEpochs=2", "--seeds=1"];
    const [listed, { code, stdout, stderr }] = await Promise.all([
      study(...short, "--plan"),
      study("--draw"),
    ]);
    assertStringIncludes(listed.stdout, "table4: 14 open runs\n  study-faces-e5-emoco-0-linear\n");
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^table4 {2}EmoCo-0-linear- +F1 50\.0 {2}AUC 70\.0\n$/);
    assertStringIncludes(
      Deno.readTextFileSync(join(folder, "runs/out/table4.md")),
      "| EmoCo | ✓ | ✓ | ✓ | ✓ | 50.0 | 70.0 |  | 40.0 | 40 | 12 |",
    );
    assertEquals(Deno.readTextFileSync(readme), before);
  });
});
