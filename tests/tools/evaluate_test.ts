import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { saveCheckpoint } from "../../train/runs/checkpoint.ts";
import { type Line, writeManifest } from "../train/toy_faces.ts";
import {
  drawLabelledFaces,
  readRunFile,
  runTask,
  writeModelRun,
  writePretrainedRun,
} from "../train/toy_runs.ts";

describe("deno task evaluate", () => {
  let folder: string, lines: Line[];
  const evaluate = (...given: string[]) => runTask("evaluate", folder, "--data=faces", ...given);
  const complaint = async (...given: string[]) => {
    const { code, stdout, stderr } = await evaluate(...given);
    assertEquals(code, 1, stdout);
    assertMatch(stderr, /^error: [^\n]+\n$/);
    return stderr;
  };
  /** Another manifest over the same pictures. */
  async function variant(name: string, of: readonly (Line | string)[]): Promise<string> {
    const data = join(folder, name);
    Deno.mkdirSync(data);
    Deno.symlinkSync(join(folder, "faces/faces"), join(data, "faces"));
    await writeManifest(data, of);
    return `--data=${name}`;
  }

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    lines = await drawLabelledFaces(join(folder, "faces"), 5); // s00 pretrain, s01 to s03 au, s04 test
    writePretrainedRun(folder, "pre");
    writeModelRun(folder, "model", { subjects: ["s01", "s02", "s03"] });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("tests on the split test, and a label flipped in one line changes the counts by exactly one", async () => {
    const flippedLine = lines.findIndex((line) => line.split === "test");
    const { 25: label, ...others } = lines[flippedLine].present as Record<string, number>;
    const flipped = await variant(
      "flipped",
      lines.map((line, i) => i === flippedLine ? { ...line, present: { ...others, 25: 1 - label } } : line),
    );
    const first = await evaluate("--model=model");
    assertEquals(first.code, 0, first.stderr);
    const [json, csv] = ["json", "csv"].map((kind) =>
      readRunFile(folder, "model", `evaluation-test.${kind}`)
    );
    assertEquals((await evaluate(flipped)).code, 0);
    const before = JSON.parse(json), after = JSON.parse(readRunFile(folder, "model", "evaluation-test.json"));

    assertEquals([before.model, before.split, before.faces, before.subjects], ["model", "test", 7, 1]);
    assertStringIncludes(first.stdout, "Model model on 7 faces of split test in ");
    assertMatch(
      first.stdout,
      /\nAU +4 +12 +25 +Avg\.\nF1 .*\nAUC .*\npositive rate .*\nemotion accuracy \d+\.\d % \(chance 14\.3 %\)\n/,
    );
    assertMatch(first.stdout, /\nskin group 2 +7 faces {3}F1 +\d/);
    assertMatch(
      csv,
      /^fold,au,f1,auc,positiveRate,count,truePositives,[^\n]+\ntest,4,[^\n]+\ntest,12,[^\n]+\ntest,25,[^\n]+\n$/,
    );

    const counts = ({ units }: typeof before) =>
      units.map((
        { truePositives, falsePositives, falseNegatives, trueNegatives }: Record<string, number>,
      ) => [truePositives, falsePositives, falseNegatives, trueNegatives]);
    assertEquals(counts(after).slice(0, 2), counts(before).slice(0, 2));
    const change = counts(after)[2].map((value: number, i: number) => value - counts(before)[2][i]);
    assertEquals(change.filter((value: number) => value === 1).length, 1);
    assertEquals(change.filter((value: number) => value === -1).length, 1);
    assertEquals(change.filter((value: number) => value === 0).length, 2);
    // Present becomes absent or absent present, and the answer stays: a hit becomes a false alarm, a miss a right no.
    assertEquals(change[0] + change[1], 0);
    assertEquals(change[0] + change[2], label ? -1 : 1);
  });

  it("refuses people whom the model has seen, by name, wherever it has seen them", async () => {
    const smuggled = (subject: string) =>
      lines.map((line) => line.subject === subject ? { ...line, split: "test" } : line);
    const [pretrained, trained] = [
      await variant("pretrained", smuggled("s00")),
      await variant("trained", smuggled("s02")),
    ];
    const [one, other, split] = await Promise.all([
      complaint(pretrained),
      complaint(trained),
      complaint("--split=au"),
    ]);
    assertStringIncludes(one, 'subject "s00" (');
    assertStringIncludes(one, ", line 1 of its manifest) was in this model's pretraining:");
    assertStringIncludes(other, 'subject "s02" (');
    assertStringIncludes(other, ", line 15 of its manifest) was in this model's action-unit training:");
    assertStringIncludes(split, 'subject "s01" (');
  });

  it("tests on everybody where the manifest knows no splits, and leaves out pictures that cannot be read", async () => {
    const strangers = lines.slice(0, 14).map(({ split: _split, ...line }, i) => ({
      ...line,
      subject: `x${i}`,
    }));
    const data = await variant("strangers", [...strangers, {
      image: "broken.jpg",
      subject: "x99",
      emotion: "happy",
      present: { 4: 1 },
    }]);
    Deno.writeTextFileSync(join(folder, "strangers/broken.jpg"), "no picture");
    const [whole, without, named] = await Promise.all([
      complaint(data),
      evaluate(data, "--skipBroken"),
      complaint(data, "--split=test"),
    ]);
    assertStringIncludes(whole, "broken.jpg (line 15 of its manifest) cannot be decoded");
    assertEquals(without.code, 0, without.stderr);
    assertStringIncludes(without.stdout, "1 pictures could not be decoded and are left out.");
    assertEquals(JSON.parse(readRunFile(folder, "model", "evaluation-all.json")).faces, 14);
    assertStringIncludes(named, "no line of");
  });

  it("refuses a run that is not finished, and a split that there is not", async () => {
    writeModelRun(folder, "half");
    const config = JSON.parse(readRunFile(folder, "half", "config.json"));
    const subjects = { pretraining: [], actionUnits: [] };
    saveCheckpoint(join(folder, "runs/half"), { state: {}, config, position: { fit: 0, step: 1 }, subjects });
    const [half, split] = await Promise.all([
      complaint("--model=half"),
      complaint("--model=model", "--split=dev"),
    ]);
    assertStringIncludes(
      half,
      "runs/half is not finished: go on with deno task finetune --resume --name=half",
    );
    assertStringIncludes(split, "--split=dev is no split; splits are pretrain, au, test.");
  });
});
