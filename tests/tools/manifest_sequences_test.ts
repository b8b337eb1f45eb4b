/** BP4D and GFT in their own layouts: labels arrive exact, each with its own frame. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { FRONTAL, headAt, type Line, makeManifest, picture, writeTree, writeVideo } from "./data_sets.ts";

const [A, B, C, D, E] = FRONTAL;
const headsOf = (lines: readonly Line[]) => lines.map(({ photo }) => headAt(photo.points, FRONTAL));

let root: string, out: string;
beforeEach(() => {
  root = Deno.makeTempDirSync();
  out = join(root, "..", `${root.split("/").at(-1)}-out`);
});
afterEach(() => {
  for (const folder of [root, out]) {
    try {
      Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
});

describe("deno task manifest bp4d", () => {
  it("takes numbered pictures and videos, with 9 as unlabelled and intensities where they are coded", async () => {
    writeTree(root, {
      "AUCoding/AU_OCC/F001_T1.csv":
        "0,1,2,6,12,38\r\n1,0,1,9,1,0\r\n2,1,0,0,0,9\r\n4,1,1,1,1,0\r\n2,0,0,0,1,0\r\n",
      "AUCoding/AU_OCC/m002_t8.csv": ",AU01,AU12\n2440,1,9\n2441,,4\n",
      "AUCoding/AU_OCC/F003_T2.csv": "0,1,12\n1,0,0\n3,1,1\n",
      "AUCoding/AU_OCC/F004_T1.csv": "0,1\n1,0\n2,1\n",
      "AUCoding/AU_OCC/notes.txt": "no table",
      "AUCoding/AU_INT/AU06/F001_T1_AU06.csv": "1,9\n2,3\n",
      "AUCoding/AU_INT/AU12/F001_T1_AU12.csv": "1,5\n2,0\n",
      "Sequences/F001/T1/0001.jpg": await picture(A),
      "Sequences/F001/T1/0002.JPG": await picture(B),
      "Sequences/F001/T1/0003.jpg": await picture(C),
      "Sequences/M002/T8/2440.jpg": await picture(D),
      "Sequences/M002/T8/2441.jpg": await picture(E),
      "Sequences/M005/T1/0001.jpg": await picture(E),
    });
    await writeVideo(join(root, "Sequences/F003/T2.avi"), [C, D, E]);
    const { lines, problems, printed } = await makeManifest("bp4d", root, out);
    assertEquals(
      lines.map(({ subject, video, frame, present, intensity }) => ({
        subject,
        video,
        frame,
        present,
        intensity,
      })),
      [
        {
          subject: "F001",
          video: "F001_T1",
          frame: 1,
          present: { 1: 0, 2: 1, 6: null, 12: 1 },
          intensity: { 6: null, 12: 5 },
        },
        {
          subject: "F001",
          video: "F001_T1",
          frame: 2,
          present: { 1: 1, 2: 0, 6: 0, 12: 0 },
          intensity: { 6: 3, 12: 0 },
        },
        { subject: "F003", video: "F003_T2", frame: 1, present: { 1: 0, 12: 0 }, intensity: undefined },
        { subject: "F003", video: "F003_T2", frame: 3, present: { 1: 1, 12: 1 }, intensity: undefined },
        { subject: "M002", video: "M002_T8", frame: 2440, present: { 1: 1, 12: null }, intensity: undefined },
        {
          subject: "M002",
          video: "M002_T8",
          frame: 2441,
          present: { 1: null, 12: null },
          intensity: undefined,
        },
      ],
    );
    assertEquals(headsOf(lines), [A, B, C, E, D, E]);
    assertEquals(lines.map(({ set, split }) => `${set} ${split}`), Array(6).fill("bp4d au"));
    assertEquals(problems, [
      ["labels without meaning", "AU38 is none that this project knows; it was left out everywhere", "1"],
      ["labelled twice", "Sequences/F001/T1/0002.JPG", "1"],
      ["labels without a picture", "AUCoding/AU_OCC/F001_T1.csv: frame 4", "1"],
      ["pictures without labels", "Sequences/F001/T1", "1"],
      ["labels without a picture", "AUCoding/AU_OCC/F004_T1.csv: no pictures and no video of it", "2"],
      ["labels without meaning", 'm002_t8.csv: frame 2441, AU12 is "4"', "1"],
      ["pictures without labels", "Sequences/F003/T2.avi", "1"],
      ["pictures without labels", "Sequences/M005/T1: a whole sequence", "1"],
    ]);
    assertStringIncludes(printed, "3 of the 41 people of the published folds");
  });
});

describe("deno task manifest gft", () => {
  const TABLE = "Frame,AU1,AU12,other\n1,0,1,x\n2,9,0,x\n3,1,NaN,x\n";
  it("takes the official split from lists, and videos by their participant's name", async () => {
    await writeVideo(join(root, "videos/001A.mp4"), [A, B, C]);
    await writeVideo(join(root, "videos/002b_face.MP4"), [E, D]);
    await writeVideo(join(root, "videos/003C.mp4"), [A]);
    writeTree(root, {
      "AUs/001a_AU.csv": TABLE,
      "AUs/002B_labels.csv": "frame\tAU01\tAU12\n2\t1\t0\n1\t0\t1\n",
      "AUs/004D.csv": TABLE,
      "AUs/005E.csv": TABLE,
      "train.txt": "001A\r\n004d\r\n",
      "Test_participants.csv": "002B\n",
    });
    const { lines, problems } = await makeManifest("gft", root, out);
    assertEquals(
      lines.map(({ subject, split, frame, present, set }) => ({ subject, split, frame, present, set })),
      [
        { subject: "001a", split: "au", frame: 1, present: { 1: 0, 12: 1 }, set: "gft" },
        { subject: "001a", split: "au", frame: 2, present: { 1: null, 12: 0 }, set: "gft" },
        { subject: "001a", split: "au", frame: 3, present: { 1: 1, 12: null }, set: "gft" },
        { subject: "002B", split: "test", frame: 1, present: { 1: 0, 12: 1 }, set: "gft" },
        { subject: "002B", split: "test", frame: 2, present: { 1: 1, 12: 0 }, set: "gft" },
      ],
    );
    assertEquals(headsOf(lines), [A, B, C, E, D]);
    assertEquals(problems, [
      ["labels without a picture", "AUs/004D.csv: no video of 004D", "3"],
      ["labels without meaning", "AUs/005E.csv: neither in the training nor in the test set", "1"],
      ["pictures without labels", "videos/003C.mp4: a whole video", "1"],
    ]);
  });

  it("takes the official split from folders, and asks for it where there is none", async () => {
    await writeVideo(join(root, "videos/7.mp4"), [A]);
    await writeVideo(join(root, "videos/8.mp4"), [B]);
    writeTree(root, { "7.csv": TABLE, "8.csv": TABLE });
    await assertRejects(
      () => makeManifest("gft", root, out),
      Error,
      "put the official lists into it as train.txt",
    );
    Deno.removeSync(join(root, "7.csv"));
    Deno.removeSync(join(root, "8.csv"));
    writeTree(root, { "Train/7.csv": TABLE, "TEST/8.csv": TABLE });
    const { lines } = await makeManifest("gft", root, out);
    assertEquals(lines.map(({ subject, split }) => [subject, split]), [["8", "test"], ["7", "au"]]);
  });
});
