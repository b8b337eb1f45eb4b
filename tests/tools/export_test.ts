import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { AuDetector } from "@emoco/web/detector";
import type { FaceFinder } from "@emoco/web/face-finder";
import { EMOTIONS } from "@emoco/web/facs";
import { parseModelCard } from "@emoco/web/model-card";
import { join } from "node:path";
import * as ort from "onnxruntime-web";
import { COMMITTED_FACES } from "../../train/input/data.ts";
import { sha256 } from "../../train/runs/whole_file.ts";
import {
  ALL_HEADS,
  readRunFile,
  runTask,
  toyCalibration,
  writeModelRun,
  writePretrainedRun,
} from "../train/toy_runs.ts";

describe("deno task export", () => {
  let folder: string;
  const exportModel = (...given: string[]) => runTask("export", folder, ...given);
  const card = (name: string) => parseModelCard(JSON.parse(readRunFile(folder, name, "emoco.json")));
  const files = (name: string) =>
    [...Deno.readDirSync(join(folder, "runs", name))].map((entry) => entry.name).filter((file) =>
      file.startsWith("emoco")
    ).sort();
  const complaint = async (...given: string[]) => {
    const { code, stdout, stderr } = await exportModel(...given);
    assertEquals(code, 1, stdout);
    assertMatch(stderr, /^error: [^\n]+\n$/);
    return stderr;
  };

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    writePretrainedRun(folder, "pre");
    writeModelRun(folder, "linear", { subjects: ["s02", "s01"] });
    writeModelRun(folder, "moved", { emotions: false });
    const ours = { data: COMMITTED_FACES, pretrainingData: COMMITTED_FACES };
    writeModelRun(folder, "ours", { changes: ours });
    writeModelRun(folder, "half-ours", {
      changes: { ...ours, pretrainingData: "/data/AffectNet/manifest.jsonl" },
    });
    const scores = {
      averages: { f1: 0.5, auc: 0.75, positiveRate: 0.25 },
      units: [{ au: 4, f1: 0.5, auc: 0.75, positiveRate: 0.25, truePositives: 1 }],
    };
    Deno.writeTextFileSync(join(folder, "runs/linear/folds.json"), JSON.stringify(scores));
    const groups = [{ group: "skin group 1", faces: 3, averages: scores.averages }];
    Deno.writeTextFileSync(
      join(folder, "runs/linear/evaluation-test.json"),
      JSON.stringify({ ...scores, groups }),
    );
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("writes a file and a card that the detector takes, with what was measured", async () => {
    const { code, stdout, stderr } = await exportModel("--from=linear", "--licence=For research only");
    assertEquals(code, 0, stderr);
    assertMatch(
      stdout,
      /runs\/linear\/emoco\.onnx: 0\.\d MB, float32\nruns\/linear\/emoco\.json: the model card\n/,
    );
    assertEquals(files("linear"), ["emoco.json", "emoco.onnx"]);
    const bytes = Deno.readFileSync(join(folder, "runs/linear/emoco.onnx"));
    const {
      name,
      version,
      target,
      aus,
      emotions,
      input,
      training,
      metrics,
      licence,
      limits,
      files: vouched,
    } = card(
      "linear",
    );
    assertEquals([name, version, target, licence], ["emoco", "linear", "occurrence", "For research only"]);
    assertEquals(aus, [{ au: 4, threshold: 0.5 }, { au: 12, threshold: 0.5 }, { au: 25, threshold: 0.5 }]);
    assertEquals(emotions, EMOTIONS);
    assertEquals(input, {
      size: 32,
      layout: "NCHW",
      channels: "RGB",
      range: [0, 1],
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    });
    assertEquals(training, { data: "faces", subjectsSha256: sha256("s00\ns01\ns02") });
    assertEquals(vouched, { "emoco.onnx": { sha256: sha256(bytes), precision: "float32" } });
    const unit = { au: 4, f1: 0.5, auc: 0.75 }, averages = { f1: 0.5, auc: 0.75, positiveRate: 0.25 };
    assertEquals(metrics, {
      folds: { averages, units: [unit] },
      test: { averages, units: [unit], groups: [{ group: "skin group 1", faces: 3, averages }] },
    });
    assertMatch(
      limits,
      /^Action units are movements of the face, not feelings\. .*only for people who have agreed to it\.$/,
    );

    const finder = { find: () => Promise.resolve([]) } as unknown as FaceFinder;
    const detector = await AuDetector.load({ model: bytes, card: card("linear"), finder, ort });
    assertEquals(detector.card, card("linear"));
    const damaged = bytes.slice();
    damaged[damaged.length >> 1] ^= 1;
    let refused = "";
    await AuDetector.load({ model: damaged, card: card("linear"), finder, ort })
      .catch((error: Error) => refused = error.message);
    assert(refused !== "");
  });

  it("adds the half-precision file to the card, with and without emotions, and keeps it there", async () => {
    const given = ["--from=moved", "--licence=test"];
    const { code, stderr } = await exportModel(...given, "--precision=float16");
    assertEquals(code, 0, stderr);
    assertEquals(files("moved"), ["emoco.f16.onnx", "emoco.json", "emoco.onnx"]);
    const before = card("moved");
    assertEquals(before.emotions, null);
    assertEquals(
      Object.entries(before.files).map(([name, { precision }]) => [name, precision]),
      [["emoco.onnx", "float32"], ["emoco.f16.onnx", "float16"]],
    );
    const [whole, half] = ["emoco.onnx", "emoco.f16.onnx"].map((file) =>
      Deno.statSync(join(folder, "runs/moved", file)).size
    );
    assert(half < 0.6 * whole);
    assertEquals((await exportModel(...given)).code, 0);
    assertEquals(card("moved"), before);
  });

  it("asks for the terms of foreign data, be it the pretraining's, and says that our own are rendered", async () => {
    const [foreign, pretraining, ours] = await Promise.all([
      complaint("--from=linear"),
      complaint("--from=half-ours"),
      exportModel("--from=ours"),
    ]);
    assertStringIncludes(foreign, 'name the terms of that data set by --licence="..."');
    assertStringIncludes(pretraining, "half-ours was trained on /data/AffectNet/manifest.jsonl");
    assertEquals(ours.code, 0, ours.stderr);
    const { licence, limits, training } = card("ours");
    assertEquals([licence, training.data], ["MIT", "rendered faces of EmoCo"]);
    assertStringIncludes(limits, "Trained on rendered faces only: it has never seen a photograph.");
    assertEquals(files("half-ours"), []);
    assertEquals((await exportModel("--from=half-ours", "--licence=AffectNet's")).code, 0);
    assertEquals(card("half-ours").training.data, "AffectNet, rendered faces of EmoCo");
    assertEquals(
      (await exportModel("--from=half-ours", "--licence=AffectNet's", "--faces=half of AffectNet")).code,
      0,
    );
    assertEquals(card("half-ours").training.data, "half of AffectNet");
    assert(!card("half-ours").limits.includes("rendered"));
  });

  it("asks for the terms of a licensed set wherever its faces lie, and names it and them in the card", async () => {
    const sets = { data: COMMITTED_FACES, pretrainingData: COMMITTED_FACES, sets: ["affectnet", "disfa"] };
    writeModelRun(folder, "licensed", { changes: { ...sets, target: "intensity" } });
    assertStringIncludes(
      await complaint("--from=licensed"),
      "licensed was trained on AffectNet and DISFA; name",
    );
    assertEquals(files("licensed"), []);
    const { code, stderr } = await exportModel(
      "--from=licensed",
      "--licence=Our laboratory's agreement of 2026",
    );
    assertEquals(code, 0, stderr);
    const { licence, limits, training, target, aus } = card("licensed");
    assertEquals(licence, "Our laboratory's agreement of 2026");
    assertStringIncludes(limits, "Trained on AffectNet, which is licensed for non-commercial research");
    assertStringIncludes(limits, "Trained on DISFA, which is");
    assertStringIncludes(training.data, "set AffectNet, set DISFA");
    // Intensity: the output is a fifth of it, and 2 and more counts as present.
    assertEquals([target, aus[0]], ["intensity", { au: 4, threshold: 0.3 }]);
  });

  it("puts thresholds and calibrations that were fitted into the card, with the reason, and names all outputs", async () => {
    writeModelRun(folder, "fitted", { changes: { ...ALL_HEADS, target: "intensity" } });
    const given = ["--from=fitted", "--licence=test"];
    assertEquals((await exportModel(...given)).code, 0);
    const before = card("fitted");
    assertEquals(before.aus.map((unit) => Object.keys(unit)), Array(3).fill(["au", "threshold"]));
    assertEquals(before.outputs, ["points", "pose", "gaze", "openness", "visible"]);
    const file = join(folder, "runs/fitted/calibration.json");
    Deno.writeTextFileSync(file, JSON.stringify(toyCalibration(before.files["emoco.onnx"].sha256)));
    const { code, stdout, stderr } = await exportModel(...given);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "with the thresholds and probabilities fitted to photographs");
    const { aus, metrics, files: vouched } = card("fitted");
    assertEquals(vouched, before.files);
    assertEquals(aus, [
      { au: 4, threshold: 0.4, calibration: [1.5, 0.5] },
      { au: 12, threshold: 0.6, calibration: [0.8, -1] },
      { au: 25, threshold: 0.5, calibration: [1.1, 0] },
    ]);
    assertEquals(metrics.thresholds, {
      rule: "Where precision and recall meet.",
      data: "the even half of split test of photographs",
      faces: 20,
      people: 18,
      notFound: 1,
      units: [
        { au: 4, positives: 9, faces: 20, from: "its own faces" },
        { au: 12, positives: 9, faces: 20, from: "its own faces" },
        { au: 25, positives: 2, faces: 20, from: "all units together" },
      ],
    });
    for (
      const [wrong, said] of [
        [toyCalibration("0".repeat(64)), "was fitted to another model file than this run's"],
        [{ ...toyCalibration(before.files["emoco.onnx"].sha256), units: [] }, "the model has 4, 12, 25"],
        [{ format: 2 }, "is no calibration of this version"],
      ] as const
    ) {
      Deno.writeTextFileSync(file, JSON.stringify(wrong));
      assertStringIncludes(await complaint(...given), said);
    }
  });

  it("refuses a precision that there is not, and a run that is no action-unit model", async () => {
    const [precision, run] = await Promise.all([complaint("--precision=int8"), complaint("--from=pre")]);
    assertStringIncludes(precision, "--precision=int8: a precision is float32 or float16.");
    assertStringIncludes(run, "runs/pre is no action-unit model.");
  });
});
