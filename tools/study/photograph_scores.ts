/** An exported model on photographs: every picture is read once, for the whole and for both halves. */
import { resolve } from "node:path";
import { evaluatePhotos } from "../photos/evaluation.ts";
import { readPhotos } from "../photos/manifest.ts";
import { findModel, refuseKnown } from "../photos/models.ts";
import { readWith } from "../photos/read_photos.ts";
import type { PhotographScores, StudyResult } from "./run.ts";

/** Intervals are for single models; the study has seeds. The least that the bootstrap takes. */
const BOOTSTRAP = { samples: 10, seed: 1 };

/** Scores of the exported model of a run. Units of the means are those of the whole split, in both halves. */
export async function scoreOnPhotographs(
  run: string,
  folder: string,
): Promise<NonNullable<StudyResult["photographs"]>> {
  const model = findModel(run);
  const { every } = readPhotos(resolve(folder));
  refuseKnown(model, every);
  const readings = await readWith([model], every, navigator.hardwareConcurrency);
  const scoresOf = (chosen: readonly number[]): PhotographScores => {
    const question = { every, photos: chosen.map((i) => every[i]), by: [], bootstrap: BOOTSTRAP };
    const { scores, notFound } = evaluatePhotos(model, 0, chosen.map((i) => readings[i]), question);
    const { auc, f1 } = scores.readers[0].means;
    return {
      auc: auc.value,
      f1: f1?.value ?? null,
      photographs: chosen.length,
      notFound: notFound.length,
    };
  };
  const everyone = every.map((_, i) => i);
  return {
    all: scoresOf(everyone),
    even: scoresOf(everyone.filter((i) => i % 2 === 0)),
    odd: scoresOf(everyone.filter((i) => i % 2 === 1)),
  };
}
