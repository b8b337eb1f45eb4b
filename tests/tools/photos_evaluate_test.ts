import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { openDetector } from "../../tools/detect/open.ts";
import { evaluateOnPhotos } from "../../tools/photos/evaluate_photos.ts";
import { ManifestError, partOf, readPhotos } from "../../tools/photos/manifest.ts";
import { findModel } from "../../tools/photos/models.ts";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";

const portrait = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Twenty faces in two tones, of which the warm ones "smile", a grey picture without a face, and one that is broken. */
describe("deno task evaluate --photos", () => {
  let folder: string, model: string, out: string;
  let printed: string[];
  const print = console.log;
  const smile = { mouthSmileLeft: 0.4, mouthSmileRight: 0.4 },
    straight = { mouthSmileLeft: 0, mouthSmileRight: 0.1 };

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    model = join(folder, "model");
    Deno.mkdirSync(model);
    // AU12 is redness less blueness; the second unit says the opposite.
    const bytes = writeTinyModel({
      weights: [[1, -1], [0, 0], [-1, 1]],
      bias: [0, 0],
      emotions: [[1, -1], [0, 0], [-1, 1]],
    }, 32);
    Deno.writeFileSync(join(model, "emoco.onnx"), bytes);
    const card = await writeTinyCard(bytes, { emotions: ["happy", "sad"] });
    Deno.writeTextFileSync(join(model, "emoco.json"), JSON.stringify(card));

    const face = await sharp(portrait).resize(256).png().toBuffer();
    await sharp(face).linear([1, 1, 0.5], [0, 0, 0]).jpeg().toFile(join(folder, "warm.jpg"));
    await sharp(face).linear([0.5, 1, 1], [0, 0, 0]).jpeg().toFile(join(folder, "cold.jpg"));
    await sharp({ create: { width: 200, height: 200, channels: 3, background: "#777" } }).png()
      .toFile(join(folder, "grey.png"));
    Deno.writeTextFileSync(join(folder, "broken.jpg"), "no picture");
    const lines = [
      ...Array.from({ length: 20 }, (_, i) => ({
        image: i % 4 < 2 ? "warm.jpg" : "cold.jpg",
        subject: `s${i >> 1}`,
        split: "test",
        present: { 12: Number(i % 4 < 2), 4: null },
        query: i % 4 < 2 ? "happy" : "sunny",
        from: { set: i < 10 ? "one" : "two" },
        readers: { 12: i % 4 < 2 ? [2, 3] : [0, null] },
        blendshapes: i % 4 < 2 ? smile : straight,
      })),
      { image: "grey.png", split: "test", present: { 12: 0 }, blendshapes: smile },
      { image: "broken.jpg", split: "test", present: { 12: 1 }, blendshapes: null },
      { image: "never.jpg", split: "pretrain" },
      { image: "gone.jpg", split: "au", present: { 12: 1 } },
    ];
    Deno.writeTextFileSync(
      join(folder, "manifest.jsonl"),
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));
  beforeEach(() => {
    out = Deno.makeTempDirSync();
    printed = [];
    console.log = (line: string) => printed.push(line);
  });
  afterEach(() => {
    console.log = print;
    Deno.removeSync(out, { recursive: true });
  });

  const evaluate = (text: Record<string, string> = {}) =>
    evaluateOnPhotos({
      text: { photos: folder, model, out, samples: "50", workers: "1", ...text },
      switches: new Set(),
      settings: {},
    });

  it("reads each picture as the detector does, and counts what was not found as lowest", async () => {
    const [{ scores, notFound, several, emotions, rivalMissing }] = await evaluate({
      by: "from.set",
      workers: "2",
    });
    assertEquals(notFound.map(({ image, line }) => [image, line]), [["grey.png", 21], ["broken.jpg", 22]]);
    assertEquals([notFound[0].reason, several, rivalMissing], ["No face was found.", 0, 0]);
    const [ours, rival] = scores.readers;
    assertEquals([scores.faces, scores.subjects, scores.meanUnits], [22, 12, [12]]);
    // 10 of 11 positives are above all 11 negatives; the one that could not be read is below ten of them, level with one.
    assertAlmostEquals(ours.means.auc.value, (10 * 11 + 0.5) / 121, 1e-12);
    // The rival takes the grey picture, which shows nobody, for a smile, and found no face in the broken one.
    assertAlmostEquals(rival.means.auc.value, 10 * 10.5 / 121, 1e-12);
    assertEquals([emotions?.faces, emotions?.meanRecall.value], [10, 1]);

    const rows = Deno.readTextFileSync(join(out, "readings.csv")).trimEnd().split("\n").map((row) =>
      row.split(",")
    );
    assertEquals(rows[0], ["image", "subject", "faces", "score", "AU12", "AU04", "happy", "sad"]);
    assertEquals(rows[21], ["grey.png", "grey.png", "0", "", "", "", "", ""]);
    const { detector, decoder } = await openDetector(model);
    for (const [row, name] of [[1, "warm.jpg"], [3, "cold.jpg"]] as const) {
      const { faces: [face] } = await detector.detect(
        await decoder.decode(Deno.readFileSync(join(folder, name))),
      );
      assertEquals(rows[row][0], name);
      assertAlmostEquals(Number(rows[row][4]), face.aus[0].probability, 1e-6);
      assertAlmostEquals(Number(rows[row][3]), face.score, 1e-6);
    }
    await detector.release();
    assert(Number(rows[1][4]) > 0.5 && Number(rows[3][4]) < 0.5, "the tones must be told apart");

    const json = JSON.parse(Deno.readTextFileSync(join(out, "photographs.json")));
    assertEquals(json.scores.readers[0].means.auc.value, ours.means.auc.value);
    assertEquals([json.model.name, json.split, json.bootstrap], ["tiny", "test", { samples: 50, seed: 1 }]);
    assertEquals(
      json.parts.map(({ part, scores }: { part: string; scores: { faces: number } }) => [part, scores.faces]),
      [
        ["(none)", 2],
        ["one", 10],
        ["two", 10],
      ],
    );
    const csv = Deno.readTextFileSync(join(out, "scores.csv"));
    assertStringIncludes(csv, `all,MediaPipe,12,11,11,${rival.means.auc.value},`);
    const report = Deno.readTextFileSync(join(out, "report.html"));
    assert(!/(src|href)="(?!data:)/.test(report), "the report opens offline");
    assertStringIncludes(report, "No face was found.<br>grey.png");
    assertStringIncludes(printed.join("\n"), "not found: grey.png: No face was found.");
  });

  it("shows the worst mistakes as pictures, and says the same of the same faces again", async () => {
    const lines = Deno.readTextFileSync(join(folder, "manifest.jsonl")).split("\n");
    const other = Deno.makeTempDirSync();
    try {
      for (const name of ["warm.jpg", "cold.jpg"]) Deno.copyFileSync(join(folder, name), join(other, name));
      const swapped = lines.slice(0, 20).map((line) =>
        line.replace('"12":1', '"12":2').replace('"12":0', '"12":1').replace('"12":2', '"12":0')
      );
      Deno.writeTextFileSync(join(other, "manifest.jsonl"), swapped.join("\n"));
      const [{ scores }] = await evaluate({ photos: other });
      assertEquals(scores.readers[0].means.auc.value, 0);
      const report = Deno.readTextFileSync(join(out, "report.html"));
      assertStringIncludes(report, "AU12 Lip corner puller: 10 missed, 10 false alarms");
      assertEquals(report.match(/<img src="data:image\/jpeg;base64,/g)?.length, 8);
      assertStringIncludes(report, "readers 0, -");
      await evaluate({ photos: other, workers: "2" });
      assertEquals(Deno.readTextFileSync(join(out, "report.html")), report);
    } finally {
      Deno.removeSync(other, { recursive: true });
    }
  });

  it("halves are of the split, and their means over the units of the whole", async () => {
    const [even, odd] = [await evaluate({ half: "even" }), await evaluate({ half: "odd" })].map(([one]) =>
      one
    );
    assertEquals([even.scores.faces, odd.scores.faces], [11, 11]);
    assertEquals([even.notFound[0].image, odd.notFound[0].image], ["grey.png", "broken.jpg"]);
    assertEquals([even.scores.meanUnits, odd.scores.meanUnits], [[12], [12]]);
    assertEquals(even.scores.readers[0].units[0].positives, 5); // fewer than eight, yet in the mean
  });

  it("tests several models at one look", async () => {
    const both = await evaluate({ model: `${model},${join(model, "emoco.onnx")}` });
    assertEquals(both.length, 2);
    assertEquals(both[0].scores, both[1].scores);
    assert(Deno.statSync(join(out, "tiny-1.0.0", "report.html")).isFile);
  });

  it("refuses what cannot be tested, in a sentence", async () => {
    await assertRejects(() => evaluate({ half: "left" }), Error, "--half=left: a half is even or odd.");
    await assertRejects(
      () => evaluate({ samples: "1e3" }),
      Error,
      "--samples=1e3: it must be a whole number",
    );
    await assertRejects(
      () => evaluate({ split: "train" }),
      ManifestError,
      "has no such split, it has test, pretrain, au.",
    );
    await assertRejects(
      () => evaluate({ split: "pretrain" }),
      ManifestError,
      'No line of split "pretrain"',
    );
    await assertRejects(
      () => evaluate({ split: "au" }),
      ManifestError,
      "1 of 1 pictures of the manifest are not",
    );
    await assertRejects(() => evaluate({ photos: out }), ManifestError, "manifest.jsonl does not exist");
    assertThrows(() => findModel(join(out, "none")), Error, "emoco.json does not exist. Name a card");
    const header = new TextEncoder().encode(
      JSON.stringify({
        __metadata__: { subjects: JSON.stringify({ pretraining: ["x"], actionUnits: ["s3"] }) },
      }),
    );
    const length = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer);
    const checkpoint = join(model, "checkpoint.safetensors");
    Deno.writeFileSync(checkpoint, new Uint8Array([...length, ...header]));
    try {
      await assertRejects(() => evaluate(), Error, 'tiny-1.0.0 has learnt from subject "s3" (cold.jpg)');
    } finally {
      Deno.removeSync(checkpoint);
    }
  });

  it("is what the task runs with --photos, and the training code's evaluation without", async () => {
    const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
    const run = async (...words: string[]) => {
      const [, ...args] = [...tasks.evaluate.command.split(" "), ...words];
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: root }).output();
      const text = new TextDecoder().decode(code === 0 ? stdout : stderr);
      // Deno itself may have to say that another process holds its lock.
      return { code, text: text.replace(/^.*waiting for file lock.*\n/gm, "") };
    };
    const [photos, faces] = await Promise.all([run("--photos", join(out, "none")), run("--help")]);
    assertEquals([photos.code, faces.code], [1, 0]);
    assert(photos.text.startsWith("error: ") && photos.text.includes("none/manifest.jsonl does not exist"));
    assertStringIncludes(faces.text, "--skipBroken");
  });

  it("names the line of a manifest that is wrong", () => {
    const wrong = (line: string) => {
      Deno.writeTextFileSync(join(out, "manifest.jsonl"), `{"image":"a.jpg"}\n${line}\n`);
      return () => readPhotos(out);
    };
    for (
      const [line, message] of [
        ["{", "line 2: not JSON"],
        ["[]", "line 2: not a JSON object."],
        ['{"subject":"s"}', 'line 2: "image" must be a picture\'s path.'],
        ['{"image":"b.jpg","subject":3}', 'line 2: "subject" must be'],
        ['{"image":"b.jpg","present":[1]}', 'line 2: "present" must be an object'],
        ['{"image":"b.jpg","present":{"12":2}}', '"present" of AU12 must be 0, 1 or null, is 2.'],
        ['{"image":"b.jpg","present":{"3":1}}', "AU3 is not an action unit"],
        ['{"image":"b.jpg","blendshapes":{"jawOpen":"wide"}}', '"blendshapes" must be an object of numbers'],
      ]
    ) assertThrows(wrong(line), ManifestError, message);
    const { photos, split } = wrong(
      '{"image":"b.jpg","present":{"12":null,"4":0},"emotion":"sad","from":{"n":3}}',
    )();
    assertEquals(split, "all");
    assertEquals([...photos[1].present], [[4, false]]);
    assertEquals([photos[1].emotion, photos[1].subject], ["sad", "b.jpg"]);
    assertEquals([partOf(photos[1], "from.n"), partOf(photos[1], "from.set.x")], ["3", "(none)"]);
  });
});
