/** What an adaptation can be told, and its defaults; the resolved config is saved with the run. */
import { type Precision, PRECISIONS } from "../engine/precisions.ts";
import { ConfigError } from "../runs/settings.ts";

/** Everything that shapes the adaptation of a finished model to unlabelled faces. */
export interface AdaptConfig {
  /**
   * `teacher`: self-training with a mean teacher (Tarvainen & Valpola 2017); `statistics`: nothing but batch norm's means
   * and variances are taken anew from the faces (AdaBN, Li et al. 2017).
   */
  how: "teacher" | "statistics";
  /** How often the teacher reads all faces anew (`teacher`). */
  rounds: number;
  /** Passes over the faces in a round (`teacher`). */
  epochs: number;
  batchSize: number;
  /** AdamW's rate; cosine to 0 over all rounds. */
  learningRate: number;
  weightDecay: number;
  /** Share of the average that stays at each step; the average is the next round's teacher, and the model in the end. */
  averageMomentum: number;
  /** How the student's views vary: a little, or as much as bad pictures do; see `augment.ts`. */
  views: "finetune" | "adverse";
  /** Least and greatest share of a face that the student's view shows. */
  cropScale: readonly [number, number];
  /** Share of every batch that is labelled faces, where there are any (`--rehearse`). */
  rehearsal: number;
  /** Share of the new statistics in the mean of old and new ones (`statistics`). */
  statisticsShare: number;
  /** Faces that are measured before, between and after, at most. */
  measured: number;
  precision: Precision;
  logEvery: number;
  checkpointEvery: number;
  seed: number;
}

/** Defaults of `deno task adapt`. */
export const adapting: AdaptConfig = {
  how: "teacher",
  rounds: 4,
  epochs: 3,
  batchSize: 32,
  learningRate: 1e-4,
  weightDecay: 5e-4,
  averageMomentum: 0.99,
  views: "adverse",
  cropScale: [0.85, 1],
  rehearsal: 0.5,
  statisticsShare: 1,
  measured: 1000,
  precision: "float32",
  logEvery: 10,
  checkpointEvery: 100,
  seed: 0,
};

/**
 * Checks what types cannot say.
 * @throws {ConfigError} naming the setting
 */
export function checkAdaptConfig(config: AdaptConfig): void {
  const { how, views, precision, averageMomentum, rehearsal, statisticsShare, cropScale } = config;
  if (how !== "teacher" && how !== "statistics") {
    throw new ConfigError(`--how=${how}: a model is adapted by a teacher or by statistics.`);
  }
  if (views !== "finetune" && views !== "adverse") {
    throw new ConfigError(`views is ${views}; it can be finetune or adverse.`);
  }
  if (!PRECISIONS.includes(precision)) {
    throw new ConfigError(`precision is ${precision}; it can be ${PRECISIONS.join(" or ")}.`);
  }
  for (const key of ["rounds", "epochs", "measured", "logEvery", "checkpointEvery"] as const) {
    if (!Number.isInteger(config[key]) || config[key] < 1) {
      throw new ConfigError(`${key} is ${config[key]}; it must be a whole number of at least 1.`);
    }
  }
  if (!Number.isInteger(config.batchSize) || config.batchSize < 2) {
    throw new ConfigError(
      `batchSize is ${config.batchSize}; batch norm needs a whole number of at least 2 faces.`,
    );
  }
  if (!Number.isInteger(config.seed) || config.seed < 0) {
    throw new ConfigError(`seed is ${config.seed}; it must be a whole number of at least 0.`);
  }
  if (!(config.learningRate > 0)) {
    throw new ConfigError(`learningRate is ${config.learningRate}; it must be above 0.`);
  }
  if (!(config.weightDecay >= 0)) {
    throw new ConfigError(`weightDecay is ${config.weightDecay}; it must be at least 0.`);
  }
  if (!(averageMomentum >= 0 && averageMomentum < 1)) {
    throw new ConfigError(`averageMomentum is ${averageMomentum}; it must be at least 0 and below 1.`);
  }
  if (!(rehearsal > 0 && rehearsal < 1)) {
    throw new ConfigError(`rehearsal is ${rehearsal}; it must be a share between 0 and 1.`);
  }
  if (!(statisticsShare > 0 && statisticsShare <= 1)) {
    throw new ConfigError(`statisticsShare is ${statisticsShare}; it must be above 0 and at most 1.`);
  }
  const [least, most] = cropScale;
  if (!(0 < least && least <= most && most <= 1)) {
    throw new ConfigError(`cropScale is ${least},${most}; it must be two shares, 0 < least <= most <= 1.`);
  }
}
