import { assertEquals } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import type { Face } from "../../../train/input/data.ts";
import { FoldBook } from "../../../train/units/fold_book.ts";
import { scoreUnits } from "../../../train/scores/metrics.ts";

const AUS = [4, 12];

function face(line: number): Face {
  return { image: "", line, subject: `s${line}`, present: new Map(), intensity: new Map(), other: {} };
}

/** What a fold gives whose faces stand on the given lines; AU12 has one class only, so its AUC does not exist. */
function fold(number: number, lines: number[], first: number) {
  const probabilities = Float32Array.from(lines.flatMap((_, n) => [first + 0.2 * n, 0.3]));
  const labels = lines.map((_, n) => [n % 2 === 1, false]);
  const result = {
    fold: number,
    testSubjects: lines.map((line) => `s${line}`),
    units: scoreUnits(AUS, probabilities, labels),
  };
  return [result, lines.map(face), probabilities] as const;
}

describe("FoldBook", () => {
  let folder: string;
  beforeEach(() => {
    folder = Deno.makeTempDirSync();
  });
  afterEach(() => Deno.removeSync(folder, { recursive: true }));
  const text = (file: string) => Deno.readTextFileSync(join(folder, file));

  it("gives a later start what an earlier one kept, measures that do not exist included", () => {
    const book = new FoldBook(folder, AUS, false);
    book.record(...fold(1, [1, 2, 3], 0.2));
    book.record(...fold(2, [4, 5], 0.6));
    const again = new FoldBook(folder, AUS, true);
    assertEquals(again.results, book.results);
    assertEquals(again.results[0].units[1].auc, NaN);
    assertEquals(again.predictions, book.predictions);
    assertEquals([again.has(1), again.has(2), again.has(3)], [true, true, false]);
    assertEquals(
      text("predictions.jsonl"),
      '{"fold":1,"line":1,"probabilities":[0.2,0.3]}\n{"fold":1,"line":2,"probabilities":[0.4,0.3]}\n' +
        '{"fold":1,"line":3,"probabilities":[0.6,0.3]}\n{"fold":2,"line":4,"probabilities":[0.6,0.3]}\n' +
        '{"fold":2,"line":5,"probabilities":[0.8,0.3]}\n',
    );
  });

  it("starts empty in a new run, even where an older book lies", () => {
    new FoldBook(folder, AUS, false).record(...fold(1, [1, 2], 0.2));
    assertEquals(new FoldBook(folder, AUS, false).results, []);
  });

  it("has a fold once, however often it was trained, and forgets predictions of a fold that is not in folds.json", () => {
    const book = new FoldBook(folder, AUS, false);
    book.record(...fold(1, [1, 2, 3], 0.2));
    const once = ["folds.json", "folds.csv", "predictions.jsonl"].map(text);
    const again = new FoldBook(folder, AUS, true);
    again.record(...fold(1, [1, 2, 3], 0.2));
    assertEquals(["folds.json", "folds.csv", "predictions.jsonl"].map(text), once);
    // Killed between the two files: the predictions are there, the fold is not.
    Deno.writeTextFileSync(
      join(folder, "predictions.jsonl"),
      once[2] + '{"fold":2,"line":9,"probabilities":[0.1,0.1]}\n',
    );
    assertEquals(new FoldBook(folder, AUS, true).predictions.map(({ line }) => line), [1, 2, 3]);
  });

  it("writes means over action units, then over folds, and counts that are summed", () => {
    const book = new FoldBook(folder, AUS, false);
    book.record(...fold(1, [1, 2, 3, 6], 0.2)); // AU4: 0.2 0.4 0.6 0.8 of 0 1 0 1
    book.record(...fold(2, [4, 5], 0.4)); // AU4: 0.4 0.6 of 0 1: right
    const { averages, units } = JSON.parse(text("folds.json"));
    assertEquals(averages, { f1: 0.375, auc: 0.875, positiveRate: 0.25 });
    assertEquals(units[0], {
      au: 4,
      truePositives: 2,
      falsePositives: 1,
      falseNegatives: 1,
      trueNegatives: 2,
      f1: 0.75,
      auc: 0.875,
      positiveRate: 0.5,
      count: 6,
    });
    assertEquals(units[1].auc, null);
    assertEquals(text("folds.csv").split("\n").slice(0, 3), [
      "fold,au,f1,auc,positiveRate,count,truePositives,falsePositives,falseNegatives,trueNegatives",
      "1,4,0.5,0.75,0.5,4,1,1,1,1",
      "1,12,0,,0,4,0,0,0,4",
    ]);
    assertEquals(text("folds.csv").trim().split("\n").at(-1), "mean,12,0,,0,6,0,0,0,6");
  });
});
