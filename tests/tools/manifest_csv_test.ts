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

  it("reads tables in the encodings that spreadsheets write, and says so", async () => {
    writeTree(root, {
      "Zoë.jpg": await picture(A),
      "müller.jpg": await picture(B),
      "x.jpg": await picture(C),
    });
    const table =
      "image,subject,emotion\r\nZo\u00eb.jpg,J\u00fcrgen,happy\r\nm\u00fcller.jpg,J\u00f6rgen,sad\r\nx.jpg,Ju\u0308rgen,fear\r\n";
    const utf16 = (little: boolean) => {
      const view = new DataView(new ArrayBuffer(2 * table.length));
      [...table].forEach((letter, i) => view.setUint16(2 * i, letter.charCodeAt(0), little));
      return new Uint8Array(view.buffer);
    };
    const latin = Uint8Array.from(table.replace("u\u0308", "\u00fc"), (letter) => letter.charCodeAt(0));
    const tables: [string, Uint8Array][] = [
      ["utf-8", new TextEncoder().encode(table)],
      ["utf-8", new TextEncoder().encode(`\uFEFF${table}`)],
      ["windows-1252", latin],
      ["utf-16le", Uint8Array.of(0xff, 0xfe, ...utf16(true))],
      ["utf-16be", Uint8Array.of(0xfe, 0xff, ...utf16(false))],
      ["utf-16le", utf16(true)],
    ];
    for (const [i, [encoding, bytes]] of tables.entries()) {
      writeTree(root, { "labels.csv": bytes });
      const { lines, problems } = await makeManifest("csv", root, join(out, `${i}`));
      assertEquals(lines.map(({ subject, source }) => [subject, source]), [
        ["Jürgen", "Zoë.jpg"],
        ["Jörgen", "müller.jpg"],
        ["Jürgen", "x.jpg"],
      ]);
      assertEquals(
        problems,
        encoding === "utf-8" ? [] : [["other encodings", `labels.csv: ${encoding}`, "1"]],
      );
    }
    Deno.renameSync(join(root, "Zoë.jpg"), join(root, "Zoe\u0308.jpg")); // as macOS unpacks it
    const { lines } = await makeManifest("csv", root, join(out, "nfd"));
    assertEquals(lines.length, 3);
  });
});
