import { override } from "../../train/runs/settings.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { drawPart, putBetween } from "../../tools/study/draw.ts";
import { fig4, LAMBDAS } from "../../tools/study/fig4.ts";
import { fig5 } from "../../tools/study/fig5.ts";
import { PARTS } from "../../tools/study/parts.ts";
import { photographs } from "../../tools/study/photographs.ts";
import { readResults, type Setting, type StudyResults, writeResults } from "../../tools/study/results.ts";
import { bestRate, rivals } from "../../tools/study/rivals.ts";
import { type Asked, encoderName, type StudyResult, type StudyRun } from "../../tools/study/run.ts";
import { readRun } from "../../tools/study/score.ts";
import { encoderOf, ROWS, table4 } from "../../tools/study/table4.ts";
import { quick, settingsOf } from "../../train/config.ts";
import { UsageError } from "../../train/runs/flags.ts";
import { COMMITTED_FACES } from "../../train/input/data.ts";
import { drawFaces, writeManifest } from "../train/toy_faces.ts";
import { drawLabelledFaces, runTask, within } from "../train/toy_runs.ts";

const ASKED: Asked = { data: COMMITTED_FACES, epochs: 40, finetuneEpochs: 10, settings: [], clips: false };

const SETTING: Setting = {
  preset: "quick",
  epochs: 5,
  settings: [],
  pretrainFaces: 70,
  probeFaces: 30,
  finetuneEpochs: 2,
};

/** A result by frozen features. */
function result(row: string, seed: number, f1: number, more: Partial<StudyResult> = {}): StudyResult {
  const isRandom = row === "random encoder";
  return {
    name: `${row}-${seed}-${more.protocol ?? "linear"}-${more.at ?? ""}`,
    row,
    seed,
    protocol: "linear",
    f1,
    auc: 0.7,
    units: [],
    knnEmotionAccuracy: isRandom ? null : 0.4,
    heldBackF1: isRandom ? null : f1,
    updates: { pretraining: isRandom ? 0 : 40, finetuning: 300 },
    seconds: { pretraining: isRandom ? null : 12, finetuning: 3 },
    curve: isRandom ? [] : [{ step: 0, f1: 0.3, auc: 0.5 }, { step: 40, f1, auc: 0.7 }],
    epochs: [],
    ...more,
  };
}

/** Settings of a run's pretraining that differ from EmoCo's. */
async function changed({ encoder }: StudyRun) {
  const { presets } = await settingsOf(encoder.method as "emoco");
  const pairs = encoder.settings.map((setting) => setting.slice(2).split("=") as [string, string]);
  const config = override(presets.quick, Object.fromEntries(pairs));
  return Object.fromEntries(
    Object.entries(config).filter(([key, value]) => value !== quick[key as keyof typeof quick]),
  );
}

