/** `deno task export`: writes `emoco.onnx` and its model card `emoco.json` into the run's folder. */
import type { AdaptedTo } from "../train/units/saved_config.ts";
import { EMOTIONS } from "@emoco/web/facs";
import { ALIGNMENT_POINTS, ALIGNMENT_TEMPLATE, type ModelCard, parseModelCard } from "@emoco/web/model-card";
import { basename, join } from "node:path";
import { MEAN, STD } from "../train/input/augment.ts";
import { openBackend } from "../train/engine/backend.ts";
import { sha256, writeAtomically } from "../train/runs/checkpoint.ts";
import { COMMITTED_CLIPS, COMMITTED_FACES } from "../train/input/data.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "../train/runs/flags.ts";
import type { Measures } from "../train/units/adaptation_measures.ts";
import { type CalibrationFile, readCalibration, thresholdsMetric } from "../train/units/calibration_file.ts";
import { disposeStored, loadModel, type StoredModel } from "../train/units/model_store.ts";
import { nameSet, termsOf } from "../train/scores/licensed_sets.ts";
import type { UnitScores } from "../train/scores/metrics.ts";
import { fileOutputs, POINTS_FLAG, readPointsModel } from "../train/units/onnx_detector.ts";
import { toOnnx } from "../train/units/onnx.ts";
import type { Precision } from "../train/units/onnx_graph.ts";
import { THRESHOLDS } from "../train/scores/target.ts";
import { exists } from "../train/runs/whole_file.ts";

/** Data sets that come with the project, by the names they have for others. */
const OWN = new Map([[COMMITTED_FACES, "rendered faces of EmoCo"], [
  COMMITTED_CLIPS,
  "rendered clips of EmoCo",
]]);

const FLAGS: FlagList = {
  from: { kind: "text", help: "run of a finished action-unit model (default: the newest)" },
  precision: { kind: "text", help: "float32 (default), or float16: emoco.f16.onnx beside emoco.onnx" },
  weights: {
    kind: "text",
    help:
      "how emoco.onnx keeps its weights: float32 (default), or float16, half as large; it computes in float32",
  },
  licence: {
    kind: "text",
    help: "terms of the model; required unless it was trained on the faces of this project",
  },
  faces: {
    kind: "text",
    help: "what the card tells of the faces that the model learnt from (default: the names of their folders)",
  },
  points: POINTS_FLAG,
  help: SHARED_FLAGS.help,
};

/** What every card says of its limits. */
const LIMITS =
  "Action units are movements of the face, not feelings. Not for decisions on hiring, schooling, insurance or policing; " +
  "only for people who have agreed to it.";
const POINTS_WITHIN = "The points that it reads are found by another model, which the file holds.";
const RENDERED = "Trained on rendered faces only: it has never seen a photograph.";

function main({ text }: Flags): void {
  const precision = text.precision ?? "float32";
  if (precision !== "float32" && precision !== "float16") {
    throw new UsageError(`--precision=${precision}: a precision is float32 or float16.`);
  }
  const weights = text.weights ?? "float32";
  if (weights !== "float32" && weights !== "float16") {
    throw new UsageError(`--weights=${weights}: weights are kept in float32 or float16.`);
  }
  console.log(describeEngine(openBackend({ device: "auto" })));
  const stored = loadModel(text.from);
  console.log(`Model ${stored.name}`);
  const learntFrom = [
    stored.config.pretrainingData,
    stored.config.data,
    ...stored.adapted.flatMap(({ data, rehearse }) => [data, rehearse]),
  ];
  const foreign = learntFrom.find((data) => data && !OWN.has(data));
  const { sets } = stored.config;
  if ((foreign !== undefined || sets.length > 0) && !text.licence) {
    const what = sets.length ? sets.map(nameSet).join(" and ") : foreign;
    throw new UsageError(
      `${stored.name} was trained on ${what}; name the terms of that data set by --licence="..."; they go into the card.`,
    );
  }
  const { folder } = stored;
  const pointsModel = readPointsModel(stored.model, text.points);
  const wanted: [string, Precision][] = [["emoco.onnx", "float32"]];
  // One that is there already stays in the card: a file beside the model that no card vouches for is of no use.
  const half = "emoco.f16.onnx";
  if (precision === "float16" || exists(join(folder, half))) wanted.push([half, "float16"]);
  const files: Record<string, ModelCard["files"][string]> = {};
  for (const [name, kind] of wanted) {
    const halves = kind === "float32" && weights === "float16";
    const bytes = toOnnx(stored.model, stored.config.imageSize, kind, halves ? "float16" : kind, pointsModel);
    writeAtomically(join(folder, name), [bytes]);
    files[name] = { sha256: sha256(bytes), precision: kind, ...halves && { weights } };
    const kept = halves ? ", weights kept in float16" : "";
    console.log(`${join(folder, name)}: ${(bytes.length / 1e6).toFixed(1)} MB, ${kind}${kept}`);
  }
  const origin = sets.length ? termsOf(sets) : foreign === undefined ? RENDERED : "";
  const within = pointsModel ? POINTS_WITHIN : "";
  const limits = [origin, within, ...stored.adapted.map(adaptationSentence), LIMITS].filter(Boolean).join(
    " ",
  );
  const calibration = readCalibration(folder, stored.model.aus, files["emoco.onnx"].sha256);
  const card = cardOf(stored, files, {
    licence: text.licence ?? "MIT",
    limits,
    faces: text.faces,
    calibration,
  });
  parseModelCard(JSON.parse(JSON.stringify(card))); // what is written must be what the detector accepts
  writeAtomically(join(folder, "emoco.json"), JSON.stringify(card, null, 2) + "\n");
  const holds = calibration ? `, with the thresholds and probabilities fitted to ${calibration.data}` : "";
  console.log(`${join(folder, "emoco.json")}: the model card${holds}`);
  console.log(`Next: deno task verify`);
  disposeStored(stored);
}

