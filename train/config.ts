/**
 * What a pretraining run can be told, the presets, and what of it cannot be.
 *
 * The resolved config is saved with the run, and a run is reproducible from it. This file is free of TensorFlow; a
 * rival's settings stand with its algorithm in `methods/` and are loaded when it is asked for.
 */
import { ConfigError, demandsOn } from "./runs/settings.ts";
import { PRECISIONS } from "./engine/precisions.ts";
import { isMethod, loadMethod, type MethodName, METHODS } from "./methods/index.ts";
import type { ClipShape } from "./input/clips.ts";
import type { Rival, RunSettings } from "./methods/method.ts";
import type { QueuedSettings } from "./methods/queued.ts";

/** Everything that shapes a run of EmoCo, or of one of its switches. */
export interface PretrainConfig extends RunSettings, QueuedSettings {}

/** Everything that shapes a run of any method; what is the method's own, only the method knows. */
export interface RunConfig extends RunSettings {
  /** Absent, as in older files, for EmoCo. */
  method?: MethodName;
}

/** What the paper preset of every method begins with (IV-B). For GPU servers: AffectNet at 256 px. */
const paperRun: RunSettings = {
  backbone: "resnet50",
  width: 1,
  stem: "imagenet",
  sgdMomentum: 0.9,
  weightDecay: 1e-4,
  epochs: 200,
  batchSize: 256,
  imageSize: 224,
  sampling: "natural",
  baseLearningRate: 0.03,
  views: "moco-v2",
  cropScale: [0.2, 1],
  precision: "float32",
  heldBack: 0.1,
  evaluateEvery: 10,
  logEvery: 50,
  checkpointEvery: 1000,
  seed: 0,
};

/** What the quick preset of every method begins with: a run of minutes on two CPU cores from the committed faces. */
const quickRun: RunSettings = {
  ...paperRun,
  backbone: "resnet18",
  width: 0.25, // 0.7 million weights: the step takes half a second on two cores, and the model suits a web page
  imageSize: 96,
  batchSize: 64,
  epochs: 24,
  baseLearningRate: 0.24, // few steps, a small net: eight times the paper's rate still descends steadily
  cropScale: [0.4, 1], // at 0.2 a view of 96 px often misses mouth or brows, and so the units to tell apart
  evaluateEvery: 6,
  logEvery: 10,
  checkpointEvery: 100,
};

/** The paper's setting (III and IV-B); what it leaves open follows MoCo v2. */
export const paper: PretrainConfig = {
  ...paperRun,
  projectionSize: 2048,
  embeddingSize: 128,
  queues: "per-emotion",
  normalization: "intra-class",
  losses: "both",
  classifierInput: "unit",
  temperature: 0.2,
  emotionWeight: 1,
  encoderMomentum: 0.999,
  batchNorm: "sync",
  batchNormGroups: 8,
  queueSize: 65536,
  queueFill: "random",
  rateCycles: 1,
};

/** EmoCo in minutes; every departure from the paper has its reason. */
export const quick: PretrainConfig = {
  ...paper,
  ...quickRun,
  projectionSize: 512, // the head of 2048 would have more weights than the backbone
  queueSize: "auto", // 65,536 keys would hold every face many times over
  queueFill: "masked", // a short run would spend much of itself against random vectors
  encoderMomentum: 0.99, // m = 0.999 averages over 1,000 steps, more than the run has
  emotionWeight: 4, // W starts small and q has unit length: at lambda 1 the emotion term wakes up too late
};

/** The presets of EmoCo by name. */
export const PRESETS = { quick, paper } as const;

/** MoCo by Table IV's switches. */
const MOCO = { queues: "single", normalization: "l2", losses: "contrastive" } as const;

/** ANCOR as its published code has it, where that differs from what EmoCo's text says of the two. */
const ANCOR = { classifierInput: "rectified", emotionWeight: 1 } as const;

