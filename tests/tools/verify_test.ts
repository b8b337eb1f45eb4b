import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { sha256 } from "../../train/runs/whole_file.ts";
import {
  ALL_HEADS,
  drawLabelledFaces,
  runTask,
  toyCalibration,
  writeModelRun,
  writePretrainedRun,
} from "../train/toy_runs.ts";

describe("deno task verify", () => {
  let folder: string;
  const path = (run: string, file: string) => join(folder, "runs", run, file);
  const verify = (...given: string[]) => runTask("verify", folder, ...given);

  /** A copy of the exported run that somebody has meddled with. */
  function copy(name: string, from = "good"): string {
    Deno.mkdirSync(join(folder, "runs", name));
    for (const { name: file } of Deno.readDirSync(join(folder, "runs", from))) {
      Deno.copyFileSync(path(from, file), path(name, file));
    }
    return name;
  }

  /** Changes the card of a run. */
  // deno-lint-ignore no-explicit-any -- a card that may well be wrong
  function editCard(name: string, edit: (card: any) => void): void {
    const card = JSON.parse(Deno.readTextFileSync(path(name, "emoco.json")));
    edit(card);
    Deno.writeTextFileSync(path(name, "emoco.json"), JSON.stringify(card));
  }

  /** Changes bytes of the model of a run, and its card, so that only what the model computes can tell. */
  function editModel(name: string, edit: (bytes: Uint8Array) => void): string {
    const bytes = Deno.readFileSync(path(name, "emoco.onnx"));
    edit(bytes);
    Deno.writeFileSync(path(name, "emoco.onnx"), bytes);
    editCard(name, (card) => card.files["emoco.onnx"].sha256 = sha256(bytes));
    return name;
  }

  /** Where the values of an initializer begin: its name and the tag and length of raw_data stand before them. */
  function valuesOf(bytes: Uint8Array, initializer: string): number {
    const name = new TextEncoder().encode(initializer);
    for (let at = bytes.length - name.length; at >= 0; at--) {
      if (!name.every((code, i) => bytes[at + i] === code)) continue;
      let next = at + name.length;
      if (bytes[next++] !== (9 << 3 | 2)) continue;
      while (bytes[next] & 0x80) next++;
      return next + 1;
    }
    throw new Error(`${initializer} is not in the file`);
  }

  async function complaint(...given: string[]): Promise<string> {
    const { code, stdout, stderr } = await verify(...given);
    assertEquals(code, 1, stdout);
    assertMatch(stderr, /^error: [^\n]+\n$/);
    return stdout + stderr;
  }

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawLabelledFaces(join(folder, "faces"), 3);
    writePretrainedRun(folder, "pre");
    writeModelRun(folder, "good");
    writeModelRun(folder, "heads", { changes: ALL_HEADS });
    for (const name of ["good", "heads"]) {
      const given = [`--from=${name}`, "--licence=test", "--precision=float16"];
      const { code, stderr } = await runTask("export", folder, ...given);
      assertEquals(code, 0, stderr);
    }
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("passes what export wrote, at both precisions, and says by how much they differ", async () => {
    const { code, stdout, stderr } = await verify("--from=good");
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "Model good, 21 faces of ");
    assertMatch(
      stdout,
      /emoco\.onnx \(float32\): greatest difference over 21 faces: probabilities \d\.\de-\d, features \S+, emotions \S+; allowed 0\.0001: passes\n/,
    );
    assertMatch(stdout, /emoco\.f16\.onnx \(float16\): .*; allowed 0\.005: passes\n/);
  });

  it("fails when one byte of a weight is another, though the card vouches for it", async () => {
    // The high byte of the first value: it becomes a number between 8192 and 131072.
    const high = (initializer: string) => (bytes: Uint8Array) => {
      bytes[valuesOf(bytes, initializer) + 3] = 0x47;
    };
    const low = (bytes: Uint8Array) => bytes[valuesOf(bytes, "layer2.0.conv1.weight")] ^= 1;
    const [backbone, classifier, emotions, lowest] = await Promise.all([
      complaint(`--from=${editModel(copy("backbone"), high("layer4.1.conv2.bias"))}`),
      complaint(`--from=${editModel(copy("classifier"), high("au.bias"))}`),
      complaint(`--from=${editModel(copy("emotions"), high("classifier.weight"))}`),
      complaint(`--from=${editModel(copy("lowest"), low)}`),
    ]);
    for (const text of [backbone, classifier, emotions]) {
      assertMatch(text, /emoco\.onnx \(float32\): .*: FAILS\n/);
      assertMatch(
        text,
        /error: runs\/\w+: the exported model does not compute what was trained\. Do not use it\.\n$/,
      );
    }
    assertStringIncludes(
      lowest,
      "is not, byte for byte, what this version writes for lowest: run deno task export again.",
    );
  });

  it("fails on a weight that is no number", async () => {
    const name = editModel(copy("nan"), (bytes) => {
      new DataView(bytes.buffer).setUint32(valuesOf(bytes, "au.bias"), 0x0000c07f); // NaN, little-endian
    });
    assertMatch(await complaint(`--from=${name}`), /probabilities Infinity.*FAILS/);
  });

  it("fails when the card's digest is another, when a file is missing or no model, or the card is no card", async () => {
    copy("digest");
    editCard("digest", (card) => card.files["emoco.onnx"].sha256 = "0".repeat(64));
    Deno.removeSync(path(copy("without-file"), "emoco.f16.onnx"));
    Deno.removeSync(path(copy("without-card"), "emoco.json"));
    Deno.writeTextFileSync(path(copy("no-card"), "emoco.json"), '{"format":2}');
    const garbage = editModel(copy("garbage"), (bytes) => bytes.fill(7, 0, 2000));
    const runs = ["digest", "without-file", "without-card", "no-card", garbage];
    const said = await Promise.all(runs.map((name) => complaint(`--from=${name}`)));
    assertStringIncludes(
      said[0],
      "runs/digest/emoco.onnx is not the file that its card names: its SHA-256 differs.",
    );
    assertStringIncludes(
      said[1],
      "runs/without-file/emoco.f16.onnx cannot be read: run deno task export first.",
    );
    assertStringIncludes(said[2], "runs/without-card/emoco.json cannot be read: run deno task export first.");
    assertStringIncludes(said[3], 'runs/no-card/emoco.json is no model card (Model card: "format" must be 1');
    assertStringIncludes(said[4], "onnxruntime-web cannot load");
  });

  it("fails when the card says otherwise than the training: order of units, emotions, how pixels become numbers", async () => {
    copy("order");
    editCard("order", (card) => card.aus.reverse());
    copy("silent");
    editCard("silent", (card) => card.emotions = null);
    copy("mean");
    editCard("mean", (card) => card.input.mean = [0.5, 0.5, 0.5]);
    const said = await Promise.all(["order", "silent", "mean"].map((name) => complaint(`--from=${name}`)));
    assertStringIncludes(said[0], '"aus" is [25,12,4], but the model was trained with [4,12,25]');
    assertStringIncludes(said[1], '"emotions" is null, but');
    assertStringIncludes(said[2], '"input.mean" is [0.5,0.5,0.5], but');
  });

  it("compares every output of a model with all heads, at both precisions", async () => {
    const { code, stdout, stderr } = await verify("--from=heads");
    assertEquals(code, 0, stdout + stderr);
    for (const name of ["points", "pose", "gaze", "openness", "visible", "emotions"]) {
      assertMatch(stdout, new RegExp(`float32\\): .*${name} \\d\\.\\de-\\d`));
      assertMatch(stdout, new RegExp(`float16\\): .*${name} \\d\\.\\de-\\d`));
    }
    const silent = copy("no-gaze", "heads");
    editCard(silent, (card) => card.outputs = card.outputs.filter((name: string) => name !== "gaze"));
    const moved = editModel(
      copy("moved", "heads"),
      (bytes) => bytes[valuesOf(bytes, "pose.bias") + 3] ^= 0x80,
    );
    const said = await Promise.all([silent, moved].map((name) => complaint(`--from=${name}`)));
    assertStringIncludes(said[0], '"outputs" is ["points","pose","openness","visible"], but');
    assertMatch(said[1], /pose \d\.\de[+-]\d.*FAILS/);
  });

  it("holds the card's thresholds and probabilities to what was fitted", async () => {
    const name = copy("fitted");
    const digest = sha256(Deno.readFileSync(path(name, "emoco.onnx")));
    Deno.writeTextFileSync(path(name, "calibration.json"), JSON.stringify(toyCalibration(digest)));
    assertStringIncludes(
      await complaint(`--from=${name}`),
      '{"au":4,"threshold":0.5} of "aus" is not what calibration.json gives, {"au":4,"threshold":0.4,"calibration":[1.5,0.5]}',
    );
    assertEquals((await runTask("export", folder, `--from=${name}`, "--licence=test")).code, 0);
    const { code, stderr } = await verify(`--from=${name}`);
    assertEquals(code, 0, stderr);
    editCard(name, (card) => card.aus[1].calibration[0] = 2);
    assertStringIncludes(await complaint(`--from=${name}`), "run deno task export again.");
    Deno.writeTextFileSync(path(name, "calibration.json"), JSON.stringify(toyCalibration("0".repeat(64))));
    assertStringIncludes(
      await complaint(`--from=${name}`),
      "was fitted to another model file than this run's",
    );
  });

  it("refuses to compare no faces", async () => {
    assertStringIncludes(
      await complaint("--faces=none"),
      "--faces=none: it must be a whole number of at least 1.",
    );
  });
});
