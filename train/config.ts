/**
 * What a pretraining run can be told, the two presets, and overrides by `--key=value`.
 *
 * The resolved config is saved with the run, and a run is reproducible from it.
 */
import { ConfigError } from "./runs/settings.ts";
import { type Precision, PRECISIONS } from "./engine/precision.ts";
import type { ViewKind } from "./input/augment.ts";
import type { Method } from "./emoco.ts";
import type { Sampling } from "./input/walk.ts";

/** Everything that shapes a pretraining run. */
export interface PretrainConfig extends Method {
  /** Passes over the faces (paper: 200). */
  epochs: number;
  /** Faces a step (paper: 256). */
  batchSize: number;
  /** Side of a view in pixels (MoCo: 224). */
  imageSize: number;
  /** Every face once an epoch, or every emotion equally often (`balanced`: for unequal counts; the paper is silent). */
  sampling: Sampling;
  /** Learning rate at a batch of 256, scaled by batchSize / 256; cosine to 0 over the run (paper: 0.03). */
  baseLearningRate: number;
  /** Keys a ring (paper: 65536), or `auto`: under a quarter of the faces that feed it (see `queueSizes`). */
  queueSize: number | "auto";
  /** Empty slots stay out of the loss, or hold random unit vectors until they are written (MoCo). */
  queueFill: "masked" | "random";
  /** Augmentations of MoCo v2 (ours: head, temperature and schedule are v2's) or v1 (the paper's reference). */
  views: ViewKind;
  /** Least and greatest share of a face that a view shows (MoCo: 0.2 to 1). */
  cropScale: readonly [number, number];
  /** bfloat16 where the processor has it (see `precision.ts`); the paper is silent. */
  precision: Precision;
  /** Share of the pretraining subjects that is never trained on, for the probes during the run. */
  heldBack: number;
  /** Epochs between two probes: emotion kNN and a linear action-unit probe. */
  evaluateEvery: number;
  /** Steps between two lines in metrics.jsonl. */
  logEvery: number;
  /** Steps between two checkpoints; one more is written at the end and on Ctrl-C. */
  checkpointEvery: number;
  /** Start of all random streams. */
  seed: number;
}

/** Whether a method reads the faces' emotions; MoCo (one queue, no classifier in its losses) does not. */
export function readsEmotions({ queues, normalization, losses }: PretrainConfig): boolean {
  return queues !== "single" || normalization !== "l2" || losses !== "contrastive";
}

/** The paper's setting (III and IV-B); what it leaves open follows MoCo v2. For GPU servers: AffectNet at 256 px. */
export const paper: PretrainConfig = {
  backbone: "resnet50",
  width: 1,
  stem: "imagenet",
  projectionSize: 2048,
  embeddingSize: 128,
  queues: "per-emotion",
  normalization: "intra-class",
  losses: "both",
  temperature: 0.2,
  emotionWeight: 1,
  encoderMomentum: 0.999,
  sgdMomentum: 0.9,
  weightDecay: 1e-4,
  batchNorm: "sync",
  batchNormGroups: 8,
  epochs: 200,
  batchSize: 256,
  imageSize: 224,
  sampling: "natural",
  baseLearningRate: 0.03,
  queueSize: 65536,
  queueFill: "random",
  views: "moco-v2",
  cropScale: [0.2, 1],
  precision: "float32",
  heldBack: 0.1,
  evaluateEvery: 10,
  logEvery: 50,
  checkpointEvery: 1000,
  seed: 0,
};

