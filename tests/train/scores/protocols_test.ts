import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { type Face, ManifestError } from "../../../train/input/data.ts";
import { protocolData } from "../../../train/scores/protocol_folds.ts";
import { BENCHMARKS } from "../../../train/scores/protocols.ts";

/** A face of the given person; its labels are given as the manifest has them. */
function face(subject: string, present: [number, boolean][], more: Partial<Face> = {}): Face {
  return {
    image: `${subject}.jpg`,
    line: 1,
    subject,
    present: new Map(present),
    intensity: new Map(),
    other: { set: "disfa" },
    ...more,
  };
}

const everybody = (set: "disfa" | "bp4d") => BENCHMARKS[set].folds!.flat();
const complaint = (action: () => unknown) => assertThrows(action, ManifestError).message;

describe("BENCHMARKS", () => {
  it("holds every person of BP4D and DISFA in exactly one fold", () => {
    for (const [set, count] of [["bp4d", 41], ["disfa", 27]] as const) {
      assertEquals(everybody(set).length, count);
      assertEquals(new Set(everybody(set)).size, count);
    }
    assertEquals(everybody("bp4d").filter((subject) => /^F0[0-2]\d$/.test(subject)).length, 23);
    assertEquals(everybody("bp4d").filter((subject) => /^M0[01]\d$/.test(subject)).length, 18);
    assert(everybody("disfa").every((subject) => /^0[0-3]\d$/.test(subject)));
  });
});

describe("protocolData", () => {
  const all = everybody("disfa").map((subject, i) =>
    face(subject, [[1, i % 2 === 0], [5, true]], { line: i + 1 })
  );

  it("makes the protocol's folds: everybody is tested once, by a part without them", () => {
    const { faces, folds, missing } = protocolData(all, "disfa", "occurrence", "m");
    assertEquals([faces.length, folds.length, missing], [27, 3, []]);
    const tested = folds.map(({ test }) => Array.from(test, (i) => faces[i].subject));
    assertEquals(
      tested.map((people) => people.toSorted()),
      BENCHMARKS.disfa.folds!.map((f) => [...f].sort()),
    );
    for (const { train, test } of folds) {
      assertEquals([...train, ...test].sort((a, b) => a - b), Array.from({ length: 27 }, (_, i) => i));
    }
    assertEquals([...faces[0].present.keys()], [1], "labels of units that the protocol does not ask for");
  });

  it("goes on with 26 of 27 people, and names who is missing", () => {
    const { faces, missing } = protocolData(
      all.filter(({ subject }) => subject !== "018"),
      "disfa",
      "occurrence",
      "m",
    );
    assertEquals([faces.length, missing], [26, ["018"]]);
  });

  it("refuses people whom no fold knows, all by name, and a fold without anybody", () => {
    const strangers = [
      ...all,
      face("014", [[1, true]], { line: 40 }),
      face("014", [[1, true]], { line: 41 }),
      face("SN001", [[1, true]], { line: 50 }),
    ];
    assertStringIncludes(
      complaint(() => protocolData(strangers, "disfa", "occurrence", "m")),
      'm: no fold of DISFA knows "014" (line 40), "SN001" (line 50).',
    );
    const gone = all.filter(({ subject }) => !BENCHMARKS.disfa.folds![1].includes(subject));
    assertStringIncludes(
      complaint(() => protocolData(gone, "disfa", "occurrence", "m")),
      "m: nobody of fold 2 of DISFA is there (013, 018,",
    );
  });

  it("takes faces of its own set only, and leaves out those without a label that it asks for", () => {
    const mixed = [...all, face("F001", [[1, true]], { other: { set: "bp4d" } }), face("002", [[5, true]])];
    const { faces, unlabelled } = protocolData(mixed, "disfa", "occurrence", "m");
    assertEquals([faces.length, unlabelled], [27, 1]);
    assertStringIncludes(
      complaint(() => protocolData(all, "gft", "occurrence", "m")),
      'm: no face is of the set "gft"; there are faces of disfa.',
    );
    const unnamed = all.map((one) => ({ ...one, other: {} }));
    assertEquals(protocolData(unnamed, "disfa", "occurrence", "m").faces.length, 27);
    assertStringIncludes(
      complaint(() => protocolData(all, "disfa", "intensity", "m")),
      'no face of DISFA carries a label of AU 1 2 4 6 9 12 25 26 ("intensity").',
    );
  });

  it("reads presence from intensity greater than 1 where only that is given, and refuses a contradiction", () => {
    const graded = all.map((one, i) => ({ ...one, present: new Map(), intensity: new Map([[1, i % 4]]) }));
    const { faces } = protocolData(graded, "disfa", "occurrence", "m");
    assertEquals(faces.map(({ present }) => present.get(1)), graded.map((_, i) => i % 4 >= 2));
    const wrong = all.map((one) => one.line === 7 ? { ...one, intensity: new Map([[1, 1]]) } : one);
    assertStringIncludes(
      complaint(() => protocolData(wrong, "disfa", "occurrence", "m")),
      'm, line 7: AU1 has intensity 1, but "present" says 1.',
    );
  });

  it("takes GFT's own split three times, and refuses faces outside of it", () => {
    const gft = (subject: string, split: Face["split"], line: number) =>
      face(subject, [[1, true]], { split, line, other: { set: "gft" } });
    const group = [gft("a", "au", 1), gft("b", "test", 2), gft("c", "au", 3), gft("d", "test", 4)];
    const { folds } = protocolData(group, "gft", "occurrence", "m");
    assertEquals(folds.map(({ train, test }) => [[...train], [...test]]), Array(3).fill([[0, 2], [1, 3]]));
    assertStringIncludes(
      complaint(() => protocolData([...group, gft("e", undefined, 9)], "gft", "occurrence", "m")),
      'm, line 9: "split" is missing.',
    );
    assertStringIncludes(
      complaint(() => protocolData(group.slice(0, 1), "gft", "occurrence", "m")),
      'no face of GFT is of split "test"',
    );
  });
});