/** Presets of the methods that are EmoCo's step with other switches. */
const SWITCHED: { [name in MethodName]?: { quick: PretrainConfig; paper: PretrainConfig } } = {
  emoco: PRESETS,
  moco: { quick: { ...quick, ...MOCO }, paper: { ...paper, ...MOCO } },
  ancor: {
    // Ten warm restarts leave a short run two epochs each: one cycle, and so the same schedule as all others.
    quick: { ...quick, ...ANCOR },
    paper: { ...paper, ...ANCOR, rateCycles: 10 },
  },
};

/** Presets of a method, and its check. */
export interface MethodSettings {
  presets: { [name in keyof typeof PRESETS]: RunSettings };
  /** @throws {ConfigError} naming the setting that cannot be */
  check(config: RunSettings): void;
  /** What a sample is, of methods on clips. */
  clip?(config: RunSettings): ClipShape;
}

/** What a run of a method can be told. Those of EmoCo and its switches are at hand; a rival comes with TensorFlow. */
export async function settingsOf(method: MethodName): Promise<MethodSettings> {
  const presets = SWITCHED[method];
  if (presets) return { presets, check: (config) => checkPretrainConfig(config as PretrainConfig) };
  const rival = await loadMethod(method) as Rival<RunSettings>;
  return {
    presets: {
      quick: { ...quickRun, ...rival.presets.quick },
      paper: { ...paperRun, ...rival.presets.paper },
    },
    check(config) {
      checkRun(config);
      rival.check(config);
    },
    ...(rival.clip && { clip: rival.clip }),
  };
}

/** @throws {ConfigError} listing the methods there are */
export function readMethod(name: string): MethodName {
  if (isMethod(name)) return name;
  throw new ConfigError(`--method=${name} does not exist; methods are ${Object.keys(METHODS).join(", ")}.`);
}

/**
 * Checks what types cannot say of a run of EmoCo or its switches.
 * @throws {ConfigError} naming the setting
 */
export function checkPretrainConfig(config: PretrainConfig): void {
  checkRun(config);
  const { demand, oneOf, atLeast } = demandsOn(config);
  oneOf("queues", ["per-emotion", "single"]);
  oneOf("normalization", ["intra-class", "l2"]);
  oneOf("losses", ["both", "emotion", "contrastive"]);
  if (config.classifierInput !== undefined) oneOf("classifierInput", ["unit", "rectified"]);
  oneOf("batchNorm", ["sync", "split"]);
  oneOf("queueFill", ["masked", "random"]);
  atLeast(["projectionSize", "batchNormGroups"], 1);
  if (config.rateCycles !== undefined) atLeast(["rateCycles"], 1);
  atLeast(["embeddingSize"], 2);
  atLeast(["emotionWeight", "encoderMomentum"], 0, "any");
  demand(config.temperature > 0, `temperature is ${config.temperature}; it must be above 0.`);
  demand(
    config.encoderMomentum <= 1,
    `encoderMomentum is ${config.encoderMomentum}; it must be between 0 and 1.`,
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

/** Checks what every run has. */
function checkRun(config: RunSettings): void {
  const { demand, oneOf, atLeast } = demandsOn(config);
  oneOf("backbone", ["resnet18", "resnet34", "resnet50"]);
  oneOf("stem", ["imagenet", "small"]);
  oneOf("sampling", ["natural", "balanced"]);
  oneOf("views", ["moco-v1", "moco-v2", "clip"]);
  oneOf("precision", PRECISIONS);
  atLeast(["epochs", "evaluateEvery", "logEvery", "checkpointEvery"], 1);
  atLeast(["batchSize"], 2);
  atLeast(["imageSize"], 32);
  atLeast(["seed"], 0);
  atLeast(["weightDecay", "baseLearningRate", "sgdMomentum"], 0, "any");
  demand(config.width > 0, `width is ${config.width}; it must be above 0.`);
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
}
