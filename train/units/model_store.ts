/** Where trained models are found: pretrained runs to start from, finished action-unit models to test and export. */
import type { AdaptedTo, SavedAdaptConfig, SavedFinetuneConfig } from "./saved_config.ts";
import { mapState, type StateValues } from "../runs/tensor_values.ts";
import { basename, join } from "node:path";
import { type AuModel, disposeModel } from "./au_model.ts";
import {
  type Checkpoint,
  CHECKPOINT_FILE,
  hasCheckpoint,
  type KnownSubjects,
  loadCheckpoint,
  saveCheckpoint,
  sha256,
} from "../runs/checkpoint.ts";
import { type PretrainConfig, quick, type RunConfig } from "../config.ts";
import { METHODS } from "../methods/index.ts";
import { geometryParts, NO_HEADS } from "./face_heads.ts";
import { detectorModel } from "./detector_model.ts";
import { finetuning } from "./finetune_config.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import { convolutions, initResNet, initRunningStatistics, normOf, type Weights } from "../nets/resnet.ts";
import { RunError, RUNS } from "../runs/run_folder.ts";
import { choices, MODEL_PROGRAMS, newest, programOf } from "./run_kinds.ts";
import { toTensors } from "../engine/state_values.ts";
import type { FinetuneRun, Source } from "./finetune_run.ts";

/** A finished action-unit model and what is known of its training. */
export interface StoredModel {
  folder: string;
  name: string;
  model: AuModel;
  config: SavedFinetuneConfig;
  subjects: Checkpoint<unknown>["subjects"];
  /** What it was adapted to since, first to last. */
  adapted: readonly AdaptedTo[];
}

/** Position of a checkpoint that holds the finished model. */
interface Finished {
  finished: true;
  /** Of an adaptation. */
  adapted?: readonly AdaptedTo[];
}

/**
 * What to start from: a pretraining run or a finished action-unit model by name or folder, the newest pretraining run, or
 * `random` weights (`random:7`: of another seed than the folds').
 * @throws {RunError} no such run
 */
export function loadSource(from: string | undefined, seed: number): Source {
  const random = /^random(?::(\d+))?$/.exec(from ?? "");
  if (from && random) {
    const { backbone, width, stem, imageSize } = quick;
    const architecture = { backbone, width, stem };
    const weights = initResNet(architecture, randomStream(Number(random[1] ?? seed), PURPOSE.weights));
    const statistics = initRunningStatistics(architecture);
    return {
      name: from,
      method: "random encoder",
      backbone: { architecture, weights, statistics },
      imageSize,
      pretrainingSubjects: [],
      pretrainingSets: [],
    };
  }
  const name = basename(from ?? newest("pretrain"));
  const folder = join(RUNS, name);
  const program = programOf(folder);
  if (MODEL_PROGRAMS.includes(program) && isFinished(folder)) return sourceOfModel(name);
  if (program !== "pretrain") {
    throw new RunError(`--from=${name}: ${folder} is no pretraining run. ${choices("pretrain")}`);
  }
  const { state, config, subjects } = loadCheckpoint<unknown>(folder);
  const saved = config as RunConfig & { data: string; sets?: string[] };
  const { backbone, width, stem, imageSize, data, sets = [] } = saved;
  const architecture = { backbone, width, stem };
  const { weights, statistics } = toTensors({ weights: state.weights, statistics: state.statistics });
  // Whatever a method has beside its backbone (heads, classifier, prototypes, decoders) has done its work.
  const ofBackbone = new Set(
    convolutions(architecture).flatMap(({ name }) => [name, normOf(name)]).map((layer) => `${layer}.`),
  );
  const isOfBackbone = (key: string) => ofBackbone.has(key.replace(/[^.]*$/, ""));
  const part = (tensors: Weights, chosen: (key: string) => boolean): Weights =>
    Object.fromEntries(Object.entries(tensors).filter(([key]) => chosen(key)));
  return {
    name,
    method: methodName(saved),
    backbone: {
      architecture,
      weights: part(weights, isOfBackbone),
      statistics: part(statistics, isOfBackbone),
    },
    imageSize,
    emotionHead: namesEmotions(saved) ? part(weights, (key) => !isOfBackbone(key)) : undefined,
    pretrainingSubjects: subjects.pretraining,
    pretrainingData: data,
    pretrainingSets: sets,
    sha256: sha256(Deno.readFileSync(join(folder, CHECKPOINT_FILE))),
  };
}

/** A finished model as what training goes on with. @throws {RunError} one that is not finished, or a supervised detector */
function sourceOfModel(name: string): Source {
  const { model, config, subjects, folder } = loadModel(name);
  if (model.detector) {
    throw new RunError(
      `--from=${name}: a model of --detector=${config.detector} cannot be gone on with. Start from an encoder.`,
    );
  }
  return {
    name,
    method: `action units of ${name}`,
    backbone: model.backbone,
    imageSize: config.imageSize,
    emotionHead: model.emotionHead,
    units: { aus: model.aus, classifier: model.classifier, heads: model.heads ?? {} },
    pretrainingSubjects: [...new Set([...subjects.pretraining, ...subjects.actionUnits])].sort(),
    pretrainingData: config.pretrainingData ?? config.data,
    pretrainingSets: config.sets,
    sha256: sha256(Deno.readFileSync(join(folder, CHECKPOINT_FILE))),
  };
}

