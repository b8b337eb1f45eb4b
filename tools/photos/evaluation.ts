/**
 * All that is measured of one model on photographs: units, means, parts, emotions, calibration, and what was not found.
 * @module
 */
import type { Emotion } from "@emoco/web/facs";
import { type EmotionScores, scoreEmotions } from "./emotions.ts";
import { partOf, type Photo } from "./manifest.ts";
import type { TestedModel } from "./models.ts";
import type { Bootstrap } from "./ranking.ts";
import { type Reliability, reliabilityOf } from "./reliability.ts";
import { RIVAL, rivalScores } from "./rival.ts";
import { type Reader, scoreReaders, type Scores, unitsOfMean } from "./scores.ts";
import type { Reading } from "./worker.ts";

/** A photograph whose face was not found, and why; it counts as the lowest score. */
export interface NotFound {
  readonly image: string;
  readonly line: number;
  readonly reason: string;
}

/** What is measured of a model. */
export interface PhotoEvaluation {
  readonly scores: Scores;
  readonly notFound: readonly NotFound[];
  /** Photographs of several faces, of which the largest was taken. */
  readonly several: number;
  /** Photographs whose rival's readings are missing or empty; with any missing, the rival is left out. */
  readonly rivalMissing: number;
  /** Of the units of the mean together, and one by one; undefined for a model of intensity that is not calibrated. */
  readonly reliability?: { readonly all: Reliability; readonly units: Readonly<Record<number, Reliability>> };
  readonly emotions?: EmotionScores;
  readonly parts: readonly { readonly field: string; readonly part: string; readonly scores: Scores }[];
}

/** What is asked. */
export interface Question {
  /** All lines of the split: they say which units are in the means, so that halves are compared over the same. */
  readonly every: readonly Photo[];
  readonly photos: readonly Photo[];
  /** Fields whose values part the photographs. */
  readonly by: readonly string[];
  readonly bootstrap: Bootstrap;
}

/**
 * Measures a model.
 * @param readings of each photograph
 * @param m which of the models in the readings
 */
export function evaluatePhotos(
  { content: card, name }: TestedModel,
  m: number,
  readings: readonly Reading[],
  { every, photos, by, bootstrap }: Question,
): PhotoEvaluation {
  const faces = readings.map((reading) => "reason" in reading ? undefined : reading.models[m]);
  const ours: Reader = {
    name,
    scores: new Map(
      card.aus.map(({ au }, a) => [au, faces.map((face) => face ? face.aus[a].probability : -Infinity)]),
    ),
    thresholds: new Map(card.aus.map(({ au, threshold }) => [au, threshold])),
  };
  const rival = rivalOf(photos, card.aus.map(({ au }) => au));
  const readers = rival.reader ? [ours, rival.reader] : [ours];
  const everyone = photos.map((_, i) => i);
  const meanUnits = unitsOfMean(every, card.aus.map(({ au }) => au));
  // A share of the full intensity promises no frequency; a calibrated answer does.
  const promising = card.aus.filter((unit) => card.target === "occurrence" || unit.calibration).map((
    { au },
  ) => au);
  const reliability = calibration(photos, ours, meanUnits.filter((au) => promising.includes(au)));
  const emotions = card.emotions && scoreEmotions(
    photos,
    faces.map((face) => face?.emotions && likeliest(face.emotions)),
    bootstrap,
  );
  return {
    scores: scoreReaders(photos, everyone, readers, meanUnits, bootstrap),
    notFound: readings.flatMap((reading, i) =>
      "reason" in reading ? [{ image: photos[i].image, line: photos[i].line, reason: reading.reason }] : []
    ),
    several: readings.filter((reading) => "faces" in reading && reading.faces > 1).length,
    rivalMissing: rival.missing,
    ...(reliability && { reliability }),
    ...(emotions && { emotions }),
    parts: by.flatMap((field) => {
      const groups = Map.groupBy(everyone, (i) => partOf(photos[i], field));
      return [...groups].sort(([one], [other]) => one < other ? -1 : 1).map(([part, chosen]) => ({
        field,
        part,
        scores: scoreReaders(
          photos,
          chosen,
          readers,
          unitsOfMean(chosen.map((i) => photos[i]), card.aus.map(({ au }) => au)),
          bootstrap,
        ),
      }));
    }),
  };
}

/** The rival as a reader of the same units, where every photograph says what it found. */
function rivalOf(photos: readonly Photo[], aus: readonly number[]): { reader?: Reader; missing: number } {
  const missing = photos.filter(({ blendshapes }) => blendshapes === undefined).length;
  if (missing > 0) return { missing };
  const scores = new Map(aus.flatMap((au) => {
    const column = rivalScores(photos, au);
    return column ? [[au, column] as const] : [];
  }));
  return { reader: { name: RIVAL, scores }, missing: 0 };
}

function calibration(photos: readonly Photo[], { scores }: Reader, meanUnits: readonly number[]) {
  const answers = (au: number) =>
    photos.flatMap(({ present }, i) => {
      const probability = scores.get(au)![i], label = present.get(au);
      return label === undefined || probability === -Infinity ? [] : [{ probability, present: label }];
    });
  const all = reliabilityOf(meanUnits.flatMap(answers));
  const units = meanUnits.flatMap((au) => {
    const one = reliabilityOf(answers(au));
    return one ? [[au, one] as const] : [];
  });
  return all && { all, units: Object.fromEntries(units) };
}

function likeliest(emotions: Readonly<Partial<Record<Emotion, number>>>): Emotion {
  const entries = Object.entries(emotions) as [Emotion, number][];
  return entries.reduce((best, other) => other[1] > best[1] ? other : best)[0];
}
