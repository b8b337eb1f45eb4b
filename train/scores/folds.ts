/** Folds of a data set by subject: nobody is in the training and the test part of the same fold. */
import type { Face } from "../input/data.ts";
import { permutation, PURPOSE, randomStream } from "../runs/random.ts";
import { RunError } from "../runs/run_folder.ts";

/** One fold: indices into the faces. */
export interface Fold {
  train: Int32Array<ArrayBuffer>;
  test: Int32Array<ArrayBuffer>;
  testSubjects: string[];
}

/**
 * Cuts the faces into `count` folds by subject, near equal in faces: subjects in seeded order, each into the fold that
 * holds the fewest faces so far.
 * @throws {RunError} fewer subjects than folds
 */
export function subjectFolds(faces: readonly Face[], count: number, seed: number): Fold[] {
  const bySubject = Map.groupBy(faces.map((_, i) => i), (i) => faces[i].subject);
  const subjects = [...bySubject.keys()].sort();
  if (count === 0) return [];
  if (subjects.length < count) {
    throw new RunError(
      `${count} folds by subject need ${count} subjects; the faces show ${subjects.length}.`,
    );
  }
  const order = permutation(subjects.length, randomStream(seed, PURPOSE.folds));
  const groups = Array.from({ length: count }, () => ({ subjects: [] as string[], faces: [] as number[] }));
  for (const i of order) {
    const smallest = groups.reduce((one, other) => other.faces.length < one.faces.length ? other : one);
    smallest.subjects.push(subjects[i]);
    smallest.faces.push(...bySubject.get(subjects[i])!);
  }
  return groups.map((group) => foldOf(faces, group.subjects));
}

/** The fold that tests on the given subjects and trains on all others. */
export function foldOf(faces: readonly Face[], testSubjects: readonly string[]): Fold {
  const tested = new Set(testSubjects);
  const indices = faces.map((_, i) => i);
  return {
    train: Int32Array.from(indices.filter((i) => !tested.has(faces[i].subject))),
    test: Int32Array.from(indices.filter((i) => tested.has(faces[i].subject))),
    testSubjects: [...testSubjects].sort(),
  };
}

/**
 * Refuses to test on anybody that a model has learnt from.
 * @throws {RunError} naming the subject and the kind of training
 */
export function refuseKnownSubjects(
  faces: readonly Face[],
  { pretraining, actionUnits, adaptation = [] }: {
    pretraining: readonly string[];
    actionUnits: readonly string[];
    adaptation?: readonly string[];
  },
): void {
  const known = [
    ["pretraining", new Set(pretraining)],
    ["action-unit training", new Set(actionUnits)],
    ["adaptation", new Set(adaptation)],
  ] as const;
  for (const { subject, image, line } of faces) {
    for (const [kind, subjects] of known) {
      if (!subjects.has(subject)) continue;
      throw new RunError(
        `subject "${subject}" (${image}, line ${line} of its manifest) was in this model's ${kind}: a test on people ` +
          "that a model has seen says nothing about others. Take the subject out of the test data.",
      );
    }
  }
}