describe("plans of the study", () => {
  it("leave each component of Table IV out, under both protocols, seed by seed", async () => {
    const runs = table4.plan(ASKED, []);
    assertEquals(new Set(runs.map(({ name }) => name)).size, runs.length);
    for (const { title } of ROWS) {
      for (const protocol of ["linear", "finetune"]) {
        const seeds = runs.filter((run) => run.row === title && run.protocol === protocol);
        assertEquals(seeds.map(({ seed }) => seed), [0, 1, 2], `${title} ${protocol}`);
      }
    }
    const switches = async (label: string) =>
      await changed(runs.find(({ encoder }) => encoder.label === label)!);
    assertEquals(await switches("emoco"), {});
    assertEquals(await switches("emocoSingle"), { queues: "single" });
    assertEquals(await switches("emocoL2"), { normalization: "l2" });
    assertEquals(await switches("emotion"), { losses: "emotion" });
    assertEquals(await switches("mocoMulti"), { normalization: "l2", losses: "contrastive" });
    assertEquals(await switches("moco"), { queues: "single", normalization: "l2", losses: "contrastive" });
  });

  it("vary lambda alone in Fig. 4, and share the encoder at the preset's lambda", async () => {
    const runs = fig4.plan(ASKED, []);
    assertEquals(runs.length, 2 * 2 * 2 * LAMBDAS.length);
    for (const run of runs) {
      const { emotionWeight = quick.emotionWeight, ...others } = await changed(run);
      assertEquals(emotionWeight, run.at);
      assertEquals(others, run.row === "EmoCo" ? {} : { normalization: "l2" });
    }
    const own = runs.find((run) => run.at === quick.emotionWeight && run.row === "EmoCo")!;
    assertEquals(encoderName(ASKED, own.encoder), encoderName(ASKED, encoderOf("emoco", 0)));
  });

  it("never let two settings of a pretraining meet under one name, across all parts", async () => {
    await rivals.prepare!(ASKED);
    const settings = new Map<string, string>();
    for (const part of PARTS) {
      for (const { encoder, above } of part.plan(ASKED, [])) {
        for (const one of above ? [encoder, above] : [encoder]) {
          const name = encoderName(ASKED, one), now = JSON.stringify(one);
          assertEquals(settings.get(name) ?? now, now);
          settings.set(name, now);
        }
      }
    }
    const emoco = encoderOf("emoco", 0);
    assertEquals(encoderName(ASKED, emoco), "study-e40-emoco-0");
    assertEquals(encoderName({ ...ASKED, data: "/there/more" }, emoco), "study-more-e40-emoco-0");
    assertEquals(encoderName({ ...ASKED, epochs: 1 }, emoco), "study-e1-emoco-0");
  });

  it("try three rates of every method, and go on with the one that held-back people choose", async () => {
    const asked = { ...ASKED, methods: ["emoco", "simclr"], seeds: 2 };
    await rivals.prepare!(asked);
    const first = rivals.plan(asked, []);
    assertEquals(
      first.filter(({ protocol }) => protocol === "rate").map(({ row, at, seed }) => [row, at, seed]),
      ["EmoCo", "SimCLR"].flatMap((row) => [1, 0.5, 2].map((rate) => [row, rate, 0])),
    );
    assertEquals(first.filter(({ protocol }) => protocol === "linear").map(({ row }) => row), [
      "random encoder",
      "random encoder",
    ]);
    const tried = (row: string, scores: number[]) =>
      [1, 0.5, 2].map((at, i) => result(row, 0, NaN, { protocol: "rate", at, heldBackF1: scores[i] }));
    const simclr = tried("SimCLR", [0.3, 0.2, 0.4]);
    assertEquals(bestRate("simclr", simclr.slice(0, 2)), undefined);
    const runs = rivals.plan(asked, [...simclr, ...tried("EmoCo", [0.5, 0.4, 0.4])])
      .filter(({ protocol, row }) => protocol === "linear" && row !== "random encoder");
    assertEquals(runs.map(({ row, at, seed }) => [row, at, seed]), [
      ["EmoCo", 1, 0],
      ["SimCLR", 2, 0],
      ["EmoCo", 1, 1],
      ["SimCLR", 2, 1],
    ]);
    const { presets } = await settingsOf("simclr");
    const rate = 2 * presets.quick.baseLearningRate;
    assertEquals(runs[1].encoder.settings, [`--baseLearningRate=${Number(rate.toPrecision(6))}`]);
  });

  it("give a method with fewer clips as many updates as the others", async () => {
    const folder = await Deno.makeTempDir();
    const drawn = await drawFaces(folder, 1);
    // Four videos of fourteen frames: the twelve frames of a ranking begin at few of them.
    const lines = Array.from({ length: 56 }, (_, i) => ({
      ...drawn[i % drawn.length],
      split: "pretrain",
      video: `v${Math.floor(i / 14)}`,
      frame: i % 14,
    }));
    await writeManifest(folder, lines);
    const asked = { ...ASKED, data: folder, clips: true };
    await rivals.prepare!(asked);
    const epochsOf = (method: string) =>
      rivals.plan(asked, []).find(({ encoder }) => encoder.method === method)!.encoder.settings
        .filter((setting) => setting.startsWith("--epochs"));
    assertEquals(rivals.plan(asked, []).filter(({ protocol }) => protocol === "rate").length, 33);
    assertEquals(epochsOf("fabnet"), []); // every frame has another one
    const { presets, clip } = await settingsOf("temporal-ranking");
    const shape = clip!(presets.quick);
    assert(shape.kind === "run");
    const anchors = 4 * (14 - Math.max(...shape.distances));
    assertEquals(epochsOf("temporal-ranking"), [`--epochs=${Math.round(40 * 56 / anchors)}`]);
    await Deno.remove(folder, { recursive: true });
  });

  it("learn alike for photographs whatever the encoder, nobody of `test`", () => {
    const runs = photographs.plan({ ...ASKED, photos: "photos" }, []);
    assertEquals(runs.length, 2 * 4 * 3);
    for (const protocol of ["linear", "finetune"]) {
      const ways = runs.filter((run) => run.protocol === protocol)
        .map(({ settings, split }) => JSON.stringify([settings, split]));
      assertEquals(new Set(ways).size, 1);
      assertStringIncludes(ways[0], '"au"');
    }
  });
});

