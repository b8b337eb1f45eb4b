import { assert, assertEquals, assertThrows } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { loadCheckpoint, saveCheckpoint } from "../../../train/runs/checkpoint.ts";
import { disposeStored, loadModel, loadSource } from "../../../train/units/model_store.ts";
import { RunError } from "../../../train/runs/run_folder.ts";
import { within, writePretrainedRun } from "../toy_runs.ts";

describe("the store of models", () => {
  let folder: string;
  const started = (name: string, seconds: number) =>
    Deno.utimeSync(join(folder, "runs", name, "config.json"), seconds, seconds);
  const refused = (action: () => unknown) => (assertThrows(action, RunError) as Error).message;

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await within(folder, () => {
      assertEquals(
        refused(() => loadSource(undefined, 0)),
        "There is no pretrained run yet: start with deno task pretrain, or give --from=random.",
      );
      assertEquals(
        refused(() => loadModel()),
        "There is no action-unit model yet: start with deno task finetune.",
      );
    });
    writePretrainedRun(folder, "old", { seed: 1, subjects: ["s1"] });
    writePretrainedRun(folder, "new", { seed: 2, subjects: ["s2"], changes: { losses: "contrastive" } });
    writePretrainedRun(folder, "unborn", { seed: 3 });
    Deno.removeSync(join(folder, "runs/unborn/checkpoint.safetensors"));
    started("old", 1000);
    started("new", 2000);
    started("unborn", 3000);
    // Testing or exporting an old run must not make it the newest: only its folder changes.
    Deno.writeTextFileSync(join(folder, "runs/old/note"), "");
    // A finetuning under way.
    const config = { program: "finetune" };
    Deno.mkdirSync(join(folder, "runs/half"));
    Deno.writeTextFileSync(join(folder, "runs/half/config.json"), JSON.stringify(config));
    const { state } = loadCheckpoint(join(folder, "runs/old"));
    const subjects = { pretraining: [], actionUnits: [] };
    saveCheckpoint(join(folder, "runs/half"), { state, config, position: { fit: 1, step: 3 }, subjects });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("starts from the run that was started last and has a checkpoint, or from the one that is named", async () => {
    await within(folder, () => {
      assertEquals(loadSource(undefined, 0).name, "new");
      assertEquals(loadSource("old", 0).name, "old");
      assertEquals(loadSource("runs/old/", 0).pretrainingSubjects, ["s1"]);
    });
  });

  it("keeps the emotion head apart from the backbone, and has none where emotions were no part of the loss", async () => {
    await within(folder, () => {
      const { backbone, emotionHead, sha256 } = loadSource("old", 0);
      assertEquals(Object.keys(emotionHead!), [
        "projection.0.weight",
        "projection.0.bias",
        "projection.2.weight",
        "projection.2.bias",
        "classifier.weight",
      ]);
      const stored = loadCheckpoint(join(folder, "runs/old")).state;
      for (const [name, { values }] of Object.entries(stored.weights)) {
        const tensor = backbone.weights[name] ?? emotionHead![name];
        assertEquals(tensor.dataSync() as typeof values, values);
      }
      assertEquals(Object.keys(backbone.statistics), Object.keys(stored.statistics));
      assertEquals(loadSource("new", 0).emotionHead, undefined);
      assert(sha256 !== loadSource("new", 0).sha256);
    });
  });

  it("gives random weights by their seed: that of the folds, or one of their own", () => {
    const first = (from: string, seed: number) => {
      const { backbone, name, pretrainingSubjects, emotionHead } = loadSource(from, seed);
      assertEquals([name, pretrainingSubjects.length, emotionHead], [from, 0, undefined]);
      return backbone.weights["conv1.weight"].dataSync()[0];
    };
    assertEquals(first("random", 7), first("random:7", 0));
    assert(first("random", 7) !== first("random", 8));
  });

  it("says which runs there are when another one is asked for", async () => {
    await within(folder, () => {
      assertEquals(
        refused(() => loadSource("nobody", 0)),
        `--from=nobody: runs/nobody is no pretraining run. Runs of that kind: new, old.`,
      );
      assertEquals(
        refused(() => loadSource("half", 0)),
        `--from=half: runs/half is no pretraining run. Runs of that kind: new, old.`,
      );
      assertEquals(
        refused(() => loadModel("old")),
        "runs/old is no action-unit model. Runs of that kind: half.",
      );
      assertEquals(
        refused(() => disposeStored(loadModel())),
        "runs/half is not finished: go on with deno task finetune --resume --name=half, or name another run.",
      );
    });
  });
});
