import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { afterEach, beforeEach, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { readReadings } from "../../tools/photos/cut.ts";
import { ManifestError, readPhotos } from "../../tools/photos/manifest.ts";
import { main } from "../../tools/photos.ts";

const committed = fileURLToPath(new URL("../../tools/photos/readings.jsonl", import.meta.url));
const tile = { set: "SFHQ-T2I", figure: "two tiles.jpg" };
const READINGS = [
  { image: "t2i/0001.jpg", split: "test", from: { ...tile, box: [10, 20, 50, 80] }, present: { 12: 1 } },
  { image: "t2i/0002.jpg", split: "test", from: { ...tile, box: [60, 20, 110, 80] }, present: { 12: 0 } },
  { image: "faker/a.jpg", split: "test", from: { set: "faker-js person portraits", file: "male/512/0.jpg" } },
  {
    image: "london/b.jpg",
    split: "test",
    from: { set: "Face Research Lab London Set", file: "inst/n/001.jpg" },
  },
];

describe("deno task photos", () => {
  let from: string, out: string, readings: string;
  let printed: string[];
  const print = console.log;

  beforeEach(async () => {
    from = Deno.makeTempDirSync();
    out = join(Deno.makeTempDirSync(), "cut");
    readings = join(from, "readings.jsonl");
    write(READINGS);
    const paint = (width: number, height: number, background: string) =>
      sharp({ create: { width, height, channels: 3, background } });
    const put = async (path: string, picture: ReturnType<typeof sharp>) => {
      Deno.mkdirSync(join(from, path, ".."), { recursive: true });
      Deno.writeFileSync(
        join(from, path),
        await picture.jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
      );
    };
    const red = await paint(36, 56, "#f00").png().toBuffer(),
      blue = await paint(46, 56, "#00f").png().toBuffer();
    // The tiles end two pixels inside of their boxes: what lies around them is white and must not be cut along.
    await put(
      "SFHQ-T2I-dataset/figures/two tiles.jpg",
      paint(120, 90, "#fff").composite([{ input: red, left: 12, top: 22 }, {
        input: blue,
        left: 62,
        top: 22,
      }]),
    );
    await put("assets-person-portrait/male/512/0.jpg", paint(512, 384, "#0f0"));
    await put("webmorphR.stim/inst/n/001.jpg", paint(675, 1350, "#ff0"));
    printed = [];
    console.log = (line: string) => printed.push(line);
  });
  afterEach(() => {
    console.log = print;
    for (const folder of [from, join(out, "..")]) Deno.removeSync(folder, { recursive: true });
  });

  const write = (lines: readonly object[]) =>
    Deno.writeTextFileSync(readings, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const run = (...switches: string[]) =>
    main({ text: { from, out, readings }, switches: new Set(switches), settings: {} });
  const manifest = () =>
    Deno.readTextFileSync(join(out, "manifest.jsonl")).trimEnd().split("\n").map((line) => JSON.parse(line));

  it("cuts each picture as it was when it was read, and keeps what is said of it", async () => {
    await run();
    assertEquals(manifest(), READINGS);
    const sizes: Record<string, number[]> = {};
    for (const { image } of READINGS) {
      const { data, info } = await sharp(join(out, image)).raw().toBuffer({ resolveWithObject: true });
      sizes[image] = [info.width, info.height];
      const mean = [0, 1, 2].map((c) =>
        data.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) * 3 / data.length
      );
      const colour = {
        "t2i/0001.jpg": [255, 0, 0],
        "t2i/0002.jpg": [0, 0, 255],
        "faker/a.jpg": [0, 255, 0],
        "london/b.jpg": [255, 255, 0],
      }[image]!;
      mean.forEach((value, c) =>
        assert(Math.abs(value - colour[c]) < 3, `${image} is ${mean.map(Math.round)}`)
      );
    }
    assertEquals(sizes, {
      "t2i/0001.jpg": [36, 56],
      "t2i/0002.jpg": [46, 56],
      "faker/a.jpg": [400, 300],
      "london/b.jpg": [320, 640],
    });
    const licences = Deno.readTextFileSync(join(out, "LICENCES.txt"));
    for (const name of ["MIT License", "CC0 1.0", "CC BY 4.0, Lisa DeBruine"]) {
      assertStringIncludes(licences, name);
    }
    assertEquals(readPhotos(out).photos.length, 4);
  });

  it("says which repository or file is missing, and cuts the rest when asked to", async () => {
    Deno.removeSync(join(from, "webmorphR.stim"), { recursive: true });
    Deno.removeSync(join(from, "assets-person-portrait/male/512/0.jpg"));
    const error = await assertRejects(
      () => run(),
      Error,
      "There is no checkout of debruine/webmorphR.stim at",
    );
    assertStringIncludes(error.message, "git clone --depth=1 https://github.com/debruine/webmorphR.stim");
    assertStringIncludes(error.message, "assets-person-portrait lacks 1 files, the first is male/512/0.jpg");
    assertThrows(() => Deno.statSync(out), Deno.errors.NotFound);
    await run("partial");
    assertEquals(manifest(), READINGS.slice(0, 2));
    assertEquals(Deno.readTextFileSync(join(out, "LICENCES.txt")).includes("CC0"), false);
    Deno.removeSync(join(from, "SFHQ-T2I-dataset"), { recursive: true });
    await assertRejects(() => run("partial"), Error, "There is no checkout of SelfishGene/SFHQ-T2I-dataset");
  });

  it("refuses a picture that is another one, or none", async () => {
    write([{ image: "t2i/0003.jpg", from: { ...tile, box: [60, 20, 140, 80] } }]);
    await assertRejects(
      () => run(),
      ManifestError,
      "is 120 x 90 pixels and has no tile at [60, 20, 140, 80]",
    );
    Deno.writeTextFileSync(join(from, "SFHQ-T2I-dataset/figures/two tiles.jpg"), "text");
    await assertRejects(() => run(), ManifestError, "two tiles.jpg cannot be decoded");
    assertThrows(() => Deno.statSync(join(out, "manifest.jsonl")), Deno.errors.NotFound);
    for (
      const [line, message] of [
        [{ image: "../a.jpg", from: tile }, 'line 1: "image" must be the path of a .jpg below the folder.'],
        [{ image: "a.jpg", from: { set: "mine" } }, 'line 1: "from" names the set "mine"'],
        [{ image: "a.jpg", from: { ...tile, box: [0, 0, 4, 9] } }, '"from" must have a "file"'],
      ] as const
    ) {
      write([line]);
      await assertRejects(() => run(), ManifestError, message);
    }
  });
});

describe("the committed readings", () => {
  const lines = Deno.readTextFileSync(committed).trimEnd().split("\n").map((line) => JSON.parse(line));

  it("are of 540 faces, each with a place that it can be cut from", () => {
    const readings = readReadings(committed);
    assertEquals(readings.length, 540);
    assertEquals(new Set(readings.map(({ image }) => image)).size, 540);
    const count = (name: string) =>
      readings.filter(({ origin }) => origin.source.repository.endsWith(name)).length;
    assertEquals(["SFHQ-T2I-dataset", "assets-person-portrait", "webmorphR.stim"].map(count), [296, 40, 204]);
    assert(
      lines.every(({ split, blendshapes }) => split === "test" && Object.keys(blendshapes).length === 51),
    );
  });

  it("call a unit present where both readers do, and absent where neither is more than unsure", () => {
    const positives: Record<string, number> = {};
    for (const { image, present, readers } of lines) {
      for (const [au, marks] of Object.entries(readers as Record<string, (number | null)[]>)) {
        assertEquals(marks.length, 2);
        const sum = marks.includes(null) ? NaN : marks[0]! + marks[1]!;
        if (present[au] === 1) positives[au] = (positives[au] ?? 0) + 1;
        if (present[au] === 1) assert(sum >= 4, `${image}, AU${au}`);
        if (present[au] === 0) assert(sum <= 1, `${image}, AU${au}`);
      }
    }
    const often = Object.entries(positives).filter(([, count]) => count >= 8).map(([au]) => Number(au));
    assertEquals(often.sort((a, b) => a - b), [1, 2, 4, 5, 6, 7, 12, 25, 26]);
  });
});

describe("the readings that the committed model learnt from", () => {
  const path = committed.replace("readings.jsonl", "training_readings.jsonl");
  const lines = Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));

  it("are of other people than those it is tested on, each with a place that it can be cut from", () => {
    assertEquals(readReadings(path).length, lines.length);
    const tested = new Set(readReadings(committed).map(({ line }) => JSON.parse(line).subject));
    assertEquals(lines.filter(({ subject, split }) => split !== "pretrain" || tested.has(subject)), []);
  });

  it("grade a unit by the mean of both readings, 0 to 5, and nothing where one could not judge it", () => {
    const grade = [0, 1, 3, 5];
    for (const { image, intensity, readers } of lines) {
      for (const [au, marks] of Object.entries(readers as Record<string, (number | null)[]>)) {
        const expected = marks.includes(null) ? null : (grade[marks[0]!] + grade[marks[1]!]) / 2;
        assertEquals(intensity[au], expected, `${image}, AU${au}`);
      }
    }
  });
});
