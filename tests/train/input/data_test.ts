import { assertEquals, assertNotEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import {
  countEmotions,
  type Face,
  holdBackSubjects,
  ManifestError,
  manifestPath,
  readManifest,
} from "../../../train/input/data.ts";
import { type Line, writeManifest } from "../toy_faces.ts";

describe("readManifest", () => {
  let folder: string;
  const path = () => join(folder, "manifest.jsonl");
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    for (const name of ["a.jpg", "b.jpg"]) await Deno.writeTextFile(join(folder, name), "");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  const line = (more: Line = {}): Line => ({ image: "a.jpg", subject: "s1", ...more });
  async function read(lines: readonly (Line | string)[]): Promise<Face[]> {
    await writeManifest(folder, lines);
    return readManifest(path());
  }

  it("reads every field of the contract and keeps the others", async () => {
    const [face, plain] = await read([
      line({
        emotion: "sad",
        split: "au",
        present: { 12: 1, 4: 0, 25: null },
        intensity: { 12: 3 },
        pose: [1, 2],
      }),
      "",
      line({ image: join(folder, "b.jpg"), emotion: null }),
    ]);
    assertEquals(face, {
      image: join(folder, "a.jpg"),
      line: 1,
      subject: "s1",
      emotion: "sad",
      split: "au",
      present: new Map([[4, false], [12, true]]),
      intensity: new Map([[12, 3]]),
      other: { pose: [1, 2] },
    });
    assertEquals([plain.image, plain.line, plain.emotion, plain.split], [
      join(folder, "b.jpg"),
      3,
      undefined,
      undefined,
    ]);
  });

  it("reads lines that a Windows program wrote", async () => {
    await Deno.writeTextFile(
      path(),
      "\uFEFF" + [line(), line()].map((entry) => JSON.stringify(entry)).join("\r\n"),
    );
    assertEquals(readManifest(path()).length, 2);
  });

  it("names file and line of what breaks a rule", async () => {
    const rules: [Line | string, string][] = [
      ["nonsense", "not JSON ("],
      ["[1]", "not a JSON object."],
      ["null", "not a JSON object."],
      [{ subject: "s" }, '"image" must be the path of a picture.'],
      [{ image: "a.jpg", subject: 7 }, '"subject" must name the person'],
      [
        line({ emotion: "glee" }),
        'unknown emotion "glee". Known are neutral, happy, sad, surprise, fear, disgust, anger.',
      ],
      [line({ split: "train" }), 'unknown split "train". Known are pretrain, au, test.'],
      [line({ image: "gone.jpg" }), "gone.jpg is missing."],
      [line({ image: "." }), "is not a file."],
      [line({ present: [1] }), '"present" must be an object.'],
      [line({ present: { smile: 1 } }), '"present" has the key "smile", which is no action unit.'],
      [line({ present: { 12: 2 } }), '"present" of AU12 is 2; it must be 0, 1 or null.'],
      [line({ intensity: { 12: 6 } }), '"intensity" of AU12 is 6; it must be 0 to 5 or null.'],
      [line({ split: "test" }), 'subject "s1" is in split "test" here but in "au" on line 1'],
    ];
    for (const [wrong, words] of rules) {
      await writeManifest(folder, [line({ split: "au" }), wrong]);
      const error = assertThrows(() => readManifest(path()), ManifestError, words);
      assertStringIncludes(error.message, `${path()}, line 2: `);
    }
    const said: string[] = [];
    await writeManifest(folder, [line({ split: "au" }), ...rules.map(([wrong]) => wrong)]);
    assertEquals(readManifest(path(), { skipBroken: true, onBroken: (one) => said.push(one) }).length, 1);
    assertEquals(said.length, rules.length);
    assertThrows(
      () => readManifest(join(folder, "none.jsonl")),
      ManifestError,
      "cannot be read: --data takes a folder",
    );
    assertEquals(manifestPath("x"), "x/manifest.jsonl");
    assertEquals(manifestPath("x/y.jsonl"), "x/y.jsonl");
  });
});

describe("holdBackSubjects", () => {
  const faces = Array.from(
    { length: 300 },
    (_, i) => ({ subject: `s${i % 100}`, emotion: "happy", line: i }) as Face,
  );
  const subjects = (list: readonly Face[]) => new Set(list.map((face) => face.subject));

  it("parts the subjects, never a subject's faces, and by the seed", () => {
    const { kept, held } = holdBackSubjects(faces, 0.1, 1);
    assertEquals([kept.length, held.length], [270, 30]);
    assertEquals(subjects(kept).intersection(subjects(held)).size, 0);
    assertEquals(holdBackSubjects(faces.toReversed(), 0.1, 1).held.length, 30);
    assertEquals(subjects(holdBackSubjects(faces.toReversed(), 0.1, 1).held), subjects(held));
    assertNotEquals(subjects(holdBackSubjects(faces, 0.1, 2).held), subjects(held));
  });

  it("moves hardly anybody when a subject is added", () => {
    const before = subjects(holdBackSubjects(faces, 0.1, 1).held);
    const after = subjects(holdBackSubjects([...faces, { ...faces[0], subject: "new" }], 0.1, 1).held);
    assertEquals(before.difference(after).size <= 1, true);
    assertEquals(countEmotions(faces), [0, 300, 0, 0, 0, 0, 0]);
  });
});
