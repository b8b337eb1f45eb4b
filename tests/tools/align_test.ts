import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { openDecoder } from "@emoco/serve/decode";
import { cropFace } from "@emoco/web/image";
import { join } from "node:path";
import sharp from "sharp";
import { main } from "../../tools/align.ts";
import { Journal } from "../../tools/align/journal.ts";
import { headAt, picture } from "./data_sets.ts";

const portrait = await Deno.readFile(new URL("../fixtures/astronaut.jpg", import.meta.url));

describe("deno task align", () => {
  let photos: string, faces: string;
  const printed: string[] = [];
  const print = console.log;

  beforeEach(() => {
    photos = Deno.makeTempDirSync();
    faces = Deno.makeTempDirSync();
    printed.length = 0;
    console.log = (line: string) => printed.push(line);
  });
  afterEach(() => {
    console.log = print;
    Deno.removeSync(photos, { recursive: true });
    Deno.removeSync(faces, { recursive: true });
  });

  const put = (path: string, bytes: Uint8Array) => {
    Deno.mkdirSync(join(photos, path, ".."), { recursive: true });
    Deno.writeFileSync(join(photos, path), bytes);
  };
  const align = (...more: string[]) => main([`--in=${photos}`, `--out=${faces}`, "--workers=2", ...more]);
  const lines = (name: string) => Deno.readTextFileSync(join(faces, name)).split("\n").slice(0, -1);
  const manifest = () => lines("manifest.jsonl").map((line) => JSON.parse(line));

  it("crops the same pixels as the detector and lists what gave no face", async () => {
    put("happy/anna/portrait.jpg", portrait);
    put("ben/turned.png", await sharp(portrait).rotate(90).withMetadata({ orientation: 8 }).png().toBuffer());
    put(
      "grey.png",
      await sharp({ create: { width: 300, height: 200, channels: 3, background: "#888" } }).png().toBuffer(),
    );
    put("broken.webp", portrait.subarray(0, 900));
    put("notes.txt", new Uint8Array(3));
    await align();

    const [turned, happy, ...others] = manifest();
    assertEquals(others, []);
    assertEquals([happy.image, happy.subject, happy.emotion], [
      "faces/happy/anna/portrait_jpg.jpg",
      "anna",
      "happy",
    ]);
    assertEquals([turned.image, turned.subject, turned.emotion], [
      "faces/ben/turned_png.jpg",
      "ben",
      undefined,
    ]);
    assertEquals(happy.photo.faces, 1);
    for (const axis of [0, 1]) {
      assertAlmostEquals(happy.photo.points.nose[axis], turned.photo.points.nose[axis], 0.5);
    }
    const decoder = await openDecoder();
    const crop = cropFace(await decoder.decode(portrait), happy.photo.points, 256);
    const face = await decoder.decode(Deno.readFileSync(join(faces, happy.image)));
    assertEquals([face.width, face.height], [256, 256]);
    let error = 0;
    face.data.forEach((value, i) => error += Math.abs(value - crop.data[i]) / face.data.length);
    assert(error < 1, `JPEG alone changes a value by less than 1 on average, this is ${error}`);

    const missing = lines("not_found.txt");
    assertEquals(missing.length, 2);
    assertStringIncludes(missing[0], "broken.webp\tThe image is cut off");
    assertEquals(missing[1], "grey.png\tNo face was found.");
    assertStringIncludes(printed.join("\n"), "2 faces of 4 photos");
    assertStringIncludes(printed.join("\n"), "grey.png: No face was found.");
  });

  it("goes on where it was stopped, and takes photos that were added", async () => {
    put("one.jpg", portrait);
    await align();
    const before = Deno.statSync(join(faces, "faces/one_jpg.jpg")).mtime;
    const first = manifest();
    // A crash in the middle of a line.
    Deno.writeTextFileSync(join(faces, "journal.jsonl"), '{"source":"two.jpg","ima', { append: true });
    put("two.jpg", portrait);
    await align();
    assertEquals(manifest()[0], first[0]);
    assertEquals(manifest().map(({ source }) => source), ["one.jpg", "two.jpg"]);
    assertEquals(Deno.statSync(join(faces, "faces/one_jpg.jpg")).mtime, before);
    assertEquals([...Deno.readDirSync(join(faces, "faces"))].length, 2);
    await assertRejects(() => align("--size=128"), Error, 'was begun with {"size":256}');
    const journal = new Journal(join(faces, "journal.jsonl"), { size: 256 });
    await assertRejects(() => align(), Error, "is being written by another process");
    journal.close();
  });

  it("keeps the labels of a manifest", async () => {
    put("a/b.jpg", portrait);
    put("unlisted.jpg", portrait);
    const labels = { subject: "s7", emotion: "sad", present: { 12: 1, 4: null }, frame: 3 };
    put(
      "manifest.jsonl",
      new TextEncoder().encode(
        `${JSON.stringify({ image: "a/b.jpg", ...labels })}\n${
          JSON.stringify({ image: "gone.jpg", subject: "s8" })
        }\n`,
      ),
    );
    await align();
    const [face, ...others] = manifest();
    assertEquals(others, []);
    const { image: _, source, photo: __, ...kept } = face;
    assertEquals([source, JSON.stringify(kept)], ["a/b.jpg", JSON.stringify(labels)]);
    assertEquals(lines("not_found.txt"), ["gone.jpg\tThe file does not exist."]);

    put("gone.jpg", portrait); // it has come since
    await align();
    assertEquals(manifest().map(({ source, subject }) => [source, subject]), [["a/b.jpg", "s7"], [
      "gone.jpg",
      "s8",
    ]]);
    assertEquals(lines("not_found.txt"), []);
  });

  it("gives every photo a face of its own, whatever the names fold to", async () => {
    const faces4 = await Promise.all([2, 3, 4, 5].map((head) => picture(head)));
    const sources = ["p.JPG", "p.jpg", "q..r.jpg", "q_r.jpg"];
    for (const [i, name] of sources.entries()) put(`happy/anna/${name}`, faces4[i]);
    put(`${"x".repeat(250)}.jpg`, faces4[0]);
    await align();
    const made = manifest();
    assertEquals(made.map(({ source }) => source), [
      ...sources.map((name) => `happy/anna/${name}`),
      `${"x".repeat(250)}.jpg`,
    ]);
    const bytes = made.slice(0, 4).map(({ image }) => Deno.readFileSync(join(faces, image)).join());
    assertEquals(new Set(bytes).size, 4);
    assertEquals(new Set(made.map(({ image }) => image.toLowerCase())).size, 5);
    assertEquals(made.slice(0, 4).map(({ photo }, i) => headAt(photo.points, [2, 3, 4, 5]) === i + 2), [
      true,
      true,
      true,
      true,
    ]);
    const before = Deno.readTextFileSync(join(faces, "manifest.jsonl"));
    put("happy/anna/P.jpg", faces4[2]); // comes before the others, and gets none of their names
    await align();
    assertEquals(manifest().filter(({ source }) => source !== "happy/anna/P.jpg").map(({ image }) => image), [
      ...before.trimEnd().split("\n").map((line) => JSON.parse(line).image),
    ]);
    assertEquals(new Set(manifest().map(({ image }) => image.toLowerCase())).size, 6);
  });

  it("takes photos that are larger than a server takes, as smaller ones", async () => {
    const head = await sharp(portrait).resize(2400, 2400).toBuffer();
    put(
      "wide.jpg",
      await sharp({ create: { width: 9000, height: 3200, channels: 3, background: "#777" } })
        .composite([{ input: head, left: 5000, top: 300 }]).jpeg().toBuffer(),
    );
    await align();
    assertEquals(manifest().map(({ source }) => source), ["wide.jpg"]);
    assertEquals(lines("not_found.txt"), []);
    const [{ photo: { points: { nose } } }] = manifest();
    assert(nose[0] > 5000 && nose[0] < 7400 && nose[1] > 300, `${nose}`);
  });

  it("takes no photo twice and never its own faces, and names what it passes over", async () => {
    put("Happy/bob/1.jpg", portrait);
    put("Happy/bob/2.heic", portrait.subarray(0, 9));
    put("train/Joyful/SADNESS/eve/3.jpg", portrait);
    Deno.symlinkSync(".", join(photos, "Happy/up"));
    Deno.symlinkSync("1.jpg", join(photos, "Happy/bob/0.jpg"));
    for (const inside of ["", "/aligned", "/Happy/up/aligned"]) {
      await assertRejects(
        () => main([`--in=${photos}`, `--out=${photos}${inside}`, "--workers=1"]),
        Error,
        "lies in --in",
      );
    }
    await align();
    assertEquals(manifest().map(({ source, subject, emotion, split }) => [source, subject, emotion, split]), [
      ["Happy/bob/1.jpg", "bob", "happy", undefined],
      ["train/Joyful/SADNESS/eve/3.jpg", "Joyful", "sad", "pretrain"],
    ]);
    const said = printed.join("\n");
    for (const name of ["Happy/bob/2.heic", "Happy/up", "Happy/bob/0.jpg"]) assertStringIncludes(said, name);
    Deno.renameSync(faces, join(photos, "aligned")); // moved there by its user
    faces = Deno.makeTempDirSync();
    await align();
    assertEquals(manifest().length, 2);
    assertStringIncludes(printed.join("\n"), "that these programs wrote");
    await assertRejects(
      () => main([`--in=${photos}/aligned/faces`, `--out=${faces}/again`]),
      Error,
      "aligned already",
    );
  });

  it("says in one sentence what is wrong with what was asked", async () => {
    await assertRejects(() => main(["--out=x"]), Error, "--in and --out are both needed");
    await assertRejects(() => main([`--in=${photos}/none`, `--out=${faces}`]), Error, "does not exist");
    await assertRejects(() => align(), Error, "holds no pictures");
    put("manifest.jsonl", new TextEncoder().encode("{oops}\n"));
    await assertRejects(() => align(), Error, "line 1: not JSON");
    await assertRejects(
      () => align("--size=8"),
      Error,
      "--size=8: it must be a whole number from 32 to 1024",
    );
    await assertRejects(() => align("--colour=red"), Error, "--colour");
  });
});
