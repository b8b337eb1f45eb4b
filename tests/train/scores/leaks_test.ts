import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import type { Face } from "../../../train/input/data.ts";
import { foldOf, subjectFolds } from "../../../train/scores/folds.ts";
import { refuseLeaks } from "../../../train/scores/leaks.ts";
import { RunError } from "../../../train/runs/run_folder.ts";

describe("refuseLeaks", () => {
  let folder: string;
  beforeAll(() => {
    folder = Deno.makeTempDirSync();
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));

  /** Faces of the given people, each picture with bytes of its own unless they are given. */
  function faces(
    people: readonly string[],
    bytes: readonly string[] = people.map((_, i) => `picture ${i}`),
  ): Face[] {
    return people.map((subject, i) => {
      const image = join(folder, `${i}.jpg`);
      Deno.writeTextFileSync(image, bytes[i]);
      return { image, line: i + 1, subject, present: new Map(), intensity: new Map(), other: {} };
    });
  }
  const people = ["a", "a", "b", "b", "c", "c"];

  it("passes folds by subject, and pictures that a person has twice", () => {
    const bytes = ["one", "one", "two", "three", "four", "four"];
    const given = faces(people, bytes);
    refuseLeaks(given, subjectFolds(given, 3, 0));
  });

  it("names both faces when two people's pictures are the same bytes, in whatever folder they lie", () => {
    const given = faces(people, ["one", "two", "three", "two", "five", "six"]);
    const { message } = assertThrows(() => refuseLeaks(given, subjectFolds(given, 3, 0)), RunError);
    assertStringIncludes(
      message,
      `${join(folder, "1.jpg")}, line 2, subject "a", and ${join(folder, "3.jpg")}, line 4, `,
    );
    assertStringIncludes(message, 'subject "b", hold the same bytes');
    // Within one and the same part of every fold, nothing of it leaks.
    refuseLeaks(given, [foldOf(given, ["c"])]);
  });

  it("finds the third of three equal pictures, too", () => {
    const given = faces(people, ["one", "one", "three", "four", "five", "one"]);
    const { message } = assertThrows(() => refuseLeaks(given, [foldOf(given, ["c"])]), RunError);
    assertStringIncludes(message, "line 6");
  });

  it("names both faces of a person who is on both sides of a fold", () => {
    const given = faces(people);
    const broken = { train: Int32Array.of(0, 2, 3), test: Int32Array.of(1, 4, 5), testSubjects: ["a", "c"] };
    const { message } = assertThrows(() => refuseLeaks(given, [broken]), RunError);
    assertStringIncludes(message, 'subject "a" is in the training and in the test part of a fold');
    assertEquals(message.match(/line [12]\b/g), ["line 1", "line 2"]);
  });
});
