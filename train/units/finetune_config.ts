/** What action-unit training can be told, and its defaults; the resolved config is saved with the run. */
import { ConfigError } from "../runs/settings.ts";
import { type Precision, PRECISIONS } from "../engine/precisions.ts";
import { hasHeads, type HeadWeights, NO_HEADS } from "./face_heads.ts";
import type { DetectorSize } from "../detectors/detector.ts";
import { DETECTOR_NAMES, type DetectorName } from "../detectors/names.ts";
import type { Target } from "../scores/target.ts";

/** Everything that shapes the action-unit training of a pretrained run. */
export interface FinetuneConfig extends HeadWeights {
  /** `linear`: one layer on the encoder; else a supervised detector of the paper's tables (`train/detectors`). */
  detector: "linear" | DetectorName;
  /** Size of a supervised detector: the original's, or one for two processor cores. */
  preset: DetectorSize;
  /** Whether units occur, or how strong they are (0-5); see `target.ts`. */
  target: Target;
  /** Frozen features and one layer, or the whole network (paper, IV-C). */
  protocol: "linear" | "finetune";
  /** Folds by subject (paper: 3 for DISFA and BP4D); 0 for none: only the model that is kept is fitted. */
  folds: number;
  /** Passes over a fold's faces (`finetune`; the paper converges in under 5, ME-GraphAU runs 20). */
  epochs: number;
  batchSize: number;
  /**
   * Where the classifier of `finetune` starts: at the linear protocol's on the frozen features, as Kumar et al. (2022)
   * found best, or at zeros. The paper is silent. From zeros a few hundred updates of a small rate cannot move the biases
   * to where rare units have them, and thresholds of 0.5 find nothing.
   */
  classifierStart: "probe" | "zeros";
  /**
   * Power of a unit's positive rate in the weight of its loss (`finetune`): 1 is ME-GraphAU's, for the dozen common units
   * of a data set; with two dozen, some of which occur once in a thousand faces, 1/2 keeps the others learning.
   */
  unitWeightPower: number;
  /** AdamW's rate of `finetune`; cosine to 0. The paper names no optimiser: ME-GraphAU's. */
  learningRate: number;
  weightDecay: number;
  /**
   * Every face once an epoch, or every data set (a line's `set`) by the root of its size (`sets`), so that a few hundred
   * photographs are not lost among many thousand renders (`finetune`).
   */
  sampling: "natural" | "sets";
  /** How training views vary (`finetune`): a little, or as much as pictures of other origin do; see `augment.ts`. */
  views: "finetune" | "adverse";
  /** Least and greatest share of a face that a training view shows (`finetune`). */
  cropScale: readonly [number, number];
  /**
   * Share of training views over which a mask, dark glasses or the like are laid (`finetune`): units behind them are not
   * learnt, and `visible` learns that they cannot be seen.
   */
  covers: number;
  /**
   * Share of training views that lie on their side or stand on their head (`finetune`): `visible` learns that nothing can
   * be read of them, so that a face that was found wrongly turned is not read as if it stood.
   */
  turns: number;
  /** Of the steps of `finetune`; see `precision.ts`. */
  precision: Precision;
  /** Steps of `linear`, on all features at once, and the rates that are tried on an inner split by subject. */
  probeSteps: number;
  probeRates: readonly number[];
  logEvery: number;
  checkpointEvery: number;
  seed: number;
}

/** Defaults of `deno task benchmark`, for the paper's data sets of about 100,000 faces. */
export const benchmarking: FinetuneConfig = {
  detector: "linear",
  preset: "quick",
  target: "occurrence",
  protocol: "linear",
  folds: 3,
  epochs: 20,
  batchSize: 64,
  classifierStart: "probe",
  unitWeightPower: 1,
  learningRate: 1e-4,
  weightDecay: 5e-4,
  sampling: "natural",
  views: "finetune",
  cropScale: [0.8, 1],
  covers: 0,
  turns: 0,
  ...NO_HEADS,
  precision: "float32",
  probeSteps: 300,
  probeRates: [0.003, 0.01, 0.03],
  logEvery: 10,
  checkpointEvery: 100,
  seed: 0,
};

/**
 * Defaults of `deno task finetune`, for about a thousand faces. Measured on the committed ones, from an encoder pretrained
 * for 40 epochs, mean of 3 folds: `--protocol=finetune` F1 57.5 and AUC 89.0 per cent, `--protocol=linear` 54.0 and 83.9.
 */
