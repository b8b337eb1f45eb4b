import { assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE, parseModelCard } from "@emoco/web/model-card";

/** A complete card as JSON, so that each test can spoil one field of it. */
// deno-lint-ignore no-explicit-any
function completeCard(): any {
  return {
    format: 1,
    name: "emoco",
    version: "1.0.0",
    target: "occurrence",
    aus: [{ au: 1, threshold: 0.5 }, { au: 12, threshold: 0.4 }],
    emotions: ["neutral", "happy"],
    input: {
      size: 112,
      layout: "NCHW",
      channels: "RGB",
      range: [0, 1],
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    },
    alignment: { points: [...ALIGNMENT_POINTS], template: ALIGNMENT_TEMPLATE.map((point) => [...point]) },
    training: { data: "rendered faces", subjectsSha256: "0".repeat(64) },
    metrics: { f1: 0.6 },
    files: { "emoco.onnx": { sha256: "ab".repeat(32), precision: "float32" } },
    licence: "MIT",
    limits: "Trained on rendered faces.",
  };
}

/** All paths to a field of the card, such as ["input", "size"]; arrays count as one field. */
function paths(value: unknown): string[][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [[]];
  return Object.entries(value).flatMap((
    [key, inner],
  ) => [[key], ...paths(inner).map((rest) => [key, ...rest])])
    .filter((path, i, all) => all.findIndex((other) => other.join() === path.join()) === i);
}

function fieldName(path: string[]): string {
  return path.join(".").replace("files.emoco.onnx", 'files["emoco.onnx"]');
}

describe("parseModelCard", () => {
  it("returns the card unchanged when it is complete", () => {
    assertEquals(JSON.parse(JSON.stringify(parseModelCard(completeCard()))), completeCard());
    assertEquals(parseModelCard({ ...completeCard(), emotions: null }).emotions, null);
  });

  it("reads outputs and calibrations where a card has them", () => {
    const aus = [{ au: 1, threshold: 0.5, calibration: [1.5, -0.25] }, { au: 12, threshold: 0.4 }];
    const card = { ...completeCard(), aus, outputs: ["pose", "points"] };
    assertEquals(JSON.parse(JSON.stringify(parseModelCard(card))), card);
  });

  it("names the field when any one is missing", () => {
    const fields = paths(completeCard()).filter((path) => path.length > 0 && path.join() !== "metrics,f1");
    assertEquals(fields.length, 26);
    for (const path of fields) {
      const card = completeCard();
      const parent = path.slice(0, -1).reduce((at, key) => at[key], card);
      delete parent[path.at(-1)!];
      assertThrows(() => parseModelCard(card), TypeError, `"${fieldName(path)}" is missing`);
    }
  });

  it("names the field when any one has the wrong type", () => {
    for (
      const path of paths(completeCard()).filter((path) => path.length > 0 && path.join() !== "metrics,f1")
    ) {
      const card = completeCard();
      const parent = path.slice(0, -1).reduce((at, key) => at[key], card);
      parent[path.at(-1)!] = true;
      assertThrows(() => parseModelCard(card), TypeError, `"${fieldName(path)}`);
    }
  });

  const wrong: [what: string, message: string, spoil: (card: ReturnType<typeof completeCard>) => void][] = [
    ["a newer format", '"format" must be 1, is 2', (card) => card.format = 2],
    ["an unknown action unit", '"aus[1].au" AU3 is not', (card) => card.aus[1].au = 3],
    ["an action unit twice", '"aus" lists an action unit twice', (card) => card.aus[1].au = 1],
    ["no action units", '"aus" must be a list that is not empty', (card) => card.aus = []],
    ["a threshold of 1", '"aus[0].threshold" must lie between', (card) => card.aus[0].threshold = 1],
    ["an unknown emotion", '"emotions[1]" must be neutral', (card) => card.emotions[1] = "contempt"],
    [
      "a calibration that falls",
      '"aus[0].calibration" must have a slope above 0, is [-1,0]',
      (card) => card.aus[0].calibration = [-1, 0],
    ],
    [
      "a calibration of one number",
      '"aus[1].calibration" must hold 2 entries',
      (card) => card.aus[1].calibration = [1],
    ],
    ["an unknown output", '"outputs[1]" must be points or pose', (card) => card.outputs = ["gaze", "ears"]],
    ["an output twice", '"outputs" lists an output twice', (card) => card.outputs = ["gaze", "gaze"]],
    [
      "no outputs in a list of them",
      '"outputs" must be a list that is not empty',
      (card) => card.outputs = [],
    ],
    ["an emotion twice", '"emotions" lists', (card) => card.emotions[1] = "neutral"],
    ["half a pixel", '"input.size" must be a whole', (card) => card.input.size = 112.5],
    ["two means", '"input.mean" must hold 3', (card) => card.input.mean = [0, 0]],
    ["a mean that is text", '"input.mean[2]" must be a finite', (card) => card.input.mean[2] = "0"],
    ["a std of zero", '"input.std" must be above 0', (card) => card.input.std[1] = 0],
    ["a falling range", '"input.range" must rise', (card) => card.input.range = [1, -1]],
    ["another layout", '"input.layout" must be NCHW', (card) => card.input.layout = "NHWC"],
    [
      "points in another order",
      '"alignment.points" must be leftEye',
      (card) => card.alignment.points.reverse(),
    ],
    ["three template points", '"alignment.template" must hold 4', (card) => card.alignment.template.pop()],
    ["a bad point", '"alignment.template[0]" must hold 2', (card) => card.alignment.template[0] = [1]],
    [
      "an upper-case digest",
      'sha256" must be 64 lower-case',
      (card) => card.files["emoco.onnx"].sha256 = "AB".repeat(32),
    ],
    [
      "an unknown precision",
      'precision" must be float32',
      (card) => card.files["emoco.onnx"].precision = "int8",
    ],
    ["an empty licence", '"licence" must be text', (card) => card.licence = " "],
  ];
  for (const [what, message, spoil] of wrong) {
    it(`refuses ${what}`, () => {
      const card = completeCard();
      spoil(card);
      assertThrows(() => parseModelCard(card), TypeError, message);
    });
  }

  it("refuses what is no object at all", () => {
    for (const json of [null, [], "card", 3]) {
      assertThrows(() => parseModelCard(json), TypeError, "Model card: must be a JSON object");
    }
  });
});