/** Whether a run has an emotion classifier of Eq. 2 that was trained: a softmax of W q. */
function namesEmotions(config: RunConfig): boolean {
  if ((config.method ?? "emoco") !== "emoco") return false;
  const { losses, classifierInput } = config as PretrainConfig;
  return losses !== "contrastive" && classifierInput !== "rectified";
}

/** The method by its own name, or of EmoCo by the paper's, as Table IV's switches make it. */
function methodName(config: RunConfig): string {
  if (config.method && config.method !== "emoco") return METHODS[config.method].title;
  const { losses, queues, normalization } = config as PretrainConfig;
  if (losses === "emotion") return "emotion only";
  const switches = `${losses} ${queues} ${normalization}`;
  if (switches === "both per-emotion intra-class") return "EmoCo";
  if (switches === "both per-emotion l2") return "EmoCo without N";
  if (switches === "contrastive single l2") return "MoCo";
  return `EmoCo with losses ${losses}, queues ${queues}, normalization ${normalization}`;
}

/** Keeps the finished model as the checkpoint of its run. */
export function saveModel(
  { folder, faces, source }: Pick<FinetuneRun, "folder" | "faces" | "source">,
  config: SavedFinetuneConfig,
  model: AuModel,
): void {
  saveFinished(folder, config, model, {
    pretraining: [...source.pretrainingSubjects],
    actionUnits: [...new Set(faces.map((face) => face.subject))].sort(),
  });
}

/**
 * Keeps a finished model as the checkpoint of its run.
 * @param adapted of an adaptation: all that the model was adapted to
 */
export function saveFinished(
  folder: string,
  config: object,
  model: AuModel,
  subjects: KnownSubjects,
  adapted?: readonly AdaptedTo[],
): void {
  const { backbone, classifier, emotionHead, heads } = model;
  const tensors = mapState({
    weights: backbone.weights,
    statistics: backbone.statistics,
    emotion: emotionHead ?? {},
    heads: heads ?? {},
  }, (
    tensor,
  ) => ({ shape: tensor.shape, values: tensor.dataSync().slice() as Float32Array<ArrayBuffer> }));
  if (!model.detector) {
    const units = classifier.bias.length;
    tensors.weights["au.weight"] = {
      shape: [classifier.weight.length / units, units],
      values: classifier.weight,
    };
    tensors.weights["au.bias"] = { shape: [units], values: classifier.bias };
  }
  const position: Finished = { finished: true, ...(adapted && { adapted }) };
  saveCheckpoint(folder, { state: tensors, config, position, subjects });
}

/**
 * A finished action-unit model: a run by name or folder, or the newest one.
 * @throws {RunError} no such run, or one that is not finished
 */
export function loadModel(run?: string): StoredModel {
  const name = basename(run ?? newest("finetune"));
  const folder = join(RUNS, name);
  const program = programOf(folder);
  if (!MODEL_PROGRAMS.includes(program)) {
    throw new RunError(`${folder} is no action-unit model. ${choices("finetune")}`);
  }
  const { state, config, position, subjects } = loadCheckpoint<Partial<Finished>>(folder);
  if (!position.finished) {
    throw new RunError(
      `${folder} is not finished: go on with deno task ${program} --resume --name=${name}, or name another run.`,
    );
  }
  const saved = program === "adapt" ? (config as SavedAdaptConfig).trained : config as SavedFinetuneConfig;
  const { "au.weight": weight, "au.bias": bias, ...backbone } = state.weights;
  const { weights, statistics, emotion, heads } = toTensors({ ...state, weights: backbone } as StateValues);
  const values = (tensor?: typeof weight) => tensor?.values as Float32Array<ArrayBuffer> | undefined;
  const detector = detectorModel({ ...finetuning, ...saved }, saved, saved.aus);
  return {
    folder,
    name,
    config: saved,
    subjects,
    adapted: position.adapted ?? [],
    model: {
      backbone: { architecture: saved.architecture, weights, statistics },
      detector,
      classifier: {
        weight: values(weight) ?? new Float32Array(0),
        bias: values(bias) ?? new Float32Array(saved.aus.length),
      },
      aus: saved.aus,
      emotionHead: emotion && Object.keys(emotion).length ? emotion : undefined,
      heads: heads && Object.keys(heads).length ? heads : undefined,
      parts: geometryParts({ ...NO_HEADS, ...saved }),
    },
  };
}

/** Whether a run's action-unit model is finished. */
export function isFinished(folder: string): boolean {
  return hasCheckpoint(folder) && loadCheckpoint<Partial<Finished>>(folder).position.finished === true;
}

/** Frees a model's tensors. */
export function disposeStored({ model }: StoredModel): void {
  disposeModel(model);
}
