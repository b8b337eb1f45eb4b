/** What `config.json` of action-unit training and of adaptations holds. */
import type { Architecture } from "../nets/resnet.ts";
import type { AdaptConfig } from "./adapt_config.ts";
import type { FinetuneConfig } from "./finetune_config.ts";

/** What `config.json` of action-unit training holds. */
export interface SavedFinetuneConfig extends FinetuneConfig, TrainedOn {
  program: "finetune";
  /** Name of the pretraining run, or `random`. */
  from: string;
  data: string;
  /** Splits that are trained on; empty where the manifest has none. */
  splits: string[];
  skipBroken: boolean;
  aus: number[];
}

/** What a model has learnt from and is built like. */
export interface TrainedOn {
  /** SHA-256 of the manifest and of which of its faces are used, and of the checkpoint that was started from. */
  facesSha256: string;
  sourceSha256: string | null;
  /** What the encoder was pretrained on; null for random weights. */
  pretrainingData: string | null;
  /** Data sets that the manifests' lines name, the pretraining's included; see `licensed_sets.ts`. */
  sets: string[];
  architecture: Architecture;
  imageSize: number;
}

/** What `config.json` of an adaptation holds. */
export interface SavedAdaptConfig extends AdaptConfig {
  program: "adapt";
  /** Run that was adapted, and SHA-256 of its checkpoint. */
  model: string;
  modelSha256: string;
  /** Unlabelled faces, their splits (empty where the manifest has none), and SHA-256 as in `TrainedOn`. */
  data: string;
  splits: string[];
  facesSha256: string;
  /** Labelled faces that were rehearsed beside. */
  rehearse: string | null;
  rehearsedSha256: string | null;
  skipBroken: boolean;
  /** Config of the training before, with the sets of all faces since. */
  trained: SavedFinetuneConfig;
  /** What the model before it was adapted to. */
  before: readonly AdaptedTo[];
}

/** What a model was adapted to. */
export type AdaptedTo = Pick<SavedAdaptConfig, "how" | "data" | "splits" | "rehearse"> & {
  faces: number;
  people: number;
};
