/** Sets of single pictures in their own layouts: AffectNet, RAF-DB, folders. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import sharp from "sharp";
import { readManifest } from "../../train/input/data.ts";
import {
  FRONTAL,
  headAt,
  landmarksOf,
  type Line,
  makeManifest,
  npy,
  picture,
  pointsOf,
  writeTree,
} from "./data_sets.ts";

const [A, B, C, D] = FRONTAL;
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

/** Two heads side by side. */
async function pair(left: number, right: number): Promise<Uint8Array> {
  const ground = { width: 640, height: 320, channels: 3 as const, background: "#8d8478" };
  const part = async (head: number, left: number) => ({
    input: Buffer.from(await picture(head)),
    left,
    top: 0,
  });
  const parts = [await part(left, 0), await part(right, 320)];
  return await sharp({ create: ground }).composite(parts).jpeg().toBuffer();
}

describe("deno task manifest affectnet", () => {
  const label = (line: Line) => [line.source, line.emotion, line.split, line.valence, line.arousal];
  const marks = (head: number) => landmarksOf(head).join(";");

  it("reads the lists of the older release, and takes the face in their box", async () => {
    const folder = "Manually_Annotated_Images";
    writeTree(root, {
      [`${folder}/1/a.jpg`]: await pair(A, B),
      [`${folder}/1/b.JPG`]: await picture(C),
      [`${folder}/2/c.jpg`]: await picture(D),
      [`${folder}/2/grey.jpg`]: await sharp({
        create: { width: 200, height: 200, channels: 3, background: "#777" },
      })
        .jpeg().toBuffer(),
      [`${folder}/2/cut.jpg`]: (await picture(A)).subarray(0, 900),
      "lists/training.csv": [
        "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal",
        `1/a.jpg,360,60,200,200,${marks(B)},1,0.75,-0.25`,
        `1/b.JPG,NaN,NaN,NaN,NaN,,6,-2,-2`,
        "2/c.jpg,40,40,240,240,,7,0.1,0.1",
        "2/c.jpg,40,40,240,240,,10,-2,-2",
        "2/grey.jpg,0,0,200,200,,0,0,0",
        "2/cut.jpg,0,0,200,200,,0,0,0",
        "2/gone.jpg,0,0,200,200,,2,0,0",
        "2/c.jpg,0,0,200,200,,x,0,0",
      ].join("\r\n"),
      "lists/Validation.csv": `2/c.jpg,40,40,240,240,${marks(D)},4,0.5,0\n`,
      "lists/automatically_annotated.csv": "subDirectory_filePath\n1/a.jpg\n",
    });
    const { lines, problems, report } = await makeManifest("affectnet", root, out);
    assertEquals(lines.map(label), [
      [`${folder}/2/c.jpg`, "fear", "test", 0.5, 0],
      [`${folder}/1/a.jpg`, "happy", "pretrain", 0.75, -0.25],
      [`${folder}/1/b.JPG`, "anger", "pretrain", undefined, undefined],
    ]);
    const [, { photo }] = lines;
    assertEquals(photo.faces, 2);
    assertAlmostEquals(photo.points.nose[0] - 320, pointsOf(B).nose[0], 8);
    assertAlmostEquals(lines[0].photo.off!, 0.06, 0.1, "the finder is near the set's landmarks");
    assert(lines.every(({ set, subject, source }) => set === "affectnet" && source!.startsWith(subject)));
    assertEquals(
      problems.map(([kind, what]) => [kind, what.replace(`${folder}/`, "").replace(/: The image.*/, "")]),
      [
        ["other classes", "2/c.jpg: contempt"],
        ["other classes", "2/c.jpg: no face"],
        ["no face", "2/grey.jpg"],
        ["unreadable files", "2/cut.jpg"],
        ["labels without a picture", "2/gone.jpg"],
        ["labels without meaning", '2/c.jpg: expression "x"'],
      ],
    );
    assertStringIncludes(report, "The finder beside the set's own landmarks");
    assertEquals(readManifest(join(out, "manifest.jsonl")).length, 3, "pretrain takes it as it is");
  });

  it("reads the NumPy files of the newer release, and aligns by its landmarks when asked", async () => {
    const half = landmarksOf(A).map((value) => value + 4); // not where the finder would look
    writeTree(root, {
      "train_set/images/0.jpg": await picture(A),
      "train_set/images/1.jpg": await picture(B),
      "train_set/images/2.jpg": await picture(C),
      "train_set/images/3.jpg": await picture(C),
      "train_set/annotations/0_exp.npy": npy("3"),
      "train_set/annotations/0_val.npy": npy("0.45"),
      "train_set/annotations/0_aro.npy": npy("-0.0317460"),
      "train_set/annotations/0_lnd.npy": npy(half),
      "train_set/annotations/1_exp.npy": npy("5"),
      "train_set/annotations/2_exp.npy": npy("8"),
      "train_set/annotations/9_exp.npy": npy("0"),
      "val_set/images/0.jpg": await picture(D),
      "val_set/annotations/0_exp.npy": npy("0"),
      "val_set/annotations/0_lnd.npy": npy(landmarksOf(D)),
    });
    const { lines, problems } = await makeManifest("affectnet", root, out);
    assertEquals(lines.map(label), [
      ["train_set/images/0.jpg", "surprise", "pretrain", 0.45, -0.031746],
      ["train_set/images/1.jpg", "disgust", "pretrain", undefined, undefined],
      ["val_set/images/0.jpg", "neutral", "test", undefined, undefined],
    ]);
    assertEquals(headsOf(lines), [A, B, D]);
    assertEquals(problems, [
      ["labels without a picture", "train_set/annotations/9_exp.npy", "1"],
      ["other classes", "train_set/images/2.jpg: none", "1"],
      ["pictures without labels", "train_set/images/3.jpg", "1"],
    ]);

    const byLandmarks = await makeManifest("affectnet", root, join(out, "set"), "--points=set");
    assertEquals(byLandmarks.lines.map(({ source }) => source), [
      "train_set/images/0.jpg",
      "val_set/images/0.jpg",
    ]);
    const { leftEye } = byLandmarks.lines[0].photo.points, [x, y] = pointsOf(A).leftEye;
    assertAlmostEquals(leftEye[0], x + 4, 0.02);
    assertAlmostEquals(leftEye[1], y + 4, 0.02);
    assertEquals(byLandmarks.problems.filter(([kind]) => kind === "no face"), [
      ["no face", "train_set/images/1.jpg", "1"],
    ]);
  });
});

