/** What a study is made of: encoders, the runs that score them, and what each run gave. */
import { basename, resolve } from "node:path";
import type { MethodName } from "../../train/methods/index.ts";
import { COMMITTED_FACES } from "../../train/input/data.ts";

/** An encoder by how it is pretrained; parts that want the same one share its run. */
export interface Encoder {
  /** Its name within names of runs: "emoco", "emoco-lambda2". */
  label: string;
  /** `random` is not pretrained at all. */
  method: MethodName | "random";
  /** `--key=value` of its pretraining beside method, epochs and seed. */
  settings: readonly string[];
  seed: number;
}

/** One entry of a part's results. */
export interface StudyRun {
  /** Name of the run's folder, and its key in the results. */
  name: string;
  /** What it is an instance of in tables and charts: "EmoCo". Rows are compared seed by seed. */
  row: string;
  seed: number;
  /** Where the row is a line over something: lambda, or the learning rate as a multiple of the method's default. */
  at?: number;
  /**
   * How the encoder is scored: action units by frozen features or the whole network, its own online probe on the
   * held-back people of the pretraining (`rate`), or how its features lie (`features`).
   */
  protocol: "linear" | "finetune" | "rate" | "features";
  encoder: Encoder;
  /** Drawn above `encoder`, with the same faces (`features`). */
  above?: Encoder;
  /** `--key=value` of the finetuning, beside start, data, split and protocol. */
  settings?: readonly string[];
  /** Whether what the network costs belongs to the result. */
  counts?: boolean;
  /** Splits to train units on, with folds by subject over them (default: au,test). */
  split?: string;
}

/** Scores on photographs through find, align and run; shares between 0 and 1. */
export interface PhotographScores {
  auc: number;
  f1: number | null;
  photographs: number;
  notFound: number;
}

/** How two sets of features lie: means of silhouettes, -1 to 1. */
export interface Silhouettes {
  encoder: string;
  byEmotion: number;
  byUnit: number;
}

/** What one run gave. Shares are between 0 and 1; what was not measured is null or absent. */
export interface StudyResult {
  name: string;
  row: string;
  seed: number;
  at?: number;
  protocol: StudyRun["protocol"];
  /** Mean over action units, then over folds, of people whom no part of the model has seen. */
  f1: number | null;
  auc: number | null;
  units: { au: number; f1: number; auc: number }[];
  /** Accuracy of emotion by nearest neighbours on held-back subjects at the end of pretraining. */
  knnEmotionAccuracy: number | null;
  /** F1 of the online probe on held-back subjects of the pretraining, after its last epoch. */
  heldBackF1: number | null;
  updates: { pretraining: number; finetuning: number };
  /**
   * Of the pretraining's steps, without probes and checkpoints; of the program that learns the units, from start to end,
   * without starts that were killed.
   */
  seconds: { pretraining: number | null; finetuning: number | null };
  /** During pretraining: step, F1 and AUC of the online probe on held-back subjects. */
  curve: { step: number; f1: number; auc: number }[];
  /** During finetuning: fold, epoch and F1 on the fold's test subjects. */
  epochs: { fold: number; epoch: number; f1: number }[];
  photographs?: { all: PhotographScores; even: PhotographScores; odd: PhotographScores };
  /** What the network is made of, where the part compares networks: weights, and multiply-adds a face, forward. */
  cost?: { parameters: number; multiplyAdds: number };
  silhouettes?: Silhouettes[];
}

/** What the command line asks for. */
export interface Asked {
  /** Folder with a manifest. */
  data: string;
  /** Epochs of every pretraining. */
  epochs: number;
  /** Epochs of every finetuning. */
  finetuneEpochs: number;
  /** Seeds of the part; absent for its own number. */
  seeds?: number;
  /** `--key=value` of every pretraining. */
  settings: readonly string[];
  /** Folder of photographs. */
  photos?: string;
  /** Whether every face to pretrain on is a frame of a clip. */
  clips: boolean;
  /** Methods that are compared; absent for all. */
  methods?: readonly string[];
}

/** Run of an encoder: other data and other epochs are other encoders, so that parts of the study never meet by mistake. */
export function encoderName({ data, epochs }: Pick<Asked, "data" | "epochs">, encoder: Encoder): string {
  const folder = basename(data.replace(/[\\/]manifest\.jsonl$/, "")).replace(/[^\w.+-]/g, "_");
  const of = resolve(data) === resolve(COMMITTED_FACES) ? "" : `-${folder}`;
  return `study${of}-e${epochs}-${encoder.label}-${encoder.seed}`;
}

/** The run that scores an encoder by a protocol. */
export function scored(
  asked: Asked,
  row: string,
  encoder: Encoder,
  protocol: "linear" | "finetune",
  more: Partial<StudyRun> = {},
): StudyRun {
  const settings = protocol === "finetune" ? [`--epochs=${asked.finetuneEpochs}`] : [];
  return {
    name: `${encoderName(asked, encoder)}-${protocol}`,
    row,
    seed: encoder.seed,
    protocol,
    encoder,
    ...more,
    settings: [...settings, ...more.settings ?? []],
  };
}

/** The random encoder of a seed. */
export function randomEncoder(seed: number): Encoder {
  return { label: "random", method: "random", settings: [], seed };
}

/** Seeds 0, 1, ... of a part. */
export function seedsOf({ seeds }: Asked, own: number): number[] {
  return Array.from({ length: seeds ?? own }, (_, seed) => seed);
}
