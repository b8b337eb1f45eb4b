import { override } from "../../train/runs/settings.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { readRun } from "../../tools/study.ts";
import { drawStudy } from "../../tools/study/draw.ts";
import { METHODS, ON_DEMAND, planStudy } from "../../tools/study/plan.ts";
import { readResults, type StudyResult, type StudyResults, writeResults } from "../../tools/study/results.ts";
import { DETECTOR_NAMES } from "../../train/detectors/names.ts";
import { quick } from "../../train/config.ts";
import { drawLabelledFaces, runTask, within } from "../train/toy_runs.ts";

describe("planStudy", () => {
  const runs = planStudy(3);

  it("pairs every rival with EmoCo, seed by seed, and names no two runs alike", () => {
    assertEquals(new Set(runs.map(({ name }) => name)).size, runs.length);
    for (const method of Object.keys(METHODS)) {
      const seeds = runs.filter((run) => run.group === "methods" && run.method === method);
      assertEquals(seeds.map(({ seed }) => seed), [0, 1, 2], method);
      assertEquals(new Set(seeds.map(({ emotionWeight }) => emotionWeight)), new Set([quick.emotionWeight]));
    }
  });

  it("has one run of every supervised detector, none of which starts unless it is asked for", () => {
    const detectors = runs.filter(({ group }) => group === "detectors");
    assertEquals(detectors.map(({ detector }) => detector), [...DETECTOR_NAMES]);
    assertEquals(new Set(detectors.map(({ method }) => method)), new Set(["random"]));
    assertEquals(ON_DEMAND, ["detectors"]);
  });

  it("lets methods differ in the switches of Table IV alone", () => {
    const switches = (method: keyof typeof METHODS) => {
      const pairs = METHODS[method].settings.map((setting) =>
        setting.slice(2).split("=") as [string, string]
      );
      const config = override(quick, Object.fromEntries(pairs));
      const changed = Object.entries(config).filter(([key, value]) =>
        value !== quick[key as keyof typeof quick]
      );
      return Object.fromEntries(changed);
    };
    assertEquals(switches("emoco"), {});
    assertEquals(switches("emocoL2"), { normalization: "l2" });
    assertEquals(switches("emotion"), { losses: "emotion" });
    assertEquals(switches("moco"), { queues: "single", normalization: "l2", losses: "contrastive" });
  });
});

/** A result of the main comparison. */
function result(method: StudyResult["method"], seed: number, f1: number): StudyResult {
  return {
    name: `study-${method}-${seed}`,
    group: "methods",
    method,
    seed,
    emotionWeight: 4,
    f1,
    auc: 0.7,
    units: [],
    knnEmotionAccuracy: method === "random" ? null : 0.4,
    curve: method === "random" ? [] : [{ step: 0, f1: 0.3, auc: 0.5 }, { step: 40, f1, auc: 0.7 }],
    epochs: [],
  };
}

describe("drawStudy", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("writes the table with means, single seeds and EmoCo's lead over each rival's same seed, and the charts", () => {
    const setting = { epochs: 5, preset: "quick", pretrainFaces: 70, probeFaces: 30, updates: 40 };
    const tuned = {
      ...result("emoco", 0, 0.52),
      name: "study-emoco-lambda1",
      group: "lambda" as const,
      emotionWeight: 1,
    };
    const finetuned = {
      ...result("emoco", 0, 0.6),
      name: "study-finetune-emoco",
      group: "finetune" as const,
      epochs: [1, 2].flatMap((epoch) => [1, 2].map((fold) => ({ fold, epoch, f1: 0.1 * epoch * fold }))),
    };
    const runs = [
      result("emoco", 1, 0.57),
      result("emoco", 0, 0.55),
      result("emotion", 0, 0.56),
      result("emotion", 1, 0.535),
      result("random", 0, 0.35),
      tuned,
      finetuned,
    ];
    drawStudy(folder, { setting, runs });
    assertEquals(Deno.readTextFileSync(join(folder, "study.md")).split("\n").slice(2), [
      "| encoder | F1 | AUC | emotion kNN | EmoCo leads by |",
      "|---|---|---|---|---|",
      "| EmoCo | 56.0 (57.0, 55.0) | 70.0 (70.0, 70.0) | 40.0 |  |",
      "| emotion only | 54.8 (56.0, 53.5) | 70.0 (70.0, 70.0) | 40.0 | +3.5, -1.0 |",
      "| random encoder | 35.0 | 70.0 |  | +20.0 |",
      "",
      "Finetuning the whole network on the same folds: from EmoCo's encoder F1 60.0 and AUC 70.0 after 2 epochs.",
      "",
      '<img alt="Online probe F1 against updates (mean of seeds)" src="updates.svg" width="420">',
      '<img alt="Probe F1 against lambda (seed 0)" src="lambda.svg" width="420">',
      '<img alt="Finetuning: F1 on the test fold against epochs (mean of folds)" src="finetune.svg" width="420">',
      "",
    ]);
    const files = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(files, ["finetune.svg", "lambda.svg", "study.md", "updates.svg"]);
    for (
      const [file, says] of [["updates.svg", "emotion only"], ["finetune.svg", "epoch"], [
        "lambda.svg",
        "lambda",
      ]]
    ) {
      const svg = Deno.readTextFileSync(join(folder, file));
      assertMatch(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*<path d="M[\d. LM]+" .*<\/svg>\n$/s);
      assertStringIncludes(svg, says);
    }
  });

  it("keeps results, and has none before the first", () => {
    assertEquals(readResults(join(folder, "none")), undefined);
    const results: StudyResults = {
      setting: {
        epochs: 5,
        preset: "quick",
        settings: ["--batchSize=16"],
        pretrainFaces: 7,
        probeFaces: 3,
        updates: 4,
      },
      runs: [result("emoco", 0, 0.5)],
    };
    writeResults(join(folder, "new"), results);
    assertEquals(readResults(join(folder, "new")), results);
  });
});

