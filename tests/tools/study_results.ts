/** For the tests of the study: what is asked, a setting, and results that nobody had to measure. */
import type { Setting } from "../../tools/study/results.ts";
import type { Asked, StudyResult } from "../../tools/study/run.ts";
import { COMMITTED_FACES } from "../../train/input/data.ts";

/** The committed faces with the program's defaults. */
export const ASKED: Asked = {
  data: COMMITTED_FACES,
  epochs: 40,
  finetuneEpochs: 10,
  settings: [],
  clips: false,
};

/** Of results on toy faces. */
export const SETTING: Setting = {
  preset: "quick",
  epochs: 5,
  settings: [],
  pretrainFaces: 70,
  probeFaces: 30,
  finetuneEpochs: 2,
};

/** A result by frozen features. */
export function result(row: string, seed: number, f1: number, more: Partial<StudyResult> = {}): StudyResult {
  const isRandom = row === "random encoder";
  return {
    name: `${row}-${seed}-${more.protocol ?? "linear"}-${more.at ?? ""}`,
    row,
    seed,
    protocol: "linear",
    f1,
    auc: 0.7,
    units: [],
    knnEmotionAccuracy: isRandom ? null : 0.4,
    heldBackF1: isRandom ? null : f1,
    updates: { pretraining: isRandom ? 0 : 40, finetuning: 300 },
    seconds: { pretraining: isRandom ? null : 12, finetuning: 3 },
    curve: isRandom ? [] : [{ step: 0, f1: 0.3, auc: 0.5 }, { step: 40, f1, auc: 0.7 }],
    epochs: [],
    ...more,
  };
}
