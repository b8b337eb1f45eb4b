import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Emotion } from "@emoco/web/facs";
import { scoreEmotions } from "../../tools/photos/emotions.ts";
import { ManifestError, type Photo } from "../../tools/photos/manifest.ts";
import { mistakesOf } from "../../tools/photos/mistakes.ts";
import { drawSubjects, estimate, type Label, Ranking } from "../../tools/photos/ranking.ts";
import { reliabilityOf } from "../../tools/photos/reliability.ts";
import { rivalScores } from "../../tools/photos/rival.ts";
import { type Reader, scoreReaders, unitsOfMean } from "../../tools/photos/scores.ts";

const bootstrap = { samples: 200, seed: 5 };

/** Cells with ties, faces that were not found and labels that are missing, by a generator of the test's own. */
function cells(count: number, seed: number) {
  let state = seed;
  const next = () => (state = state * 16807 % 2147483647) / 2147483647;
  const scores: number[] = [], labels: Label[] = [], subjects: number[] = [];
  for (let i = 0; i < count; i++) {
    const label = next() < 0.4;
    labels.push(next() < 0.1 ? undefined : label);
    scores.push(next() < 0.1 ? -Infinity : Math.round(10 * (next() + (label ? 0.3 : 0))) / 13);
    subjects.push(i % 7);
  }
  return { scores, labels, subjects };
}

/** Share of pairs in the right order, each pair looked at. */
function naiveAuc(scores: readonly number[], labels: readonly Label[]): number {
  let won = 0, pairs = 0;
  labels.forEach((one, i) =>
    labels.forEach((other, j) => {
      if (one !== true || other !== false) return;
      pairs++;
      won += scores[i] > scores[j] ? 1 : scores[i] === scores[j] ? 0.5 : 0;
    })
  );
  return won / pairs;
}

function naiveF1(scores: readonly number[], labels: readonly Label[], threshold: number): number {
  let hits = 0, decided = 0, positives = 0;
  labels.forEach((label, i) => {
    if (label === undefined) return;
    if (label) positives++;
    if (scores[i] >= threshold) decided++;
    if (label && scores[i] >= threshold) hits++;
  });
  return decided + positives === 0 ? 0 : 2 * hits / (decided + positives);
}

/** The cells as often as their subject was drawn. */
function repeat(weights: Uint16Array, { scores, labels, subjects }: ReturnType<typeof cells>) {
  const drawn = subjects.flatMap((subject, i) => Array<number>(weights[subject]).fill(i));
  return { scores: drawn.map((i) => scores[i]), labels: drawn.map((i) => labels[i]) };
}

const photo = (fields: Partial<Photo>): Photo => ({
  image: "a.jpg",
  path: "a.jpg",
  line: 1,
  subject: "s",
  present: new Map(),
  fields: {},
  ...fields,
});

describe("Ranking", () => {
  for (const seed of [1, 2, 3]) {
    it(`agrees with plain counting, drawn subjects included (${seed})`, () => {
      const given = cells(120, seed);
      const ranking = new Ranking(given.scores, given.labels, given.subjects);
      const thresholds = [...new Set(given.scores)].filter(Number.isFinite);
      for (const weights of [undefined, ...drawSubjects(7, { samples: 5, seed })]) {
        const { scores, labels } = weights ? repeat(weights, given) : given;
        assertAlmostEquals(ranking.auc(weights), naiveAuc(scores, labels), 1e-12);
        for (const threshold of thresholds) {
          assertAlmostEquals(ranking.f1(threshold, weights), naiveF1(scores, labels, threshold), 1e-12);
        }
        const best = ranking.bestF1(weights);
        assertAlmostEquals(best.f1, Math.max(...thresholds.map((at) => naiveF1(scores, labels, at))), 1e-12);
        assertAlmostEquals(naiveF1(scores, labels, best.threshold), best.f1, 1e-12);
      }
      const curve = ranking.curve();
      const area = curve.slice(1).reduce(
        (sum, [x, y], i) => sum + (x - curve[i][0]) * (y + curve[i][1]) / 2,
        0,
      );
      assertAlmostEquals(area, naiveAuc(given.scores, given.labels), 1e-12);
    });
  }

  it("never takes a face that was not found for a hit", () => {
    const ranking = new Ranking([-Infinity, -Infinity, 0.5], [true, true, false], [0, 1, 2]);
    assertEquals(ranking.bestF1(), { f1: 0, threshold: NaN });
    assertEquals(ranking.auc(), 0);
  });

  it("has no area where a class is missing", () => {
    assertEquals(new Ranking([0.1, 0.2], [true, true], [0, 1]).auc(), NaN);
    assertEquals(new Ranking([], [], []).auc(), NaN);
  });
});

describe("intervals", () => {
  it("lie between the 2.5th and the 97.5th percentile of the numbers", () => {
    const replicates = [NaN, ...Array.from({ length: 1001 }, (_, i) => 1000 - i)];
    assertEquals(estimate(500, replicates), { value: 500, low: 25, high: 975 });
    assertEquals(estimate(500, [NaN]), { value: 500, low: NaN, high: NaN });
  });

  it("come from people, not from pictures: each picture twice changes nothing", () => {
    const { scores, labels, subjects } = cells(80, 9);
    const of = (times: number) => {
      const index = Array.from({ length: 80 * times }, (_, i) => i % 80);
      const photos = index.map((i) =>
        photo({
          subject: `s${subjects[i]}`,
          present: new Map(labels[i] === undefined ? [] : [[12, labels[i]]]),
        })
      );
      const reader: Reader = { name: "r", scores: new Map([[12, index.map((i) => scores[i])]]) };
      return scoreReaders(photos, index.map((_, i) => i), [reader], [12], bootstrap).readers[0].units[0].auc;
    };
    const once = of(1), twice = of(2);
    assertAlmostEquals(once.low, twice.low, 1e-12);
    assertAlmostEquals(once.high, twice.high, 1e-12);
    assert(once.low < once.value && once.value < once.high);
  });
});

