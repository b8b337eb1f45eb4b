import { assert, assertEquals, assertMatch } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { loadCheckpoint } from "../../train/runs/checkpoint.ts";
import { drawLabelledFaces, runTask, SHORT, writePretrainedRun } from "./toy_runs.ts";

describe("deno task finetune from a finished model", () => {
  let folder: string;
  const HEADS = ["--emotionWeight=0.5", "--visibleWeight=0.5", "--covers=0.5", "--turns=0.2"];
  const finetune = (name: string, from: string, ...more: string[]) =>
    runTask(
      "finetune",
      folder,
      `--name=${name}`,
      "--data=faces",
      `--from=${from}`,
      "--protocol=finetune",
      ...SHORT,
      ...HEADS,
      ...more,
    );

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawLabelledFaces(join(folder, "faces"), 11);
    writePretrainedRun(folder, "pre");
    const { code, stderr } = await finetune("first", "pre", "--folds=0");
    assertEquals(code, 0, stderr);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("goes on where that stood, heads and all", async () => {
    // At such a rate nothing moves.
    const { code, stderr } = await finetune(
      "second",
      "first",
      "--folds=0",
      "--learningRate=1e-12",
      "--epochs=1",
    );
    assertEquals(code, 0, stderr);
    const [before, after] = ["first", "second"].map((name) => loadCheckpoint(join(folder, "runs", name)));
    assertEquals(Object.keys(after.state.heads).sort(), ["visible.bias", "visible.weight"]);
    for (const group of ["weights", "heads", "emotion"]) {
      for (const [name, { values }] of Object.entries(after.state[group])) {
        const known = before.state[group][name].values;
        assert(values.every((value, i) => Math.abs(value - known[i]) < 1e-6), `${group}.${name}`);
      }
    }
    assertEquals(after.subjects.pretraining, ["s00", ...before.subjects.actionUnits]);
  });

  it("tests nobody whom that has learnt from", async () => {
    const { code, stderr } = await finetune("folds", "first");
    assertEquals(code, 1);
    assertMatch(stderr, /subject "s0\d" .* was in this model's action-unit training/);
  });
});
