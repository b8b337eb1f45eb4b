/** `deno task manifest csv`: pictures and videos of one's own with a table of labels. */
import { assertEquals, assertRejects } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { FRONTAL, headAt, type Line, makeManifest, picture, writeTree, writeVideo } from "./data_sets.ts";

const [A, B, C] = FRONTAL;
const headsOf = (lines: readonly Line[]) => lines.map(({ photo }) => headAt(photo.points, FRONTAL));

let root: string, out: string;
beforeEach(() => {
  root = Deno.makeTempDirSync();
  out = Deno.makeTempDirSync();
});
afterEach(() => {
  Deno.removeSync(root, { recursive: true });
  Deno.removeSync(out, { recursive: true });
});

describe("deno task manifest csv", () => {
  it("reads the columns that its options name", async () => {
    writeTree(root, {
      "pictures/a.jpg": await picture(A),
      "pictures/b.jpg": await picture(B),
      "labels.csv": [
        "\uFEFFFile;Person;Feeling;Part;AU01_c;AU12_c;AU12_r;comment",
        'pictures/a.jpg;anna;0;train;1;0;1.0;"one; two"',
        "pictures\\b.jpg;ben;3;val;;1;NaN;",
        "pictures/a.jpg;anna;0;train;0;0;0;twice",
        "pictures/c.jpg;cleo;2;nowhere;8;1;2;",
      ].join("\r\n"),
    });
    const { lines, problems } = await makeManifest(
      ...["csv", root, out, "--image=file", "--subject=PERSON", "--emotion=Feeling", "--split=part"] as const,
      ...["--present=AU#_c", "--intensity=AU#_r", "--emotions=neutral,happy,,anger"],
    );
    assertEquals(lines.map(({ image: _, photo: __, ...line }) => line), [{
      subject: "anna",
      emotion: "neutral",
      split: "pretrain",
      present: { 1: 1, 12: 0 },
      intensity: { 12: 1 },
      source: "pictures/a.jpg",
    }, {
      subject: "ben",
      emotion: "anger",
      split: "test",
      present: { 1: null, 12: 1 },
      intensity: { 12: null },
      source: "pictures/b.jpg",
    }]);
    assertEquals(headsOf(lines), [A, B]);
    assertEquals(problems, [
      ["labelled twice", "pictures/a.jpg", "1"],
      ["labels without meaning", 'row 5: AU1 is "8"', "1"],
      ["other classes", 'row 5: pictures/c.jpg is "2"', "1"],
      ["labels without meaning", 'row 5: split "nowhere"', "1"],
      ["labels without a picture", "pictures/c.jpg", "1"],
    ]);
  });

  it("takes frames of videos in any order", async () => {
    await writeVideo(join(root, "one.avi"), [A, B, C]);
    writeTree(root, { "t.csv": "image,frame,subject,AU4\none.avi,3,x,1\ngone.avi,1,y,0\none.avi,1,x,0\n" });
    const { lines, problems } = await makeManifest("csv", root, out);
    assertEquals(lines.map(({ video, frame, present }) => [video, frame, present![4]]), [["one.avi", 1, 0], [
      "one.avi",
      3,
      1,
    ]]);
    assertEquals(headsOf(lines), [A, C]);
    assertEquals(problems, [
      ["pictures without labels", "one.avi", "1"],
      ["unreadable files", "gone.avi: The file does not exist.", "1"],
      ["labels without a picture", "gone.avi, which has 0 frames", "1"],
    ]);
  });

  it("says which columns there are", async () => {
    writeTree(root, { "t.csv": "image,mood\n1.jpg,happy\n" });
    const make = (...options: string[]) => makeManifest("csv", root, out, ...options);
    await assertRejects(() => make(), Error, "neither a column of emotions");
    await assertRejects(() => make("--emotion=feeling"), Error, 'has no column "feeling"');
    await assertRejects(() => make("--present=AU"), Error, "must hold one #");
    await assertRejects(() => make("--emotion=mood", "--emotions=glad"), Error, '"glad" is none');
    await assertRejects(() => make("--table=other.csv"), Error, "is no file");
    writeTree(root, { "u.csv": "" });
    await assertRejects(() => make(), Error, "several: t.csv, u.csv");
    await assertRejects(() => make("--table=u.csv"), Error, "is empty");
  });
});
