/** What the study runs: every method with every seed, then lambda, then finetuning; one entry a run. */

import { DETECTOR_NAMES, type DetectorName } from "../../train/detectors/names.ts";

/** One pretraining and its linear probe, or one finetuning. */
export interface StudyRun {
  /** Name of the run's folder, and its key in the results. */
  name: string;
  group: "methods" | "lambda" | "finetune" | "detectors";
  /** Of the group `detectors`. */
  detector?: DetectorName;
  method: Method;
  seed: number;
  emotionWeight: number;
}

/** Rivals: the switches of Table IV, everything else alike. `random` is not pretrained at all. */
export type Method = keyof typeof METHODS;

export const METHODS = {
  random: { title: "random encoder", settings: [] },
  moco: { title: "MoCo", settings: ["--queues=single", "--normalization=l2", "--losses=contrastive"] },
  emotion: { title: "emotion only", settings: ["--losses=emotion"] },
  emocoL2: { title: "EmoCo without N", settings: ["--normalization=l2"] },
  emoco: { title: "EmoCo", settings: [] },
} as const;

/** Lambda of the main comparison: that of the `quick` preset, whose reason stands there. */
export const EMOTION_WEIGHT = 4;

/** Every run, in the order in which they are worth having. */
export function planStudy(seeds: number): StudyRun[] {
  const runs: StudyRun[] = [];
  const add = (run: Omit<StudyRun, "name">, name: string) => runs.push({ name, ...run });
  for (let seed = 0; seed < seeds; seed++) {
    for (const method of ["emoco", "emotion", "moco", "emocoL2", "random"] as const) {
      add({ group: "methods", method, seed, emotionWeight: EMOTION_WEIGHT }, `study-${method}-${seed}`);
    }
  }
  for (const method of ["emoco", "random"] as const) {
    add({ group: "finetune", method, seed: 0, emotionWeight: EMOTION_WEIGHT }, `study-finetune-${method}`);
  }
  for (const emotionWeight of [1, 2, 8]) {
    for (const method of ["emoco", "emotion"] as const) {
      add({ group: "lambda", method, seed: 0, emotionWeight }, `study-${method}-lambda${emotionWeight}`);
    }
  }
  // From random weights all: none of the originals' pretraining on ImageNet is to be had here.
  for (const detector of DETECTOR_NAMES) {
    const run = {
      group: "detectors",
      method: "random",
      seed: 0,
      emotionWeight: EMOTION_WEIGHT,
      detector,
    } as const;
    add(run, `study-detector-${detector}`);
  }
  return runs;
}

/** Groups that `deno task study` runs only when `--only` names them: they need what the committed faces do not have. */
export const ON_DEMAND: readonly StudyRun["group"][] = ["detectors"];
