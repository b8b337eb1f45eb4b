/** What `finetune_fits.ts` asks of a supervised detector in place of the encoder with one layer. */
import { tf } from "../engine/backend.ts";
import type { FeedValues } from "../engine/state_values.ts";
import { toTensors } from "../engine/state_values.ts";
import type { ViewBatch } from "../input/views.ts";
import type { Detector } from "../detectors/detector.ts";
import {
  type DetectorFeeds,
  type DetectorState,
  detectorState,
  detectorStep,
  planDetector,
} from "../detectors/detector_step.ts";
import { detectorOf } from "../detectors/index.ts";
import { initStatistics, initWeights } from "../detectors/plan.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import type { StateValues } from "../runs/tensor_values.ts";
import type { Share } from "../scores/target.ts";
import type { AuModel } from "./au_model.ts";
import { detectorModel, viewPoints } from "./detector_model.ts";
import type { FinetuneRun } from "./finetune_run.ts";

/** Training of a detector. */
export interface DetectorFits {
  /** A state before the first step, by the labels of what is trained on. */
  fresh(labels: readonly (readonly Share[])[]): DetectorState;
  step(state: DetectorState, feeds: DetectorFeeds): ReturnType<typeof detectorStep>;
  /** What is fed of a batch beside the units' labels. @param at fit and step, which dropout is drawn by */
  feeds(batch: ViewBatch, at: { fit: number; step: number }): Partial<FeedValues<keyof DetectorFeeds>>;
  /** The detector at rest; its tensors are the caller's. */
  modelOf(state: StateValues): AuModel;
}

/** The training of the run's detector; `undefined` where it has none. */
export function detectorFits({ config, source, aus, faces }: FinetuneRun): DetectorFits | undefined {
  const model = detectorModel(config, { ...source.backbone, imageSize: source.imageSize }, aus);
  if (!model) return undefined;
  const detector: Detector = detectorOf(model.name);
  const plan = planDetector(detector, model.shape);
  return {
    fresh(labels) {
      const drawn = initWeights(plan, randomStream(config.seed, PURPOSE.weights, 3));
      const statistics = initStatistics(plan, detector.prepare?.(labels) ?? {});
      if (detector.hasTrunk) {
        for (const group of ["weights", "statistics"] as const) {
          const own = group === "weights" ? drawn : statistics;
          for (const [name, tensor] of Object.entries(source.backbone[group])) {
            tf.dispose(own[name]);
            own[name] = tf.clone(tensor);
          }
        }
      }
      return detectorState(drawn, statistics);
    },
    step: (state, feeds) => detectorStep(state, feeds, detector, model.shape, config.weightDecay),
    feeds(batch, { fit, step }) {
      const seed = { shape: [2], values: Int32Array.of(config.seed * 1000 + fit, step * 100) };
      if (detector.points === "never") return { dropoutSeed: seed };
      const values = viewPoints(Array.from(batch.indices, (i) => faces[i]), batch.placements);
      return { dropoutSeed: seed, points: { shape: [batch.indices.length, 68, 2], values } };
    },
    modelOf(state) {
      const { weights, statistics } = toTensors({ weights: state.weights, statistics: state.statistics });
      return {
        detector: model,
        backbone: { architecture: model.shape.trunk, weights, statistics },
        classifier: { weight: new Float32Array(0), bias: new Float32Array(aus.length) },
        aus,
      };
    },
  };
}