describe("parts of the study", () => {
  it("say what they were not given, before anything is trained", () => {
    assertThrows(() => photographs.demand!(ASKED), UsageError, "--only=photographs needs --photos=DIR");
    const asked = (...methods: string[]) => () => rivals.demand!({ ...ASKED, methods });
    assertThrows(asked("tcae"), UsageError, "tcae needs clips; make some with deno task faces --clips");
    assertThrows(asked("emoco", "dino"), UsageError, '"dino" is none; methods are emoco, moco, ancor,');
    rivals.demand!({ ...ASKED, methods: ["tcae"], clips: true });
  });
});

describe("drawings of the study", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  const drawn = (name: string, part: typeof table4, results: StudyResults) => {
    assertEquals(drawPart(folder, name, part, results), undefined);
    return Deno.readTextFileSync(join(folder, `${name}.md`)).split("\n");
  };

  it("has Table IV with means, single seeds, EmoCo's lead over each row's same seed, updates and seconds", () => {
    const epochs = [1, 2].flatMap((epoch) => [1, 2].map((fold) => ({ fold, epoch, f1: 0.1 * epoch * fold })));
    const runs = [
      result("EmoCo", 1, 0.57),
      result("EmoCo", 0, 0.55),
      result("emotion only", 0, 0.56),
      result("emotion only", 1, 0.53),
      result("random encoder", 0, 0.35),
      result("EmoCo", 0, 0.6, { protocol: "finetune", epochs }),
    ];
    assertEquals(drawn("table4", table4, { setting: SETTING, runs }).slice(2), [
      "| encoder | MQ | L_cont | L_emo | N | linear F1 | linear AUC | EmoCo leads by | finetuned F1 | finetuned AUC | EmoCo leads by | emotion kNN | updates | seconds |",
      `|${"---|".repeat(14)}`,
      "| EmoCo | ✓ | ✓ | ✓ | ✓ | 56.0 (57.0, 55.0) | 70.0 (70.0, 70.0) |  | 60.0 | 70.0 |  | 40.0 | 40 | 12 |",
      "| emotion only | ✓ |  | ✓ |  | 54.5 (56.0, 53.0) | 70.0 (70.0, 70.0) | +1.5 (+4.0, -1.0) |  |  |  | 40.0 | 40 | 12 |",
      "| random encoder |  |  |  |  | 35.0 | 70.0 | +20.0 |  |  |  |  |  |  |",
      "",
      "Finetuned: the whole network for 2 epochs, 300 updates in all folds and the model that is kept, 3 seconds in the mean.",
      "",
      '<img alt="Online probe F1 against updates (mean of seeds)" src="table4-updates.svg" width="420">',
      '<img alt="Finetuning: F1 on the test fold against epochs (mean of folds and seeds)" src="table4-finetune.svg" width="420">',
      "",
    ]);
    for (const file of ["table4-updates.svg", "table4-finetune.svg"]) {
      const svg = Deno.readTextFileSync(join(folder, file));
      assertMatch(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" .*<path d="M[\d. LM]+" .*<\/svg>\n$/s);
    }
  });

  it("has Fig. 4 with what N is worth at each lambda, for the seeds that both have", () => {
    const runs = [
      result("EmoCo", 0, 0.5, { at: 1 }),
      result("EmoCo", 1, 0.54, { at: 1 }),
      result("EmoCo without N", 0, 0.51, { at: 1 }),
      result("EmoCo", 0, 0.55, { at: 2 }),
    ];
    assertEquals(drawn("fig4", fig4, { setting: SETTING, runs }).slice(2, 6), [
      "| lambda | EmoCo, linear | EmoCo without N, linear | N is worth, linear | seconds |",
      "|---|---|---|---|---|",
      "| 1 | 52.0 (50.0, 54.0) | 51.0 | -1.0 | 12 |",
      "| 2 | 55.0 |  |  | 12 |",
    ]);
  });

  it("has the rivals from best to worst, with their rates and cost beside EmoCo's", () => {
    const slow = { seconds: { pretraining: 30, finetuning: 3 } };
    const runs = [
      result("SimCLR", 0, NaN, { protocol: "rate", at: 0.5, f1: null, heldBackF1: 0.31 }),
      result("SimCLR", 0, 0.4, { at: 0.5, ...slow }),
      result("EmoCo", 0, 0.5, { at: 2 }),
    ];
    const lines = drawn("rivals", rivals, { setting: SETTING, runs });
    assertEquals(lines.slice(4, 6), [
      "| EmoCo | 50.0 | 70.0 |  | 40.0 | × 2 | 40 | 12 | 1.0 |",
      "| SimCLR | 40.0 | 70.0 | +10.0 | 40.0 | × 0.5 | 40 | 30 | 2.5 |",
    ]);
    assert(lines.includes("| SimCLR | 31.0 |  |  |"), lines.join("\n"));
  });

  it("has photographs with both halves, and Fig. 5 with its numbers", () => {
    const scores = (auc: number) => ({ auc, f1: auc / 2, photographs: 10, notFound: 1 });
    const seen = (auc: number) => ({
      photographs: { all: scores(auc), even: scores(auc - 0.1), odd: scores(auc + 0.1) },
    });
    const setting = { ...SETTING, photographs: 10 };
    const lines = drawn("photographs", photographs, {
      setting,
      runs: [result("EmoCo", 0, 0.5, seen(0.8)), result("MoCo", 0, 0.4, seen(0.6))],
    });
    assertStringIncludes(lines[0], "On the 10 photographs of `test`, whole path (1 faces not found at most");
    assertEquals(lines.slice(4, 6), [
      "| EmoCo | linear probe | 80.0 | 70.0 | 90.0 | 40.0 |  | 70.0 | 340 | 12 | 3 |",
      "| MoCo | linear probe | 60.0 | 50.0 | 70.0 | 30.0 | +20.0 | 70.0 | 340 | 12 | 3 |",
    ]);
    const lying = (value: number) => ({
      silhouettes: [{ encoder: "a", byEmotion: value, byUnit: -value }, {
        encoder: "b",
        byEmotion: 2 * value,
        byUnit: value,
      }],
    });
    const runs = [result("EmoCo", 0, 0, lying(0.1)), result("EmoCo", 1, 0, lying(0.2))];
    assertEquals(drawn("fig5", fig5, { setting: SETTING, runs }).slice(4, 6), [
      "| emotion only | 0.150 (0.100, 0.200) | -0.150 (-0.100, -0.200) |",
      "| EmoCo | 0.300 (0.200, 0.400) | 0.150 (0.100, 0.200) |",
    ]);
  });

  it("goes between the marks of its part and nowhere else", () => {
    const text = "a\n<!-- one -->old<!-- /one -->\nb";
    assertEquals(
      putBetween(text, ["<!-- one -->", "<!-- /one -->"], "new"),
      "a\n<!-- one -->\n\nnew\n\n<!-- /one -->\nb",
    );
    assertEquals(putBetween(text, ["<!-- two -->", "<!-- /two -->"], "new"), undefined);
  });

  it("keeps results, and has none before the first", () => {
    assertEquals(readResults(join(folder, "none"), "table4"), undefined);
    const units = [{ au: 12, f1: 0.5, auc: NaN }];
    const results: StudyResults = { setting: SETTING, runs: [result("EmoCo", 0, 0.5, { units, f1: null })] };
    writeResults(join(folder, "new"), "table4", results);
    assertEquals(readResults(join(folder, "new"), "table4"), results);
  });

  it("knows the results that come with the project, each of a run that a plan still holds or once held", () => {
    for (const part of [table4, fig4]) {
      const { runs, setting } = readResults(join(import.meta.dirname!, "../../tools/study"), part.name)!;
      assert(runs.length > 10);
      const asked = { ...ASKED, epochs: setting.epochs, seeds: 3 };
      const planned = new Map(part.plan(asked, []).map((run) => [run.name, run]));
      for (const run of runs) {
        const { row, seed, at, protocol } = planned.get(run.name) ?? run;
        assertEquals([run.row, run.seed, run.at, run.protocol], [row, seed, at, protocol], run.name);
        if (run.row !== "emotion only" || part === table4) assert(planned.has(run.name), run.name);
      }
    }
  });
});

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
