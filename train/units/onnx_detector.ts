/** A supervised detector as an ONNX file, with the model that finds its points inside where it needs points. */
import { fileURLToPath } from "node:url";
import { detectorOf } from "../detectors/index.ts";
import { fromHere } from "../runs/from_here.ts";
import { RunError } from "../runs/run_folder.ts";
import { type AuModel, outputNames } from "./au_model.ts";
import type { DetectorModel } from "./detector_model.ts";
import { GraphWriter, type Precision } from "./onnx_graph.ts";
import { onnxLayers, type Value } from "./onnx_layers.ts";

/** Whether a model's file holds another model that finds its points. */
export function needsPoints({ detector }: AuModel): boolean {
  return detector !== undefined && detectorOf(detector.name).points === "always";
}

/** What a model's file answers beside units, emotions and features, as its card names it. */
export function fileOutputs(model: AuModel): ReturnType<typeof outputNames> {
  return needsPoints(model) ? ["points"] : outputNames(model);
}

/** The flag of the programs that write and check a detector. */
export const POINTS_FLAG = {
  kind: "text",
  help: "for detectors that read points: emoco.onnx of the model that finds them (default: web/model)",
} as const;

/**
 * The file of the model that finds a detector's points; `undefined` where it needs none.
 * @throws {RunError} it cannot be read
 */
export function readPointsModel(
  model: AuModel,
  given?: string,
): Uint8Array<ArrayBuffer> | undefined {
  if (!needsPoints(model)) return undefined;
  const path = given
    ? fromHere(given)
    : fileURLToPath(new URL("../../web/model/emoco.onnx", import.meta.url));
  try {
    return Deno.readFileSync(path);
  } catch {
    throw new RunError(`--points=${path} cannot be read: it names the emoco.onnx of a model with points.`);
  }
}

/**
 * The bytes of a detector's `emoco.onnx`: `image` [N, 3, S, S] to `probabilities` [N, A] and `features` [N, F], and to
 * `points` [N, 68, 2] where it holds the model that finds them.
 * @param pointsModel the bytes of that model, an export with the output `points`; where it reads views of another side, it is
 * given these resized
 * @throws {RunError} a model of points that is missing or has no points
 */
export function detectorToOnnx(
  { detector, backbone }: AuModel & { detector: DetectorModel },
  precision: Precision,
  storage = precision,
  pointsModel?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const graph = new GraphWriter(precision, storage);
  const { name, shape } = detector, side = shape.imageSize;
  const l = onnxLayers(graph, backbone.weights, backbone.statistics);
  const image: Value = {
    name: graph.cast("image", precision),
    shape: [side, side, 3],
    isMap: true,
    isFixed: false,
  };
  let points: Value | undefined;
  if (detectorOf(name).points === "always") {
    const what = `--detector=${name} reads 68 points, which a model of ours finds`;
    if (!pointsModel) throw new RunError(`${what}: name its emoco.onnx by --points=FILE.`);
    const found = graph.include(pointsModel, "points.", side).get("points");
    if (!found) {
      throw new RunError(
        `${what}, and the given one has no output "points": finetune one with --pointsWeight=1, export it, and name ` +
          "its emoco.onnx by --points=FILE.",
      );
    }
    graph.output("points", found, [68, 2], false);
    points = { name: graph.cast(found, precision), shape: [68, 2], isMap: false, isFixed: false };
  }
  const { logits, features } = detectorOf(name).forward(l, { image, points }, shape);
  graph.output("probabilities", graph.node("Sigmoid", [logits.name]), logits.shape);
  graph.output("features", features.name, features.shape);
  return graph.bytes(side);
}