export const finetuning: FinetuneConfig = {
  ...benchmarking,
  batchSize: 16, // at 64 a fold of 700 faces has 220 updates, at which the backbone has hardly moved
  learningRate: 5e-4, // for the same reason; a small network bears it
};

/**
 * Checks what types cannot say.
 * @throws {ConfigError} naming the setting
 */
export function checkFinetuneConfig(config: FinetuneConfig): void {
  const detectors = ["linear", ...DETECTOR_NAMES];
  if (!detectors.includes(config.detector)) {
    throw new ConfigError(`--detector=${config.detector}: a detector is ${detectors.join(", ")}.`);
  }
  if (config.preset !== "quick" && config.preset !== "paper") {
    throw new ConfigError(`--preset=${config.preset}: a detector's preset is quick or paper.`);
  }
  if (config.detector === "linear" && config.preset === "paper") {
    throw new ConfigError(
      "--preset=paper is a supervised detector's; the encoder has the size of its pretraining.",
    );
  }
  if (config.detector !== "linear" && (config.protocol === "linear" || hasHeads(config))) {
    throw new ConfigError(
      `--detector=${config.detector} learns as a whole and action units alone: leave --protocol and the heads' weights away.`,
    );
  }
  if (config.protocol !== "linear" && config.protocol !== "finetune") {
    throw new ConfigError(`--protocol=${config.protocol}: a protocol is linear or finetune.`);
  }
  if (config.target !== "occurrence" && config.target !== "intensity") {
    throw new ConfigError(`target is ${config.target}; it can be occurrence or intensity.`);
  }
  if (!PRECISIONS.includes(config.precision)) {
    throw new ConfigError(`precision is ${config.precision}; it can be ${PRECISIONS.join(" or ")}.`);
  }
  if (config.classifierStart !== "probe" && config.classifierStart !== "zeros") {
    throw new ConfigError(`classifierStart is ${config.classifierStart}; it can be probe or zeros.`);
  }
  for (const key of ["epochs", "batchSize", "probeSteps", "logEvery", "checkpointEvery"] as const) {
    if (!Number.isInteger(config[key]) || config[key] < 1) {
      throw new ConfigError(`${key} is ${config[key]}; it must be a whole number of at least 1.`);
    }
  }
  if (!Number.isInteger(config.folds) || config.folds < 0 || config.folds === 1) {
    throw new ConfigError(
      `folds is ${config.folds}; it must be 0, for no folds, or a whole number of at least 2.`,
    );
  }
  if (config.sampling !== "natural" && config.sampling !== "sets") {
    throw new ConfigError(`sampling is ${config.sampling}; it can be natural or sets.`);
  }
  if (config.views !== "finetune" && config.views !== "adverse") {
    throw new ConfigError(`views is ${config.views}; it can be finetune or adverse.`);
  }
  for (const key of Object.keys(NO_HEADS) as (keyof HeadWeights)[]) {
    if (!(config[key] >= 0)) throw new ConfigError(`${key} is ${config[key]}; it must be at least 0.`);
    if (config[key] > 0 && config.protocol === "linear") {
      throw new ConfigError(
        `${key} is ${config[key]}; only --protocol=finetune learns heads beside the units.`,
      );
    }
  }
  if (!Number.isInteger(config.seed) || config.seed < 0) {
    throw new ConfigError(`seed is ${config.seed}; it must be a whole number of at least 0.`);
  }
  for (const rate of [config.learningRate, ...config.probeRates]) {
    if (!(rate > 0)) throw new ConfigError(`learningRate and probeRates must be above 0; one is ${rate}.`);
  }
  if (!(config.unitWeightPower >= 0 && config.unitWeightPower <= 1)) {
    throw new ConfigError(`unitWeightPower is ${config.unitWeightPower}; it must be between 0 and 1.`);
  }
  if (!(config.weightDecay >= 0)) {
    throw new ConfigError(`weightDecay is ${config.weightDecay}; it must be at least 0.`);
  }
  for (const key of ["covers", "turns"] as const) {
    if (config[key] >= 0 && config[key] <= 1) continue;
    throw new ConfigError(`${key} is ${config[key]}; it must be a share from 0 to 1.`);
  }
  if (config.detector !== "linear" && config.turns > 0) {
    throw new ConfigError(
      `--turns=${config.turns}: a supervised detector learns from faces that stand; leave --turns away.`,
    );
  }
  const [least, most] = config.cropScale;
  if (!(0 < least && least <= most && most <= 1)) {
    throw new ConfigError(
      `cropScale is ${least},${most}; it must be two shares, 0 < least <= most <= 1.`,
    );
  }
}
