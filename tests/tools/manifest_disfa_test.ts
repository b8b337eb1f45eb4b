/** DISFA in its own layout, warts and all: labels arrive exact, and each with its own frame. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { FRONTAL, headAt, type Made, makeManifest, writeTree, writeVideo } from "./data_sets.ts";

const [A, B, C, D, E] = FRONTAL;

describe("deno task manifest disfa", () => {
  let root: string, out: string, made: Made;
  beforeAll(async () => {
    root = Deno.makeTempDirSync();
    out = Deno.makeTempDirSync();
    await writeVideo(join(root, "Videos_LeftCamera/LeftVideoSN001_comp.avi"), [A, B, C, D, E]);
    await writeVideo(join(root, "Videos_LeftCamera/leftvideosn010_COMP.AVI"), [E, D]);
    await writeVideo(join(root, "Videos_LeftCamera/LeftVideoSN004_comp.avi"), [A, A]);
    await writeVideo(join(root, "Video_RightCamera/RightVideoSN001_comp.avi"), [E, D, C, B, A]);
    Deno.mkdirSync(join(root, "ActionUnit_Labels/SN002"), { recursive: true });
    writeTree(root, {
      // Two frames more than the video has; frame 3 is missing, frame 4 could not be coded.
      "ActionUnit_Labels/SN001/SN001_au1.txt": "1,0\n2,1\n4,9\n5,5\n6,2\n7,2\n",
      // A header row, CRLF, spaces, a number that is none, an intensity that nobody describes, no last line break.
      "ActionUnit_Labels/SN001/SN001_au12.txt": "frame,intensity\r\n1, 2\r\n2,NaN\r\n3,3\r\n4,\r\n5,7",
      "ActionUnit_Labels/SN001/SN001_au99.txt": "1,1\n",
      "ActionUnit_Labels/sn010/sn010_AU1.TXT": "1,4\n2,0\n",
      "ActionUnit_Labels/SN003/SN003_au1.txt": "1,0\n2,0\n",
    });
    made = await makeManifest("disfa", root, out);
  });
  afterAll(() => {
    Deno.removeSync(root, { recursive: true });
    Deno.removeSync(out, { recursive: true });
  });

  it("gives each frame its labels: intensity as it is, present from 2 on, null where nobody coded", () => {
    const labels = made.lines.map(({ subject, frame, intensity, present }) => ({
      subject,
      frame,
      intensity,
      present,
    }));
    assertEquals(labels, [
      { subject: "001", frame: 1, intensity: { 1: 0, 12: 2 }, present: { 1: 0, 12: 1 } },
      { subject: "001", frame: 2, intensity: { 1: 1, 12: null }, present: { 1: 0, 12: null } },
      { subject: "001", frame: 3, intensity: { 1: null, 12: 3 }, present: { 1: null, 12: 1 } },
      { subject: "001", frame: 4, intensity: { 1: null, 12: null }, present: { 1: null, 12: null } },
      { subject: "001", frame: 5, intensity: { 1: 5, 12: null }, present: { 1: 1, 12: null } },
      { subject: "010", frame: 1, intensity: { 1: 4 }, present: { 1: 1 } },
      { subject: "010", frame: 2, intensity: { 1: 0 }, present: { 1: 0 } },
    ]);
    for (const line of made.lines) {
      assertEquals([line.set, line.split], ["disfa", "au"]);
      assert(line.image.startsWith("faces/") && Deno.statSync(join(out, line.image)).size > 1000);
    }
  });

  it("cuts the face of frame n from the video's n-th frame", () => {
    assertEquals(made.lines.map(({ photo }) => headAt(photo.points, FRONTAL)), [A, B, C, D, E, E, D]);
    assertEquals(made.lines[0].video, "Videos_LeftCamera/LeftVideoSN001_comp.avi");
  });

  it("names what did not fit", () => {
    assertEquals(made.problems, [
      ["labels without meaning", 'ActionUnit_Labels/SN001/SN001_au12.txt: frame 5, intensity "7"', "1"],
      [
        "labels without meaning",
        "AU99 is none that this project knows; it was left out everywhere",
        "1",
      ],
      ["labels without a picture", "ActionUnit_Labels/SN002: no files like SN002_au1.txt", "1"],
      ["labels without a picture", "ActionUnit_Labels/SN003: no video of SN003", "2"],
      ["labels without a picture", "Videos_LeftCamera/LeftVideoSN001_comp.avi, which has 5 frames", "2"],
      ["pictures without labels", "Videos_LeftCamera/LeftVideoSN004_comp.avi: a whole video", "1"],
    ]);
    assertStringIncludes(made.printed, "7 faces of 7 labelled frames of 2 videos");
    assertStringIncludes(
      made.printed,
      "2 of the 27 people of the published folds have faces; missing: 002 003",
    );
    for (
      const text of ["no video of SN003", "AU12 Lip corner puller", "2 of the 27 people", "mean of 7 faces"]
    ) {
      assertStringIncludes(made.report, text);
    }
    assert(!/src="(?!data:)|href=|@import|url\(/.test(made.report), "the report needs nothing but itself");
  });

  it("takes the other camera, numbers from 0, and every n-th frame when asked", async () => {
    const other = join(out, "right");
    const { lines } = await makeManifest("disfa", root, other, "--camera=right", "--every=2");
    assertEquals(lines.map(({ subject, frame, photo }) => [subject, frame, headAt(photo.points, FRONTAL)]), [
      ["001", 2, D],
      ["001", 4, B],
    ]);
    const zero = await makeManifest("disfa", root, other, "--camera=right", "--first=0");
    assertEquals(zero.lines.map(({ frame, photo }) => [frame, headAt(photo.points, FRONTAL)]), [
      [1, D],
      [2, C],
      [3, B],
      [4, A],
    ]);
  });
});

describe("deno task manifest disfa with 26 subjects", () => {
  it("says who of the 27 is missing", async () => {
    const root = Deno.makeTempDirSync(), out = Deno.makeTempDirSync();
    try {
      await writeVideo(join(root, "one.avi"), [A]);
      const numbers = [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        16,
        17,
        18,
        21,
        24,
        25,
        26,
        27,
        28,
        29,
        30,
        31,
        32,
      ];
      for (const number of numbers) {
        const name = `SN${String(number).padStart(3, "0")}`;
        writeTree(root, { [`labels/ActionUnit_Labels/${name}/${name}_au12.txt`]: `1,${number % 6}\n` });
        Deno.mkdirSync(join(root, "Videos_LeftCamera"), { recursive: true });
        Deno.copyFileSync(join(root, "one.avi"), join(root, `Videos_LeftCamera/LeftVideo${name}_comp.avi`));
      }
      const { lines, printed, problems } = await makeManifest("disfa", root, out);
      assertEquals(
        lines.map(({ subject, intensity }) => [subject, intensity![12]]),
        numbers.map((number) => [String(number).padStart(3, "0"), number % 6]),
      );
      assertEquals(problems, []);
      assertStringIncludes(printed, "26 of the 27 people of the published folds have faces; missing: 023.");
    } finally {
      for (const folder of [root, out]) Deno.removeSync(folder, { recursive: true });
    }
  });
});
