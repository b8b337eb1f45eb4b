import { assert, assertEquals, assertLessOrEqual, assertNotEquals, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Face } from "../../../train/input/data.ts";
import { foldOf, refuseKnownSubjects, subjectFolds } from "../../../train/scores/folds.ts";
import { permutation, randomStream } from "../../../train/runs/random.ts";
import { RunError } from "../../../train/runs/run_folder.ts";

/** Faces of people who have as many faces as `counts` says. */
function facesOf(counts: readonly number[]): Face[] {
  return counts.flatMap((count, s) =>
    Array.from({ length: count }, (_, n): Face => ({
      image: `/faces/${s}-${n}.jpg`,
      line: 100 * s + n + 1,
      subject: `s${s}`,
      present: new Map(),
      intensity: new Map(),
      other: {},
    }))
  );
}

const COUNTS = [31, 4, 12, 9, 20, 7, 15, 3, 22, 11, 6, 18, 10, 5];

describe("subjectFolds", () => {
  it("tests every face once, and nobody in a fold that trains on them", () => {
    for (const count of [2, 3, 5, COUNTS.length]) {
      for (let seed = 0; seed < 20; seed++) {
        const faces = facesOf(COUNTS);
        const folds = subjectFolds(faces, count, seed);
        assertEquals(folds.length, count);
        const tested = folds.flatMap(({ test }) => [...test]);
        assertEquals(tested.sort((one, other) => one - other), faces.map((_, i) => i));
        for (const { train, test, testSubjects } of folds) {
          assertEquals(train.length + test.length, faces.length);
          const trained = new Set(Array.from(train, (i) => faces[i].subject));
          assert(Array.from(test, (i) => faces[i].subject).every((subject) => !trained.has(subject)));
          assertEquals(testSubjects, [...new Set(Array.from(test, (i) => faces[i].subject))].sort());
        }
      }
    }
  });

  it("makes folds whose sizes differ by no more than the faces of one person", () => {
    for (let seed = 0; seed < 20; seed++) {
      const sizes = subjectFolds(facesOf(COUNTS), 3, seed).map(({ test }) => test.length);
      assertLessOrEqual(Math.max(...sizes) - Math.min(...sizes), Math.max(...COUNTS));
    }
  });

  it("depends on the seed and on who is there, not on the order of the faces", () => {
    const faces = facesOf(COUNTS);
    const order = permutation(faces.length, randomStream(3));
    const shuffled = Array.from(order, (i) => faces[i]);
    const people = (list: Face[], seed: number) =>
      subjectFolds(list, 3, seed).map((fold) => fold.testSubjects);
    assertEquals(people(shuffled, 1), people(faces, 1));
    assertNotEquals(people(faces, 1), people(faces, 2));
  });

  it("makes none where none are asked for, also of nobody", () => {
    assertEquals(subjectFolds(facesOf(COUNTS), 0, 1), []);
    assertEquals(subjectFolds([], 0, 1), []);
  });

  it("refuses more folds than there are people", () => {
    const error = assertThrows(() => subjectFolds(facesOf([5, 5]), 3, 0), RunError) as Error;
    assertEquals(error.message, "3 folds by subject need 3 subjects; the faces show 2.");
  });
});

describe("foldOf", () => {
  it("tests on the given people and trains on the others", () => {
    const { train, test, testSubjects } = foldOf(facesOf([2, 1, 2]), ["s2", "s0"]);
    assertEquals([...train], [2]);
    assertEquals([...test], [0, 1, 3, 4]);
    assertEquals(testSubjects, ["s0", "s2"]);
  });
});

describe("refuseKnownSubjects", () => {
  it("lets people pass whom the model has not seen", () => {
    refuseKnownSubjects(facesOf([3, 3]), { pretraining: ["s7"], actionUnits: ["s8", "s"] });
  });

  it("names the person, the face and the training, for either kind of training", () => {
    const known = [
      [{ pretraining: ["s1"], actionUnits: [] }, "pretraining"],
      [{ pretraining: [], actionUnits: ["s0", "s1"].slice(1) }, "action-unit training"],
    ] as const;
    for (const [subjects, kind] of known) {
      const error = assertThrows(() => refuseKnownSubjects(facesOf([3, 3]), subjects), RunError) as Error;
      assertEquals(
        error.message.split(":")[0],
        `subject "s1" (/faces/1-0.jpg, line 101 of its manifest) was in this model's ${kind}`,
      );
    }
  });
});
