import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Face } from "../../../train/input/data.ts";
import {
  intraclassCorrelation,
  meanAbsoluteError,
  pearsonCorrelation,
} from "../../../train/scores/intensity_metrics.ts";
import { fitClassifier, unitWeights } from "../../../train/units/linear_probe.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { labelledUnits, scoreTarget, targetRows, THRESHOLDS } from "../../../train/scores/target.ts";
import { readFixture } from "../../helpers.ts";

const AUS = [1, 2, 4, 6];

/** The fixture's grades as faces have them; 9 is a missing one. */
const { tensors } = readFixture("intensity");
const [count] = tensors.grades.shape;
const faces: Face[] = Array.from({ length: count }, (_, n) => ({
  image: "",
  line: n + 1,
  subject: "s",
  present: new Map([[45, true]]),
  intensity: new Map(
    AUS.map((au, a) => [au, tensors.grades.values[n * AUS.length + a]] as const).filter(([, grade]) =>
      grade !== 9
    ),
  ),
  other: {},
}));
const outputs = Float32Array.from(tensors.answers.values, (answer) => answer / 5);

describe("scoreTarget", () => {
  it("gives the ICC(3,1) of an analysis of variance, SciPy's PCC, scikit-learn's MAE and F1", () => {
    const rows = targetRows(faces, AUS, "intensity");
    assert(rows.some((row) => row.includes(undefined)), "the fixture must hold missing grades");
    const units = scoreTarget("intensity", AUS, outputs, rows);
    units.forEach(({ icc, pcc, mae, f1 }, a) => {
      for (const [name, value] of Object.entries({ icc, pcc, mae, f1 })) {
        assertAlmostEquals(value!, tensors[name].values[a], 1e-5, `${name} of AU${AUS[a]}`);
      }
    });
    assertEquals(units[3].pcc, NaN, "grades that do not vary correlate with nothing");
  });

  it("calls a unit present exactly where its intensity rounds to 2 or more, as labels do", () => {
    assertEquals(THRESHOLDS, { occurrence: 0.5, intensity: 0.3 });
    const grades = [0, 1, 1.5, 2, 3, 5];
    const rows = grades.map((grade) => [grade / 5]);
    const [perfect] = scoreTarget("intensity", [12], grades.map((grade) => grade / 5), rows);
    // 1.5 rounds to 2 as an answer, and is no 2 as a label.
    assertEquals([perfect.truePositives, perfect.falsePositives, perfect.trueNegatives], [3, 1, 2]);
    assertEquals([perfect.icc, perfect.pcc, perfect.mae], [1, 1, 0]);
  });

  it("has no intensity of occurrence", () => {
    const rows = targetRows(faces, [45], "occurrence");
    assertEquals(
      Object.keys(scoreTarget("occurrence", [45], outputs.slice(0, count), rows)[0]).includes("icc"),
      false,
    );
    assertEquals([labelledUnits(faces, "occurrence"), labelledUnits(faces, "intensity")], [[45], AUS]);
  });
});

describe("intraclassCorrelation, pearsonCorrelation and meanAbsoluteError", () => {
  it("differ where they should: ICC(3,1) forgives an offset, not a scale; PCC both; the error neither", () => {
    const one = [0, 1, 2, 3, 4],
      shifted = one.map((value) => value + 1),
      half = one.map((value) => value / 2);
    assertAlmostEquals(intraclassCorrelation(one, shifted), 1, 1e-12);
    assertAlmostEquals(intraclassCorrelation(one, half), 0.8, 1e-12);
    assertAlmostEquals(pearsonCorrelation(one, half), 1, 1e-12);
    assertEquals([meanAbsoluteError(one, shifted), meanAbsoluteError(one, half)], [1, 1]);
    assertEquals([intraclassCorrelation([1, 1], [2, 2]), meanAbsoluteError([], [])], [NaN, NaN]);
  });
});

describe("fitClassifier on shares", () => {
  it("answers with the expected share: intensities of faces that look the same average out", () => {
    const random = randomStream(9), n = 400;
    const features = Float32Array.from({ length: 2 * n }, () => normal(random));
    const kind = Array.from({ length: n }, (_, i) => i % 2);
    kind.forEach((k, i) => features[2 * i] = k ? 2 : -2);
    // Of the first kind 1 or 3 out of 5, of the second 0 or 1: on average 0.4 and 0.1.
    const shares = kind.map((k) => [k ? (random() < 0.5 ? 0.2 : 0.6) : random() < 0.5 ? 0 : 0.2]);
    const { weight, bias } = fitClassifier(features, shares, {
      learningRate: 0.05,
      steps: 400,
      weightDecay: 0,
    });
    const answer = (x: number) => 1 / (1 + Math.exp(-(x * weight[0] + bias[0])));
    assertAlmostEquals(answer(2), mean(shares, kind, 1), 0.01);
    assertAlmostEquals(answer(-2), mean(shares, kind, 0), 0.01);
  });

  it("weighs units by their mean share as by their rate", () => {
    const weights = unitWeights([[0.2, 1, undefined], [0.6, 0, 0.5], [0.4, 1, 0.5]], 3);
    const inverse = [1 / 0.4, 3 / 2, 2], average = (inverse[0] + inverse[1] + inverse[2]) / 3;
    weights.forEach((value, a) => assertAlmostEquals(value, inverse[a] / average, 1e-6));
  });

  const mean = (shares: number[][], kind: number[], wanted: number) => {
    const chosen = shares.filter((_, i) => kind[i] === wanted).map(([share]) => share);
    return chosen.reduce((sum, share) => sum + share) / chosen.length;
  };
});