function cardOf(
  { folder, name, model, config, subjects, adapted }: StoredModel,
  files: ModelCard["files"],
  { licence, limits, faces, calibration }: {
    licence: string;
    limits: string;
    faces?: string;
    calibration?: CalibrationFile;
  },
): ModelCard {
  const outputs = fileOutputs(model);
  return {
    format: 1,
    name: "emoco",
    version: name,
    target: config.target,
    aus: calibration
      ? calibration.units.map(({ au, threshold, calibration }) => ({ au, threshold, calibration }))
      : model.aus.map((au) => ({ au, threshold: THRESHOLDS[config.target] })),
    emotions: model.emotionHead ? EMOTIONS : null,
    ...outputs.length > 0 && { outputs },
    input: {
      size: config.imageSize,
      layout: "NCHW",
      channels: "RGB",
      range: [0, 1],
      mean: [...MEAN],
      std: [...STD],
    },
    alignment: { points: ALIGNMENT_POINTS, template: ALIGNMENT_TEMPLATE },
    training: {
      data: [
        ...faces ? [faces] : folderNames(config),
        ...config.sets.map(nameSet).map((name) => `set ${name}`),
        ...adapted.map(({ data }) => `adapted without labels to ${dataName(data)}`),
        ...adapted.flatMap(({ rehearse }) => rehearse ? [`beside ${dataName(rehearse)}`] : []),
      ].join(", "),
      subjectsSha256: sha256(Object.values<string[]>({ ...subjects }).flat().sort().join("\n")),
    },
    metrics: { ...measures(folder), ...(calibration ? { thresholds: thresholdsMetric(calibration) } : {}) },
    files,
    licence,
    limits,
  };
}

/** What a card says of an adaptation. */
function adaptationSentence({ how, data, splits, faces, people }: AdaptedTo): string {
  const what = how === "teacher" ? "self-training" : "batch norm's statistics";
  return `Adapted by ${what} to ${faces} unlabelled faces of ${people} people of ${dataName(data)}` +
    `${splits.length ? ` (split ${splits.join(", ")})` : ""}: it suits faces like those.`;
}

/** Of the folders that encoder and units were learnt from. */
function folderNames({ pretrainingData, data }: StoredModel["config"]): string[] {
  return [...new Set([pretrainingData, data].flatMap((folder) => folder ? [dataName(folder)] : []))];
}

/** The name that a data set has for others: its folder's, since the way to it is of this machine only. */
function dataName(data: string): string {
  return OWN.get(data) ?? basename(data.replace(/[\\/]manifest\.jsonl$/, ""));
}

/** What is known of the model's quality: the folds', and the test's where `deno task evaluate` has run before. */
function measures(folder: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [key, file] of [["folds", "folds.json"], ["test", "evaluation-test.json"]] as const) {
    try {
      const { averages, units, groups } = JSON.parse(Deno.readTextFileSync(join(folder, file)));
      const perUnit = (units as UnitScores[]).map(({ au, f1, auc, icc, pcc, mae }) =>
        icc === undefined ? { au, f1, auc } : { au, f1, auc, icc, pcc, mae }
      );
      found[key] = { averages, units: perUnit, ...(groups ? { groups } : {}) };
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  try {
    const { before, after } = JSON.parse(Deno.readTextFileSync(join(folder, "adaptation.json")));
    const plain = ({ faces, agreement, sameDecision, entropy }: Measures) => ({
      faces,
      agreement,
      sameDecision,
      entropy,
    });
    found.adaptation = { before: plain(before), after: plain(after) };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found;
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task export: write an action-unit model as ONNX with its model card.",
    flags: FLAGS,
  }, main);
}
