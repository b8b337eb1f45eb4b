/** What `config.json` of action-unit training holds. */
import type { Architecture } from "../nets/resnet.ts";
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
