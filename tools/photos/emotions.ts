/**
 * Whether a model names the emotion that a picture was asked for by: recall, emotion by emotion.
 * @module
 */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import type { Photo } from "./manifest.ts";
import { type Bootstrap, drawSubjects, type Estimate, estimate } from "./ranking.ts";
import { LEAST_POSITIVES, mean } from "./scores.ts";

/** Recall of the emotions; a face that was not found is missed. */
export interface EmotionScores {
  readonly faces: number;
  /** Over the emotions of `LEAST_POSITIVES` pictures or more, and over all that there are. */
  readonly meanRecall: Estimate;
  readonly meanRecallOfAll: Estimate;
  readonly emotions: readonly {
    readonly emotion: Emotion;
    readonly faces: number;
    readonly recall: number;
    /** How often each emotion was the likeliest, and how often no face was found. */
    readonly answers: Readonly<Record<string, number>>;
  }[];
}

/** What stands among the answers where no face was found. */
export const NO_FACE = "no face";

/**
 * Recall of each emotion among the photographs that are said to show one; undefined where none are.
 * @param answers the model's likeliest emotion for each photograph, undefined where no face was found
 */
export function scoreEmotions(
  photos: readonly Photo[],
  answers: readonly (Emotion | undefined)[],
  bootstrap: Bootstrap,
): EmotionScores | undefined {
  const cells = photos.flatMap(({ emotion, subject }, i) =>
    emotion ? [{ emotion, subject, answer: answers[i] ?? NO_FACE }] : []
  );
  if (cells.length === 0) return undefined;
  const shown = EMOTIONS.filter((name) => cells.some(({ emotion }) => emotion === name));
  const countOf = (name: Emotion) => cells.filter(({ emotion }) => emotion === name).length;
  const often = shown.filter((name) => countOf(name) >= LEAST_POSITIVES);

  const subjects = [...new Set(cells.map(({ subject }) => subject))];
  const indexOf = new Map(subjects.map((subject, i) => [subject, i]));
  const recall = (name: Emotion, weights?: Uint16Array) => {
    let hits = 0, all = 0;
    for (const { emotion, subject, answer } of cells) {
      if (emotion !== name) continue;
      const weight = weights ? weights[indexOf.get(subject)!] : 1;
      all += weight;
      if (answer === name) hits += weight;
    }
    return hits / all;
  };
  const draws = drawSubjects(subjects.length, bootstrap);
  const meanOver = (names: readonly Emotion[]) =>
    estimate(
      mean(names.map((name) => recall(name))),
      draws.map((weights) => mean(names.map((name) => recall(name, weights)))),
    );
  return {
    faces: cells.length,
    meanRecall: meanOver(often),
    meanRecallOfAll: meanOver(shown),
    emotions: shown.map((emotion) => {
      const groups = Map.groupBy(cells.filter((cell) => cell.emotion === emotion), ({ answer }) => answer);
      return {
        emotion,
        faces: countOf(emotion),
        recall: recall(emotion),
        answers: Object.fromEntries([...groups].map(([answer, { length }]) => [answer, length])),
      };
    }),
  };
}
