import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  accuracy,
  areaUnderRoc,
  confusion,
  f1Score,
  type Label,
  mean,
  nearestNeighbours,
  positiveRate,
  precisionRecall,
  scoreUnits,
  unitRows,
} from "../../../train/scores/metrics.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { dot, readFixture, unit } from "../../helpers.ts";

const { tensors } = readFixture("metrics"); // scikit-learn's numbers; scores tie, 9 is a missing label
const [count, units] = tensors.labels.shape;
const labels: Label[][] = Array.from(
  { length: count },
  (_, n) => Array.from({ length: units }, (_, a) => [false, true][tensors.labels.values[n * units + a]]),
);
const column = (a: number) => labels.map((row) => row[a]);
const scores = (a: number) => labels.map((_, n) => tensors.scores.values[n * units + a]);

describe("scoreUnits", () => {
  const rows = scoreUnits([1, 2, 4, 6, 12], tensors.scores.values, labels);

  it("gives scikit-learn's F1 and AUC with ties, missing labels and a unit without positives", () => {
    assert(
      column(0).includes(undefined) && scores(0).includes(0.5),
      "the fixture must hold what this is about",
    );
    rows.forEach((row, a) => {
      assertAlmostEquals(row.f1, tensors.f1.values[a], 1e-6);
      assertAlmostEquals(row.auc, tensors.auc.values[a], 1e-6);
    });
    assertEquals([rows[4].f1, rows[4].auc], [0, NaN]);
    assertEquals(rows.map(({ au }) => au), [1, 2, 4, 6, 12]);
  });

  it("counts each labelled cell once", () => {
    rows.forEach((row, a) => {
      const known = column(a).filter((label) => label !== undefined);
      assertEquals(row.count, known.length);
      assertEquals(
        row.truePositives + row.falsePositives + row.falseNegatives + row.trueNegatives,
        known.length,
      );
      assertEquals(row.truePositives + row.falseNegatives, known.filter(Boolean).length);
      assertAlmostEquals(row.positiveRate, known.filter(Boolean).length / known.length, 1e-12);
    });
  });

  it("decides by each unit's own threshold", () => {
    const strict = scoreUnits([1, 2, 4, 6, 12], tensors.scores.values, labels, [2, 0.5, 0.5, 0.5, -1]);
    assertEquals([strict[0].truePositives, strict[0].falsePositives], [0, 0]);
    assertEquals([strict[4].falseNegatives, strict[4].trueNegatives], [0, 0]);
    assertEquals(strict[1], rows[1]);
  });
});

describe("confusion and f1Score", () => {
  it("count a score at the threshold as present, and leave unlabelled cells out", () => {
    const counts = confusion([0.5, 0.49, 0.9, 0.1, 0.7], [true, true, false, false, undefined]);
    assertEquals(counts, { truePositives: 1, falseNegatives: 1, falsePositives: 1, trueNegatives: 1 });
    assertEquals(f1Score(counts), 0.5);
  });
});

describe("areaUnderRoc", () => {
  it("is the share of pairs in the right order, ties counted half", () => {
    for (let a = 0; a < 4; a++) {
      const [score, label] = [scores(a), column(a)];
      let won = 0, pairs = 0;
      label.forEach((one, i) =>
        label.forEach((other, j) => {
          if (one !== true || other !== false) return;
          pairs++;
          won += score[i] > score[j] ? 1 : score[i] === score[j] ? 0.5 : 0;
        })
      );
      assertAlmostEquals(areaUnderRoc(score, label), won / pairs, 1e-12);
    }
  });
});

describe("precisionRecall", () => {
  it("gives scikit-learn's average precision, ends at full recall, and NaN without positives", () => {
    for (let a = 0; a < units; a++) {
      const { points, averagePrecision } = precisionRecall(scores(a), column(a));
      assertAlmostEquals(averagePrecision, tensors.averagePrecision.values[a], 1e-6);
      if (a < 4) assertEquals(points.at(-1), [1, positiveRate(column(a))]);
    }
  });
});

describe("mean and positiveRate", () => {
  it("leave out what is not known", () => {
    assertEquals(mean([1, NaN, 4]), 2.5);
    assertEquals([mean([]), mean([NaN]), positiveRate([undefined])], [NaN, NaN, NaN]);
    assertEquals(positiveRate([true, undefined, false, false, false]), 0.25);
  });
});

describe("nearestNeighbours", () => {
  it("votes among the k nearest by cosine, weighted by exp(cosine / 0.07)", () => {
    const random = randomStream(4),
      D = 5,
      classes = Array.from({ length: 60 }, () => Math.floor(4 * random()));
    const draw = () => Float32Array.from(unit(Array.from({ length: D }, () => normal(random))));
    const bank = classes.map(draw), queries = Array.from({ length: 40 }, draw);
    for (const k of [1, 7, 20]) {
      const { predicted, neighbours } = nearestNeighbours(queries, bank, classes, k);
      queries.forEach((query, q) => {
        // The oracle takes the best that is left, k times.
        const left = new Set(bank.keys()), votes = [0, 0, 0, 0], taken: number[] = [];
        for (let n = 0; n < k; n++) {
          let best = -1;
          for (const i of left) if (best < 0 || dot(query, bank[i]) > dot(query, bank[best])) best = i;
          left.delete(best);
          taken.push(best);
          votes[classes[best]] += Math.exp(dot(query, bank[best]) / 0.07);
        }
        assertEquals(neighbours[q], taken);
        assertEquals(predicted[q], votes.indexOf(Math.max(...votes)));
      });
    }
  });

  it("lets one near neighbour outvote two far ones", () => {
    const at = (angle: number) => Float32Array.from([Math.cos(angle), Math.sin(angle)]);
    const { predicted } = nearestNeighbours([at(0)], [at(0.1), at(0.7), at(-0.7)], [5, 3, 3], 3);
    assertEquals([...predicted], [5]); // exp(-0.23 / 0.07) = 0.04 each for the far ones
  });
});

describe("accuracy and unitRows", () => {
  it("share equal entries; give rows of unit length and leave a row of zeros", () => {
    assertEquals(accuracy([1, 2, 3, 4], [1, 0, 3, 4]), 0.75);
    assertEquals(unitRows(Float32Array.of(3, 4, 0, 0, -2, 0), 2).map((row) => [...row]), [
      [...Float32Array.of(0.6, 0.8)],
      [0, 0],
      [-1, 0],
    ]);
  });
});
