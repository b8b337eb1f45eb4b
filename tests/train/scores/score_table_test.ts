import { assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { mean, type UnitScores } from "../../../train/scores/metrics.ts";
import { averageFolds, meanUnits, scoresCsv, tableLines } from "../../../train/scores/score_table.ts";

function unit(au: number, f1: number, auc: number, positiveRate = 0.25): UnitScores {
  const counts = { truePositives: au, falsePositives: 2, falseNegatives: 3, trueNegatives: 4 };
  return { au, ...counts, f1, auc, positiveRate, count: au + 9 };
}

describe("averageFolds", () => {
  it("takes the mean over action units first, then over folds, and leaves out what does not exist", () => {
    const folds = [[unit(1, 0.2, 0.6), unit(2, 0.4, NaN)], [unit(1, 0.8, 0.9), unit(2, NaN, 0.7)]];
    const { f1, auc, positiveRate } = averageFolds(folds);
    assertAlmostEquals(f1, (0.3 + 0.8) / 2, 1e-12);
    assertAlmostEquals(auc, (0.6 + 0.8) / 2, 1e-12);
    assertEquals(positiveRate, 0.25);
    assertAlmostEquals(f1, mean(folds.map((units) => mean(units.map((one) => one.f1)))), 1e-12);
  });
});

describe("tableLines", () => {
  it("marks units that are present in every face, whose F1 of 100 says nothing", () => {
    const always = { ...unit(12, 1, NaN, 1), falsePositives: 0, trueNegatives: 0 };
    const averages = { f1: 0.6, auc: 0.6, positiveRate: 0.6 };
    assertEquals(
      tableLines([unit(1, 0.2, 0.6), always], averages).at(-1),
      "Present in every face that was tested: AU12. Such an F1 says nothing of the model; the average holds it all the same.",
    );
    assertEquals(tableLines([unit(1, 0.2, 0.6)], averages).length, 4);
    assertEquals(tableLines([{ ...always, count: 0 }], averages).length, 4, "a unit without labels");
  });

  it("prints action units as columns and their average last, in per cent, as the paper's tables do", () => {
    const units = [unit(1, 0.2, 0.6), unit(12, 0.4567, NaN), unit(25, 1, 0.999)];
    assertEquals(tableLines(units, { f1: 0.5522, auc: 0.7995, positiveRate: 0.25 }), [
      "AU                 1    12    25    Avg.",
      "F1              20.0  45.7 100.0    55.2",
      "AUC             60.0     -  99.9    80.0",
      "positive rate   25.0  25.0  25.0    25.0",
    ]);
  });
});

describe("scoresCsv", () => {
  it("writes a line for every fold and unit, with an empty cell for what does not exist", () => {
    const folds = [{ fold: "1", units: [unit(1, 0.5, NaN)] }, {
      fold: "mean",
      units: meanUnits([[unit(1, 0.5, NaN)], [unit(1, 1, 0.5)]]),
    }];
    assertEquals(
      scoresCsv(folds),
      "fold,au,f1,auc,positiveRate,count,truePositives,falsePositives,falseNegatives,trueNegatives\n" +
        "1,1,0.5,,0.25,10,1,2,3,4\n" +
        "mean,1,0.75,0.5,0.25,20,2,4,6,8\n",
    );
  });
});
