/** A supervised detector as a run uses it: built for a source and its units, told of points, run on a loader's faces. */
import { type Tensor3D, tf } from "../engine/backend.ts";
import { toTensor } from "../engine/state_values.ts";
import { type Face, ManifestError } from "../input/data.ts";
import { PLACEMENT } from "../input/placement.ts";
import type { ViewLoader } from "../input/views.ts";
import type { Detector, DetectorShape, DetectorSize } from "../detectors/detector.ts";
import { planDetector, runDetector } from "../detectors/detector_step.ts";
import { detectorOf } from "../detectors/index.ts";
import type { DetectorName } from "../detectors/names.ts";
import { countParameters } from "../detectors/plan.ts";
import { type Architecture, initResNet, initRunningStatistics } from "../nets/resnet.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import { ConfigError } from "../runs/settings.ts";
import { geometryOf, placeGeometry } from "./face_geometry.ts";
import { type Backbone, takeValues } from "./features.ts";
import type { FinetuneConfig } from "./finetune_config.ts";
import type { Source } from "./finetune_run.ts";

/** Which detector a model is; its weights are the model's backbone's. */
export interface DetectorModel {
  name: DetectorName;
  shape: DetectorShape;
}

/** The trunk of the paper's sizes where no encoder is given. */
const PAPER_TRUNK: Architecture = { backbone: "resnet50", width: 1, stem: "imagenet" };

/** Where a run starts that names no encoder: a detector without a trunk of ours has no use for one. */
export function defaultSource({ detector }: FinetuneConfig): string | undefined {
  return detector === "linear" || detectorOf(detector).hasTrunk ? undefined : "random";
}

/** What a detector of `--preset=paper` starts from: views of the original's side, and a trunk of the published width. */
export function detectorSource(config: FinetuneConfig, source: Source): Source {
  if (config.detector === "linear" || config.preset === "quick") return source;
  const { paperImageSize: imageSize, hasTrunk } = detectorOf(config.detector);
  if (!hasTrunk || source.sha256) return { ...source, imageSize };
  const seed = Number(source.name.split(":")[1] ?? config.seed);
  const weights = initResNet(PAPER_TRUNK, randomStream(seed, PURPOSE.weights));
  tf.dispose([source.backbone.weights, source.backbone.statistics]);
  const statistics = initRunningStatistics(PAPER_TRUNK);
  return { ...source, imageSize, backbone: { architecture: PAPER_TRUNK, weights, statistics } };
}

/** The detector of a run; `undefined` for one layer on the encoder. */
export function detectorModel(
  { detector: name, preset }: { detector: "linear" | DetectorName; preset: DetectorSize },
  { architecture, imageSize }: { architecture: Architecture; imageSize: number },
  aus: readonly number[],
): DetectorModel | undefined {
  if (name === "linear") return undefined;
  return { name, shape: { imageSize, aus, trunk: architecture, sizes: detectorOf(name).sizes[preset] } };
}

/**
 * Refuses what a detector cannot be built for or learn from.
 * @throws {ConfigError} a side or a unit that does not fit, or intensities
 * @throws {ManifestError} faces without points
 */
export function checkDetector(
  model: DetectorModel,
  target: FinetuneConfig["target"],
  faces: readonly Face[],
  manifest: string,
): void {
  const detector = detectorOf(model.name);
  try {
    detector.check(model.shape);
    planDetector(detector, model.shape);
  } catch (error) {
    throw new ConfigError(`--detector=${model.name}: ${(error as Error).message}`);
  }
  if (target === "intensity" && detector.onlyOccurrence) {
    throw new ConfigError(
      `--detector=${model.name} cannot learn intensities: ${detector.onlyOccurrence}. Use --target=occurrence.`,
    );
  }
  if (detector.points === "never") return;
  const without = faces.filter((face) => Number.isNaN(pointsOf(face).reduce((sum, value) => sum + value, 0)));
  if (without.length === 0) return;
  throw new ManifestError(
    `${manifest}: ${without.length} of ${faces.length} faces, the first on line ${
      without[0].line
    }, have no 68 ` +
      `"landmarks", which --detector=${model.name} learns from. deno task align writes them, and deno task faces.`,
  );
}

/** What is said of a detector before it learns. */
export function describeDetector({ name, shape }: DetectorModel, preset: DetectorSize): string {
  const detector: Detector = detectorOf(name);
  const plan = planDetector(detector, shape);
  return `${detector.title} (${detector.paper}), ${preset}, views of ${shape.imageSize} px: ` +
    `${countParameters(plan).toLocaleString("en")} parameters, ${
      (plan.multiplyAdds / 1e6).toFixed(1)
    } million ` +
    `multiply-adds a face.\n  Not as there: ${detector.departures}.`;
}

/** A face's 68 points in pixels of its picture, [136]; NaN where it has none. */
function pointsOf(face: Face): Float32Array {
  return geometryOf(face).subarray(0, 2 * 68);
}

/** Points of a batch of views [B, 68, 2], in units of the view. @param placements see `ViewBatch` */
export function viewPoints(faces: readonly Face[], placements: Float32Array): Float32Array<ArrayBuffer> {
  const points = new Float32Array(faces.length * 2 * 68);
  faces.forEach((face, n) => {
    const placed = placeGeometry(
      geometryOf(face),
      placements.subarray(n * PLACEMENT, (n + 1) * PLACEMENT),
    );
    points.set(placed.subarray(0, 2 * 68), n * 2 * 68);
  });
  return points;
}

/**
 * A detector's answers on the plain views of the loader's faces at `indices`, row by row.
 * @param given points of these faces [N, 68, 2] in units of the crop, in place of those of their lines
 */
export async function predictByDetector(
  { name, shape }: DetectorModel,
  { weights, statistics }: Backbone,
  loader: ViewLoader,
  indices: Int32Array,
  onProgress: (done: number) => void,
  given?: Float32Array,
): Promise<{ probabilities: Float32Array<ArrayBuffer>; features: Float32Array<ArrayBuffer> }> {
  const detector = detectorOf(name);
  const { size } = loader.options, units = shape.aus.length;
  const probabilities = new Float32Array(indices.length * units);
  let features = new Float32Array(), done = 0;
  for await (const { indices: part, viewQ, placements } of loader.plainViews(indices)) {
    const values = given?.slice(done * 136, (done + part.length) * 136) ??
      viewPoints(Array.from(part, (i) => loader.faces[i]), placements);
    const outputs = tf.tidy(() => {
      const images = tf.tensor4d(viewQ, [part.length, size, size, 3]);
      const points = detector.points === "always"
        ? toTensor({ values, shape: [part.length, 68, 2] }) as Tensor3D
        : undefined;
      const { logits, features } = runDetector(detector, shape, { weights, statistics }, { images, points });
      return { probabilities: tf.sigmoid(logits), features };
    });
    probabilities.set(takeValues(outputs.probabilities), done * units);
    const rows = takeValues(outputs.features), width = rows.length / part.length;
    if (!features.length) features = new Float32Array(indices.length * width);
    features.set(rows, done * width);
    done += part.length;
    onProgress(done);
  }
  return { probabilities, features };
}
