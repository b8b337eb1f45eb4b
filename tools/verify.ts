/**
 * `deno task verify`: loads `emoco.onnx` and `emoco.json` in onnxruntime-web, as the page and the server do, and
 * compares them with the training forward pass on the same faces. Another program than the one that wrote the file.
 */
import * as ort from "onnxruntime-web";
import { EMOTIONS } from "@emoco/web/facs";
import { ALIGNMENT_TEMPLATE, type ModelCard, parseModelCard } from "@emoco/web/model-card";
import { join } from "node:path";
import { outputNames, predict, type Predictions } from "../train/units/au_model.ts";
import { MEAN, STD } from "../train/input/augment.ts";
import { openBackend } from "../train/engine/backend.ts";
import { type Face, manifestPath, readManifest } from "../train/input/data.ts";
import { viewOptions } from "../train/units/finetune_run.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "../train/runs/flags.ts";
import { CALIBRATION_FILE, readCalibration } from "../train/units/calibration_file.ts";
import { disposeStored, loadModel, type StoredModel } from "../train/units/model_store.ts";
import { pointsOf, toNchw } from "./verify/points.ts";
import { POINTS_FLAG, readPointsModel } from "../train/units/onnx_detector.ts";
import { toOnnx } from "../train/units/onnx.ts";
import { THRESHOLDS } from "../train/scores/target.ts";
import { ViewLoader } from "../train/input/views.ts";
import { sha256 } from "../train/runs/whole_file.ts";

const FLAGS: FlagList = {
  from: { kind: "text", help: "run of a finished and exported action-unit model (default: the newest)" },
  faces: { kind: "text", help: "how many faces are compared (default: 64)" },
  points: POINTS_FLAG,
  help: SHARED_FLAGS.help,
};

/**
 * Greatest difference that passes: of shares of 1 (probabilities, emotions, what can be seen) and of lengths in units of
 * the crop or the eyes' distance as they are; of numbers without such a unit as a share of the greatest one. By how a file
 * keeps its weights.
 */
const TOLERANCE = { float32: 1e-4, float16: 5e-3 } as const;
/** Numbers of any size, and angles in degrees. */
const RELATIVE: readonly string[] = ["features", "pose", "gaze"];

/** A file that does not do what the training did; the message says which and by how much. */
class VerifyError extends Error {
  override name = "VerifyError";
}

async function main({ text }: Flags): Promise<void> {
  const most = Number(text.faces ?? 64);
  if (!Number.isInteger(most) || most < 1) {
    throw new UsageError(`--faces=${text.faces}: it must be a whole number of at least 1.`);
  }
  console.log(
    `${describeEngine(openBackend({ device: "auto" }))}; onnxruntime-web ${ort.env.versions.web}, wasm`,
  );
  const stored = loadModel(text.from);
  const { folder, config, model } = stored;
  const card = readCard(join(folder, "emoco.json"));
  checkCard(card, stored);
  checkThresholds(card, stored);
  const manifest = manifestPath(config.data);
  const faces = readManifest(manifest, { skipBroken: config.skipBroken }).slice(0, most);
  console.log(`Model ${stored.name}, ${faces.length} faces of ${manifest}.`);
  using loader = new ViewLoader(faces, viewOptions(config, config.imageSize));
  const everyone = Int32Array.from(faces, (_, i) => i);
  const pointsModel = readPointsModel(model, text.points);
  // By a session of its own: what the model's file says of points must be what the model of points says.
  const points = pointsModel && await pointsOf(await openSession(pointsModel), faces, loader);
  const answers = await predict(model, loader, everyone, undefined, points);
  const expected = points ? { ...answers, points } : answers;
  let fails = 0;
  for (const [name, { sha256: sum, precision, weights = precision }] of Object.entries(card.files)) {
    const bytes = read(join(folder, name), (path) => Deno.readFileSync(path));
    if (sha256(bytes) !== sum) {
      throw new VerifyError(
        `${join(folder, name)} is not the file that its card names: its SHA-256 differs.`,
      );
    }
    const differences = await compare(bytes, faces, loader, expected);
    const tolerance = TOLERANCE[weights];
    const passes = Object.values(differences).every((value) => value <= tolerance);
    if (!passes) fails++;
    const list = Object.entries(differences).map(([output, value]) => `${output} ${value.toExponential(1)}`)
      .join(", ");
    console.log(
      `${name} (${precision}${
        weights === precision ? "" : `, weights in ${weights}`
      }): greatest difference over ${faces.length} faces: ${list}; ` +
        `allowed ${tolerance}: ${passes ? "passes" : "FAILS"}`,
    );
    // A bit of a weight that moves no probability by that much is an altered file all the same.
    if (passes && sha256(toOnnx(model, config.imageSize, precision, weights, pointsModel)) !== sum) {
      throw new VerifyError(
        `${join(folder, name)} is not, byte for byte, what this version writes for ${stored.name}: ` +
          "run deno task export again.",
      );
    }
  }
  disposeStored(stored);
  if (fails) {
    throw new VerifyError(`${folder}: the exported model does not compute what was trained. Do not use it.`);
  }
}