describe("scoreReaders", () => {
  const labels = Array.from({ length: 40 }, (_, i) => i % 2 === 1);
  const photos = labels.map((label, i) =>
    photo({ subject: `s${i}`, present: new Map([[4, label], [12, label], [9, i < 3]]) })
  );
  const right = labels.map(Number), wrong = labels.map((label) => Number(!label));
  const ours: Reader = {
    name: "ours",
    scores: new Map([[4, right], [12, wrong], [9, right]]),
    thresholds: new Map([[4, 0.5], [12, 0.5], [9, 0.5]]),
  };
  const rival: Reader = { name: "rival", scores: new Map([[4, wrong], [12, right]]) };

  it("takes units of eight positives into the mean, and says who is ahead where", () => {
    const units = unitsOfMean(photos, [4, 9, 12]);
    assertEquals(units, [4, 12]);
    const { readers, leads } = scoreReaders(photos, labels.map((_, i) => i), [ours, rival], units, bootstrap);
    assertEquals(readers.map(({ means }) => means.auc.value), [0.5, 0.5]);
    assertEquals(readers.map(({ means }) => means.f1?.value), [0.5, undefined]);
    assertEquals(readers[0].units.map(({ au, positives }) => [au, positives]), [[4, 20], [12, 20], [9, 3]]);
    const [{ ahead, meanAuc, units: each }] = leads;
    assertEquals(ahead, [4]);
    assertEquals(meanAuc, { value: 0, low: 0, high: 0 });
    assertEquals(each.map(({ au, auc }) => [au, auc.low, auc.high]), [[4, 1, 1], [12, -1, -1]]);
  });

  it("scores the chosen photographs alone", () => {
    const { faces, subjects, readers } = scoreReaders(photos, [0, 1, 2], [ours], [4], bootstrap);
    assertEquals([faces, subjects], [3, 3]);
    assertEquals(readers[0].units[0], {
      ...readers[0].units[0],
      positives: 1,
      negatives: 2,
      bestThreshold: 1,
    });
  });
});

describe("what else is measured", () => {
  it("recall of emotions: a face that was not found is missed, rare emotions are in the second mean only", () => {
    const asked = [...Array<Emotion>(8).fill("happy"), "sad", "sad"] as Emotion[];
    const photos = [...asked.map((emotion, i) => photo({ emotion, subject: `s${i}` })), photo({})];
    const answers: (Emotion | undefined)[] = [
      ...Array<Emotion>(6).fill("happy"),
      "anger",
      undefined,
      "sad",
      "sad",
      "happy",
    ];
    const scores = scoreEmotions(photos, answers, bootstrap)!;
    assertEquals(scores.faces, 10);
    assertAlmostEquals(scores.meanRecall.value, 0.75);
    assertAlmostEquals(scores.meanRecallOfAll.value, 0.875);
    assertEquals(scores.emotions[0].answers, { happy: 6, anger: 1, "no face": 1 });
    assertEquals(scoreEmotions([photo({})], ["happy"], bootstrap), undefined);
  });

  it("calibration: answers of 0.25 that hold half the time are off by a quarter", () => {
    const even = Array.from({ length: 10 }, (_, i) => ({ probability: 0.25, present: i % 2 === 0 }));
    const sure = Array.from({ length: 10 }, () => ({ probability: 1, present: true }));
    const { bins, error, brier, count } = reliabilityOf([...even, ...sure])!;
    assertEquals(bins, [
      { from: 0.2, to: 0.3, count: 10, probability: 0.25, share: 0.5 },
      { from: 0.9, to: 1, count: 10, probability: 1, share: 1 },
    ]);
    assertAlmostEquals(error, 0.125);
    assertAlmostEquals(brier, (0.25 ** 2 + 0.75 ** 2) / 4);
    assertEquals(count, 20);
    assertEquals(reliabilityOf([]), undefined);
  });

  it("a rival's blendshapes as action units", () => {
    const photos = [
      photo({ blendshapes: { mouthSmileLeft: 0.5, mouthSmileRight: 0.25 } }),
      photo({ blendshapes: null }),
    ];
    assertEquals(rivalScores(photos, 12), [0.75, -Infinity]);
    assertEquals(rivalScores(photos, 9), undefined);
    assertEquals(rivalScores(photos, 5), undefined);
    const uneven = [photo({ blendshapes: { jawOpen: 1 }, line: 7 }), photo({ blendshapes: {}, line: 9 })];
    assertThrows(
      () => rivalScores(uneven, 26),
      ManifestError,
      'Line 9 of the manifest: "blendshapes" lacks jawOpen',
    );
  });

  it("mistakes, the surest first by the share of the way from the threshold", () => {
    const photos = [true, true, false, false, true].map((label) =>
      photo({ present: new Map([[12, label]]) })
    );
    const mistakes = mistakesOf([...photos, photo({})], 12, [0.1, 0.9, 0.85, 0.1, undefined, 0.9], 0.2);
    assertEquals(mistakes.map(({ index, present }) => [index, present]), [[2, false], [0, true]]);
    assertAlmostEquals(mistakes[0].sureness, 0.8125);
    assertAlmostEquals(mistakes[1].sureness, 0.5);
  });
});
