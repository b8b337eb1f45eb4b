/**
 * For the tests of action-unit training: labelled toy faces, a pretrained run that nobody had to train, and the programs
 * as their user runs them, with the permissions that their tasks name and no others.
 */
import { EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Scalar, tf } from "../../train/engine/backend.ts";
import { loadCheckpoint, saveCheckpoint } from "../../train/runs/checkpoint.ts";
import { quick } from "../../train/config.ts";
import { finetuning } from "../../train/units/finetune_config.ts";
import { initEncoder, initLinear } from "../../train/nets/encoder.ts";
import { normal, randomStream } from "../../train/runs/random.ts";
import { featureCount, initRunningStatistics, mapSide, type Weights } from "../../train/nets/resnet.ts";
import { GEOMETRY_SIZE } from "../../train/units/face_geometry.ts";
import { geometryParts } from "../../train/units/face_heads.ts";
import type { CalibrationFile } from "../../train/units/calibration_file.ts";
import { decode, drawFaces, type Line, type Outcome, writeManifest } from "./toy_faces.ts";

/** Settings of a finetuning that takes seconds. */
export const SHORT = ["--epochs=2", "--batchSize=16", "--logEvery=1", "--probeSteps=20"];

/** Config of the pretrained run. */
export const TOY = {
  ...quick,
  width: 0.125,
  imageSize: 32,
  batchSize: 16,
  projectionSize: 16,
  embeddingSize: 8,
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Draws `subjects` x 7 faces labelled with AU4, AU12 and AU25, some labels missing, with skin group and pose: the first
 * subject is of split `pretrain`, the last of `test`, all others of `au`.
 */
export async function drawLabelledFaces(folder: string, subjects: number): Promise<Line[]> {
  const drawn = await drawFaces(folder, subjects);
  const names = [...new Set(drawn.map((line) => line.subject))];
  const lines = drawn.map((line, i) => {
    const random = randomStream(5, i);
    const subject = names.indexOf(line.subject);
    return {
      ...line,
      split: subject === 0 ? "pretrain" : subject === names.length - 1 ? "test" : "au",
      present: {
        ...line.present as Record<string, number>,
        12: random() < 0.1 ? null : Number(line.emotion === "happy" || random() < 0.3),
        25: Number(random() < 0.5),
      },
      skin: 1 + subject % 3,
      pose: { yaw: [-25, -12, 0, 5, 10, 15, 20][i % 7], pitch: 0, roll: 0 },
    };
  });
  await writeManifest(folder, lines);
  return lines;
}

/** Writes a pretrained run `runs/<name>` of random weights whose batch norm is as uneven as a trained one's. */
export function writePretrainedRun(
  cwd: string,
  name: string,
  { seed = 0, subjects = ["s00"], changes = {} as Partial<typeof TOY>, data = "faces" } = {},
): void {
  const config = { program: "pretrain", preset: "quick", data: join(cwd, data), ...TOY, ...changes };
  const random = randomStream(3, seed);
  const weights = initEncoder(config, random);
  const { "w.weight": transposed } = initLinear("w", config.embeddingSize, EMOTIONS.length, random);
  weights["classifier.weight"] = tf.mul(tf.transpose(transposed), 5);
  const statistics = initRunningStatistics(config);
  unsettle(weights, statistics, random);
  const folder = join(cwd, "runs", name);
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config));
  saveCheckpoint(folder, {
    state: { weights: read(weights), statistics: read(statistics) },
    config,
    position: { step: 1 },
    subjects: { pretraining: subjects, actionUnits: [] },
  });
  tf.dispose([weights, statistics]);
}

/** Weights of all heads, as settings of a finetuning. */
export const ALL_HEADS = {
  emotionWeight: 1,
  pointsWeight: 1,
  poseWeight: 1,
  gazeWeight: 1,
  opennessWeight: 1,
  visibleWeight: 1,
};

/**
 * Writes a finished action-unit model `runs/<name>` on the backbone of a pretrained run, with a random classifier, and
 * random heads for geometry and visibility where `changes` gives them a weight.
 */
