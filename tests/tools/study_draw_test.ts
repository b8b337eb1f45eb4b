import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { drawPart, putBetween } from "../../tools/study/draw.ts";
import { detectors } from "../../tools/study/detectors.ts";
import { fig4 } from "../../tools/study/fig4.ts";
import { fig5 } from "../../tools/study/fig5.ts";
import { photographs } from "../../tools/study/photographs.ts";
import { readResults, type StudyResults, writeResults } from "../../tools/study/results.ts";
import { rivals } from "../../tools/study/rivals.ts";
import { table4 } from "../../tools/study/table4.ts";
import { ASKED, result, SETTING } from "./study_results.ts";

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

  it("has detectors in the paper's order with what they are made of, and a blank where nobody counted", () => {
    const cost = { parameters: 1_263_250, multiplyAdds: 84_900_000 };
    const runs = [
      result("after EAC-Net", 0, 0.4, { protocol: "finetune", cost }),
      result("ResNet-18", 0, 0.3, { protocol: "finetune" }),
    ];
    assertEquals(drawn("detectors", detectors, { setting: SETTING, runs }).slice(2, 6), [
      "| detector | F1 | AUC | parameters | multiply-adds | updates | seconds |",
      `|${"---|".repeat(7)}`,
      "| ResNet-18 | 30.0 | 70.0 |  |  | 300 | 3 |",
      "| after EAC-Net | 40.0 | 70.0 | 1.26 M | 85 M | 300 | 3 |",
    ]);
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