/** A run of minutes on two CPU cores from the committed faces; every departure from the paper has its reason. */
export const quick: PretrainConfig = {
  ...paper,
  backbone: "resnet18",
  width: 0.25, // 0.7 million weights: the step takes half a second on two cores, and the model suits a web page
  imageSize: 96,
  batchSize: 64,
  epochs: 24,
  projectionSize: 512, // the head of 2048 would have more weights than the backbone
  queueSize: "auto", // 65,536 keys would hold every face many times over
  queueFill: "masked", // a short run would spend much of itself against random vectors
  encoderMomentum: 0.99, // m = 0.999 averages over 1,000 steps, more than the run has
  emotionWeight: 4, // W starts small and q has unit length: at lambda 1 the emotion term wakes up too late
  baseLearningRate: 0.24, // few steps, a small net: eight times the paper's rate still descends steadily
  cropScale: [0.4, 1], // at 0.2 a view of 96 px often misses mouth or brows, and so the units to tell apart
  evaluateEvery: 6,
  logEvery: 10,
  checkpointEvery: 100,
};

/** The presets by name. */
export const PRESETS = { quick, paper } as const;

/**
 * Checks what types cannot say.
 * @throws {ConfigError} naming the setting
 */
export function checkPretrainConfig(config: PretrainConfig): void {
  const demand = (holds: boolean, sentence: string) => {
    if (!holds) throw new ConfigError(sentence);
  };
  const oneOf = (key: keyof PretrainConfig, values: readonly unknown[]) =>
    demand(values.includes(config[key]), `${key} is "${config[key]}"; it can be ${values.join(", ")}.`);
  const atLeast = (key: keyof PretrainConfig, least: number, whole = true) => {
    const value = config[key] as number;
    const kind = whole ? "a whole number" : "a number";
    demand(
      value >= least && (!whole || Number.isInteger(value)),
      `${key} is ${value}; it must be ${kind} of at least ${least}.`,
    );
  };
  oneOf("backbone", ["resnet18", "resnet34", "resnet50"]);
  oneOf("stem", ["imagenet", "small"]);
  oneOf("queues", ["per-emotion", "single"]);
  oneOf("normalization", ["intra-class", "l2"]);
  oneOf("losses", ["both", "emotion", "contrastive"]);
  oneOf("batchNorm", ["sync", "split"]);
  oneOf("queueFill", ["masked", "random"]);
  oneOf("sampling", ["natural", "balanced"]);
  oneOf("views", ["moco-v1", "moco-v2"]);
  oneOf("precision", PRECISIONS);
  for (const key of ["epochs", "evaluateEvery", "logEvery", "checkpointEvery", "projectionSize"] as const) {
    atLeast(key, 1);
  }
  atLeast("embeddingSize", 2);
  atLeast("batchSize", 2);
  atLeast("imageSize", 32);
  atLeast("batchNormGroups", 1);
  atLeast("seed", 0);
  for (
    const key of [
      "emotionWeight",
      "weightDecay",
      "baseLearningRate",
      "sgdMomentum",
      "encoderMomentum",
    ] as const
  ) {
    atLeast(key, 0, false);
  }
  demand(config.width > 0, `width is ${config.width}; it must be above 0.`);
  demand(config.temperature > 0, `temperature is ${config.temperature}; it must be above 0.`);
  demand(
    config.encoderMomentum <= 1,
    `encoderMomentum is ${config.encoderMomentum}; it must be between 0 and 1.`,
  );
  demand(config.sgdMomentum < 1, `sgdMomentum is ${config.sgdMomentum}; it must be below 1.`);
  demand(
    config.heldBack > 0 && config.heldBack < 1,
    `heldBack is ${config.heldBack}; it must lie between 0 and 1.`,
  );
  const [least, most] = config.cropScale;
  demand(
    0 < least && least <= most && most <= 1,
    `cropScale is ${least},${most}; it must be two shares, 0 < least <= most <= 1.`,
  );
  demand(
    config.queueSize === "auto" ||
      config.queueSize >= config.batchSize && Number.isInteger(config.queueSize),
    `queueSize is ${config.queueSize}; it must be a whole number of at least one batch (${config.batchSize}), or "auto".`,
  );
  demand(
    config.batchNorm === "sync" ||
      config.batchSize % config.batchNormGroups === 0 && config.batchSize > config.batchNormGroups,
    `batchNormGroups is ${config.batchNormGroups}; it must divide batchSize (${config.batchSize}) into parts of two or more.`,
  );
}