describe("deno task manifest rafdb", () => {
  it("reads classes 1-7, takes the face in the box, or aligns by the five landmarks", async () => {
    const marks = (head: number, dx = 0) => {
      const { leftEye, rightEye, nose, mouth: [mx, my] } = pointsOf(head);
      const points = [rightEye, leftEye, nose, [mx - 20, my], [mx + 20, my]];
      return points.map(([x, y]) => `${(x + dx).toFixed(3)}\t${y.toFixed(3)}\n`).join("") + "1\n0\n2\n";
    };
    writeTree(root, {
      "EmoLabel/list_patition_label.txt":
        "train_00001.jpg 5\r\ntrain_00002.jpg 1\r\ntest_0001.jpg 7\r\ntest_0002.jpg 9\r\n",
      "Image/original/train_00001.jpg": await pair(A, B),
      "Image/original/train_00002.jpg": await picture(C),
      "Image/original/test_0001.jpg": await picture(D),
      "Image/original/test_0003.jpg": await picture(D),
      "Image/aligned/test_0001_aligned.jpg": await picture(A),
      "Annotation/boundingbox/train_00001_boundingbox.txt": "360.5 40.0 600.0 300.0\n",
      "Annotation/manual/train_00001_manu_attri.txt": marks(B, 320),
      "Annotation/manual/train_00002_manu_attri.txt": marks(C),
      "Annotation/manual/test_0001_manu_attri.txt": marks(D),
    });
    const { lines, problems } = await makeManifest("rafdb", root, out);
    assertEquals(lines.map(({ source, emotion, split, subject }) => [source, emotion, split, subject]), [
      ["Image/original/train_00001.jpg", "sad", "pretrain", "train_00001"],
      ["Image/original/train_00002.jpg", "surprise", "pretrain", "train_00002"],
      ["Image/original/test_0001.jpg", "neutral", "test", "test_0001"],
    ]);
    assertAlmostEquals(lines[0].photo.points.nose[0] - 320, pointsOf(B).nose[0], 8);
    assertEquals(problems, [
      ["labels without meaning", 'list_patition_label.txt: "test_0002.jpg 9"', "1"],
      ["pictures without labels", "Image/original/test_0003.jpg", "1"],
    ]);

    const byLandmarks = await makeManifest("rafdb", root, join(out, "set"), "--points=set");
    assertAlmostEquals(byLandmarks.lines[0].photo.points.nose[0], pointsOf(B).nose[0] + 320, 0.01);
    const aligned = await makeManifest("rafdb", root, join(out, "aligned"), "--pictures=aligned");
    assertEquals(aligned.lines.map(({ source }) => source), ["Image/aligned/test_0001_aligned.jpg"]);
    assertEquals(headsOf(aligned.lines), [A]);
  });
});