describe("readRun", () => {
  it("takes scores from the folds, curves from what was logged, and drops the state of the folder", async () => {
    const folder = await Deno.makeTempDir();
    const write = (run: string, file: string, lines: unknown[]) => {
      Deno.mkdirSync(join(folder, "runs", run), { recursive: true });
      const text = lines.map((line) => JSON.stringify(line)).join("\n");
      Deno.writeTextFileSync(join(folder, "runs", run, file), text);
    };
    const unit = { au: 12, f1: 0.5, auc: 0.75, positiveRate: 0.2, count: 3 };
    write("p-linear", "folds.json", [{ averages: { f1: 0.5, auc: 0.75, positiveRate: 0.2 }, units: [unit] }]);
    write("p", "metrics.jsonl", [
      { type: "evaluation", step: 0, knnEmotionAccuracy: 0.1, probeF1: 0.2, probeAuc: 0.5 },
      { type: "step", step: 1, loss: 3 },
      { type: "evaluation", step: 9, knnEmotionAccuracy: 0.4, probeF1: 0.3, probeAuc: 0.6 },
    ]);
    const [run] = planStudy(1);
    const read = await within(folder, () => readRun({ ...run, name: "p" }, "p-linear"));
    assertEquals(read, {
      ...run,
      name: "p",
      f1: 0.5,
      auc: 0.75,
      units: [{ au: 12, f1: 0.5, auc: 0.75 }],
      knnEmotionAccuracy: 0.4,
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
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("refuses what it cannot do, in one sentence", async () => {
    const results: StudyResults = {
      setting: { epochs: 5, preset: "quick", pretrainFaces: 7, probeFaces: 35, updates: 4 },
      runs: [{ ...result("emoco", 0, 0.5) }],
    };
    writeResults(join(folder, "runs/out"), results);
    const complaint = async (...given: string[]) => {
      const { code, stderr } = await study(...given);
      assertEquals(code, 1);
      assertMatch(stderr, /^error: [^\n]+\n$/);
      return stderr;
    };
    const said = await Promise.all([
      complaint("--epochs=6"),
      complaint("--epochs=5", "--batchSize=16"),
      complaint("--epochs=few"),
      complaint("--epochs=5", "--only=moco"),
      complaint("--epochs=5", "--width=1"),
      complaint("--out=runs/other", "--draw"),
    ]);
    [
      "runs/out/results.json was made with epochs 5, and this is 6: go on with that, or give another --out.",
      'was made with settings [], and this is ["--batchSize=16"]',
      "--epochs=few: it must be a whole number of at least 1.",
      "--only=moco: the parts are methods, finetune and lambda.",
      "--width is no setting of the whole study",
      "There is no runs/other/results.json to draw: start with deno task study.",
    ].forEach((sentence, i) => assertStringIncludes(said[i], sentence));
  });

  it("draws what there is, and leaves the README of the project alone", async () => {
    const readme = new URL("../../README.md", import.meta.url);
    const text = () => {
      try {
        return Deno.readTextFileSync(readme);
      } catch {
        return undefined;
      }
    };
    const before = text();
    const { code, stdout, stderr } = await study("--draw");
    assertEquals(code, 0, stderr);
    assertEquals(stdout, "study-emoco-0                F1 50.0  AUC 70.0\n");
    assertStringIncludes(
      Deno.readTextFileSync(join(folder, "runs/out/study.md")),
      "| EmoCo | 50.0 | 70.0 | 40.0 |  |",
    );
    assertEquals(text(), before);
  });
});