export function writeModelRun(
  cwd: string,
  name: string,
  { from = "pre", emotions = true, subjects = ["s01"], changes = {} as Record<string, unknown> } = {},
): void {
  const pretrained = loadCheckpoint<unknown>(join(cwd, "runs", from));
  const { backbone, width, stem, imageSize, data } = pretrained.config as typeof TOY & { data: string };
  const config = {
    program: "finetune",
    ...finetuning,
    from,
    data,
    splits: ["au"],
    skipBroken: false,
    pretrainingData: data,
    sets: [],
    aus: [4, 12, 25],
    architecture: { backbone, width, stem },
    imageSize,
    ...changes,
  };
  const isHead = (key: string) => /^(projection|classifier)\./.test(key);
  const part = (head: boolean) =>
    Object.fromEntries(Object.entries(pretrained.state.weights).filter(([key]) => isHead(key) === head));
  const random = randomStream(4);
  const count = featureCount(config.architecture);
  const values = (length: number) => Float32Array.from({ length }, () => normal(random) / Math.sqrt(count));
  const weights = {
    ...part(false),
    "au.weight": { shape: [count, 3], values: values(3 * count) },
    "au.bias": { shape: [3], values: values(3) },
  };
  const map = mapSide(config.architecture, imageSize) ** 2 * count;
  const heads = {
    ...(geometryParts(config).length && {
      "geometry.weight": {
        shape: [map, GEOMETRY_SIZE],
        values: values(map * GEOMETRY_SIZE).map((w) => 0.3 * w),
      },
      "geometry.bias": { shape: [GEOMETRY_SIZE], values: values(GEOMETRY_SIZE).map((b) => 5 + b) },
    }),
    ...(config.visibleWeight > 0 && {
      "visible.weight": { shape: [count, 3], values: values(3 * count) },
      "visible.bias": { shape: [3], values: Float32Array.of(1, 0, -1) },
    }),
  };
  const folder = join(cwd, "runs", name);
  Deno.mkdirSync(folder, { recursive: true });
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config));
  saveCheckpoint(folder, {
    state: { weights, statistics: pretrained.state.statistics, emotion: emotions ? part(true) : {}, heads },
    config,
    position: { finished: true },
    subjects: { pretraining: pretrained.subjects.pretraining, actionUnits: subjects },
  });
}

/** A `calibration.json` of the model whose file has that digest, for units 4, 12 and 25. */
export function toyCalibration(digest: string): CalibrationFile {
  const own = { positives: 9, faces: 20, from: "its own faces" } as const;
  return {
    format: 1,
    model: { file: "emoco.onnx", sha256: digest },
    data: "photographs",
    split: "test",
    half: "even",
    faces: 20,
    people: 18,
    notFound: 1,
    rule: "Where precision and recall meet.",
    units: [
      { au: 4, ...own, calibration: [1.5, 0.5], threshold: 0.4 },
      { au: 12, ...own, calibration: [0.8, -1], threshold: 0.6 },
      { au: 25, positives: 2, faces: 20, from: "all units together", calibration: [1.1, 0], threshold: 0.5 },
    ],
  };
}

/** Moves batch norm away from the identity that fresh networks start at. */
export function unsettle(weights: Weights, statistics: Weights, random: () => number): void {
  const draw = (old: Weights, name: string, from: number, to: number) => {
    const values = Float32Array.from(old[name].dataSync(), () => from + (to - from) * random());
    const shape = old[name].shape;
    old[name].dispose();
    old[name] = tf.tensor(values, shape);
  };
  for (const name of Object.keys(statistics)) {
    if (name.endsWith("running_mean")) draw(statistics, name, -0.3, 0.3);
    else draw(statistics, name, 0.5, 2);
  }
  for (const name of Object.keys(weights)) {
    if (/(bn\d|downsample\.1)\.weight$/.test(name)) draw(weights, name, 0.5, 1.5);
    else if (/(bn\d|downsample\.1)\.bias$/.test(name)) draw(weights, name, -0.3, 0.3);
  }
}

function read(weights: Weights) {
  return Object.fromEntries(
    Object.entries(weights).map(([name, tensor]) => [name, {
      shape: tensor.shape,
      values: (tensor as Scalar).dataSync().slice() as Float32Array<ArrayBuffer>,
    }]),
  );
}

/** Starts the program of a task in `cwd`; `outcome` resolves when it has ended. */
export function startTask(
  task: string,
  cwd: string,
  args: readonly string[],
): { child: Deno.ChildProcess; outcome: Promise<Outcome> } {
  const words = TASKS[task].command.replace("$(deno eval -p 'Deno.execPath()')", Deno.execPath()).split(" ");
  const script = words.find((word) => word.endsWith(".ts"))!;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      `--config=${join(ROOT, "deno.json")}`,
      ...words.filter((word) => word.startsWith("--allow-")),
      join(ROOT, script),
      ...args,
    ],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { child, outcome: child.output().then(decode) };
}

/** Runs the program of a task to its end. */
export function runTask(task: string, cwd: string, ...args: string[]): Promise<Outcome> {
  return startTask(task, cwd, args).outcome;
}

/** The text of a file of a run under `cwd`. */
export function readRunFile(cwd: string, name: string, file: string): string {
  return Deno.readTextFileSync(join(cwd, "runs", name, file));
}

/** Runs something with another working directory. */
export async function within<T>(cwd: string, action: () => Promise<T> | T): Promise<T> {
  const before = Deno.cwd();
  Deno.chdir(cwd);
  try {
    return await action();
  } finally {
    Deno.chdir(before);
  }
}

const TASKS: Record<string, { command: string }> = JSON.parse(
  Deno.readTextFileSync(join(ROOT, "deno.json")),
).tasks;