/** @throws {VerifyError} unreadable, or no model card */
function readCard(path: string): ModelCard {
  try {
    return parseModelCard(JSON.parse(read(path, (path) => Deno.readTextFileSync(path))));
  } catch (error) {
    if (error instanceof VerifyError) throw error;
    throw new VerifyError(
      `${path} is no model card (${(error as Error).message}): run deno task export again.`,
    );
  }
}

/** @throws {VerifyError} naming the first field of the card that the training would contradict */
function checkCard(
  { aus, emotions, outputs, input, alignment }: ModelCard,
  { folder, model, config }: StoredModel,
): void {
  const pairs: [field: string, card: unknown, training: unknown][] = [
    ["aus", aus.map(({ au }) => au), model.aus],
    ["emotions", emotions, model.emotionHead ? EMOTIONS : null],
    ["outputs", outputs ?? [], outputNames(model)],
    ["input.size", input.size, config.imageSize],
    ["input.range", input.range, [0, 1]],
    ["input.mean", input.mean, MEAN],
    ["input.std", input.std, STD],
    ["alignment.template", alignment.template, ALIGNMENT_TEMPLATE],
  ];
  for (const [field, said, trained] of pairs) {
    const [ours, theirs] = [JSON.stringify(said), JSON.stringify(trained)];
    if (ours === theirs) continue;
    throw new VerifyError(
      `${join(folder, "emoco.json")}: "${field}" is ${ours}, but the model was trained with ${theirs}: ` +
        "run deno task export again.",
    );
  }
}

/** @throws {VerifyError} the card's thresholds and probabilities are not those that were fitted to this model */
function checkThresholds({ aus, files }: ModelCard, { folder, model, config }: StoredModel): void {
  const fitted = readCalibration(folder, model.aus, files["emoco.onnx"].sha256);
  const expected = fitted?.units.map(({ au, threshold, calibration }) => ({ au, threshold, calibration })) ??
    model.aus.map((au) => ({ au, threshold: THRESHOLDS[config.target] }));
  const wrong = aus.findIndex((unit, a) => JSON.stringify(unit) !== JSON.stringify(expected[a]));
  if (wrong < 0) return;
  throw new VerifyError(
    `${join(folder, "emoco.json")}: ${JSON.stringify(aus[wrong])} of "aus" is not what ${
      fitted ? CALIBRATION_FILE : "its training"
    } gives, ${JSON.stringify(expected[wrong])}: run deno task export again.`,
  );
}

/** Greatest difference of every output, see `TOLERANCE`. */
async function compare(
  bytes: Uint8Array,
  faces: readonly Face[],
  loader: ViewLoader,
  expected: Predictions,
): Promise<Record<string, number>> {
  const session = await openSession(bytes);
  const { size } = loader.options;
  const differences: Record<string, number> = {};
  const scales = new Map(
    RELATIVE.map((name) => [name, greatest(expected[name as keyof Predictions] ?? new Float32Array())]),
  );
  const known = Object.entries(expected).filter(([, values]) => values).map(([name]) => name);
  const missing = known.find((name) => !session.outputNames.includes(name));
  if (missing) throw new VerifyError(`The file has no output "${missing}", which the training has.`);
  let done = 0;
  for await (const { indices, viewQ } of loader.plainViews(Int32Array.from(faces, (_, i) => i))) {
    const outputs = await session.run({
      image: new ort.Tensor("float32", toNchw(viewQ, size), [indices.length, 3, size, size]),
    });
    for (const [name, output] of Object.entries(outputs)) {
      const reference = expected[name as keyof Predictions];
      if (!reference) {
        throw new VerifyError(`The file has an output "${name}" that the training does not know.`);
      }
      const values = output.data as Float32Array;
      const columns = values.length / indices.length;
      values.forEach((value, i) => {
        const difference = Math.abs(value - reference[done * columns + i]) / (scales.get(name) ?? 1);
        // A NaN must not pass as "no difference".
        differences[name] = Math.max(
          differences[name] ?? 0,
          Number.isNaN(difference) ? Infinity : difference,
        );
      });
      output.dispose();
    }
    done += indices.length;
  }
  await session.release();
  return differences;
}

/** The greatest magnitude, 1 at least. */
function greatest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
}

/** @throws {VerifyError} onnxruntime cannot load the file */
async function openSession(bytes: Uint8Array): Promise<ort.InferenceSession> {
  try {
    return await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  } catch (error) {
    throw new VerifyError(`onnxruntime-web cannot load the file (${(error as Error).message}).`);
  }
}

function read<T>(path: string, open: (path: string) => T): T {
  try {
    return open(path);
  } catch {
    throw new VerifyError(`${path} cannot be read: run deno task export first.`);
  }
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task verify: compare an exported model with the training forward pass.",
    flags: FLAGS,
  }, main);
}
