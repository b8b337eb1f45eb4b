/** The study's results: one record a run, kept as JSON beside this file, so that a stopped study goes on. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAtomically } from "../../train/runs/whole_file.ts";
import type { StudyRun } from "./plan.ts";

/** What one run gave. Shares are between 0 and 1. */
export interface StudyResult extends StudyRun {
  /** Mean over action units, then over folds, of people whom no part of the model has seen. */
  f1: number;
  auc: number;
  units: { au: number; f1: number; auc: number }[];
  /** Accuracy of emotion by nearest neighbours on held-back subjects at the end of pretraining; null if there was none. */
  knnEmotionAccuracy: number | null;
  /** During pretraining: step, F1 and AUC of the online probe on held-back subjects. */
  curve: { step: number; f1: number; auc: number }[];
  /** During finetuning: fold, epoch and F1 on the fold's test subjects. */
  epochs: { fold: number; epoch: number; f1: number }[];
}

/** All results and the setting that they share. */
export interface StudyResults {
  setting: {
    epochs: number;
    preset: string;
    /** `--key=value` of every pretraining, beside those that make its method; absent without any. */
    settings?: string[];
    pretrainFaces: number;
    probeFaces: number;
    updates: number;
  };
  runs: StudyResult[];
}

/** Folder of the results that come with the project, and are drawn into its README. */
export const COMMITTED_RESULTS = fileURLToPath(new URL(".", import.meta.url));

/** The results so far; absent where there are none. */
export function readResults(folder: string): StudyResults | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(join(folder, FILE)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Keeps the results. */
export function writeResults(folder: string, results: StudyResults): void {
  Deno.mkdirSync(folder, { recursive: true });
  writeAtomically(join(folder, FILE), JSON.stringify(results, null, 1) + "\n");
}

const FILE = "results.json";