describe("deno task manifest folder", () => {
  it("finds ordinary photographs' faces at any size, whichever way EXIF turns them", async () => {
    const portrait = Deno.readFileSync(new URL("../fixtures/astronaut.jpg", import.meta.url));
    const photo = (width: number, turn: 0 | 90 | 180 | 270, orientation: number) =>
      sharp(portrait).resize(width).rotate(turn).withMetadata({ orientation }).jpeg({ quality: 95 })
        .toBuffer();
    writeTree(root, {
      "train/happy/eileen/1.jpg": await photo(512, 0, 1),
      "train/Happiness/eileen/2.JPEG": await photo(1600, 90, 8),
      "train/eileen/surprise/3.jpg": await photo(200, 270, 6),
      "test/ANGRY/4.jpg": await photo(700, 180, 3),
      "test/contempt/5.jpg": await photo(512, 0, 1),
      "train/sad/notes.txt": "no picture",
    });
    const { lines, problems } = await makeManifest("folder", root, out);
    assertEquals(
      lines.map(({ source, subject, emotion, split, set }) => [source, subject, emotion, split, set]),
      [
        ["test/ANGRY/4.jpg", "test/ANGRY/4", "anger", "test", undefined],
        ["train/Happiness/eileen/2.JPEG", "eileen", "happy", "pretrain", undefined],
        ["train/eileen/surprise/3.jpg", "eileen", "surprise", "pretrain", undefined],
        ["train/happy/eileen/1.jpg", "eileen", "happy", "pretrain", undefined],
      ],
    );
    // The same head in the same place of every upright picture, in parts of its width.
    const reference = lines[3].photo.points;
    for (const [i, width] of [700, 1600, 200].entries()) {
      for (const [name, at] of Object.entries(lines[i].photo.points)) {
        at.forEach((value, axis) =>
          assertAlmostEquals(value / width, reference[name][axis] / 512, 0.02, `${i} ${name}`)
        );
      }
    }
    assertEquals(problems, [["other classes", "test/contempt/5.jpg", "1"]]);
  });

  it("ends where links lead back, and tells faces apart whose names fold to one", async () => {
    writeTree(root, {
      "happy/anna/p.jpg": await picture(A),
      "happy/anna/p.JPG": await picture(B),
      "happy/ben/1.jpg": await picture(C),
      "happy/ben/2.heic": "no picture that is read",
      "sad/anna/q..r.jpg": await picture(B),
      "sad/anna/q_r.jpg": await picture(C),
    });
    Deno.symlinkSync(".", join(root, "happy/up"));
    Deno.symlinkSync("..", join(root, "happy/anna/up"));
    Deno.symlinkSync("../ben/1.jpg", join(root, "happy/anna/ben.jpg"));
    const { lines, problems } = await makeManifest("folder", root, out);
    assertEquals(lines.map(({ source, subject }) => [source, subject]), [
      ["happy/anna/p.JPG", "anna"],
      ["happy/anna/p.jpg", "anna"],
      ["happy/ben/1.jpg", "ben"],
      ["sad/anna/q..r.jpg", "anna"],
      ["sad/anna/q_r.jpg", "anna"],
    ]);
    assertEquals(headsOf(lines), [B, A, C, B, C]);
    assertEquals(new Set(lines.map(({ image }) => image.toLowerCase())).size, 5);
    assertEquals(problems.map(([kind, what]) => [kind, what.split(":")[0]]), [
      ["passed over", "happy/anna/up"],
      ["passed over", "happy/anna/ben.jpg"],
      ["passed over", "happy/ben/2.heic"],
      ["passed over", "happy/up"],
    ]);
    await assertRejects(
      () => makeManifest("folder", root, join(root, "happy/up/out")),
      Error,
      "lies in --root",
    );
  });
});
