import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { openDecoder } from "@emoco/serve/decode";
import { AuDetector } from "@emoco/web/detector";
import { BlazeFace } from "@emoco/web/face-finder";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { main } from "../../tools/detect.ts";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";

const portrait = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));
const finderModel = fileURLToPath(new URL("../../web/model/blazeface.onnx", import.meta.url));

describe("deno task detect", () => {
  let folder: string;
  let printed: string[];
  const print = console.log;
  const model = writeTinyModel({
    weights: [[1, 0], [0, 1], [0.5, -1]],
    bias: [2, -3],
    emotions: [[1, -1], [0, 0], [0, 1]],
  }, 32);

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    Deno.writeFileSync(join(folder, "emoco.onnx"), model);
    const card = await writeTinyCard(model, { emotions: ["happy", "sad"] });
    Deno.writeTextFileSync(join(folder, "emoco.json"), JSON.stringify(card));
    await sharp({ create: { width: 90, height: 60, channels: 3, background: "#369" } }).toFile(
      join(folder, "blue.png"),
    );
    Deno.writeTextFileSync(join(folder, "text.jpg"), "no picture");
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));
  beforeEach(() => {
    printed = [];
    console.log = (line: string) => printed.push(line);
  });
  afterEach(() => {
    console.log = print;
  });

  const detect = (...args: string[]) => main([`--model=${folder}`, ...args]);

  /** What the detector itself says, without the program. */
  async function expected() {
    const finder = await BlazeFace.load({ model: Deno.readFileSync(finderModel), ort });
    const card = Deno.readFileSync(join(folder, "emoco.json"));
    const detector = await AuDetector.load({ model, card, finder, ort });
    const photo = await (await openDecoder()).decode(Deno.readFileSync(portrait));
    const { width, height, faces } = await detector.detect(photo);
    await Promise.all([detector.release(), finder.release()]);
    return { width, height, faces: JSON.parse(JSON.stringify(faces)) };
  }

  it("prints the server's answer with --json", async () => {
    await detect("--json", portrait, join(folder, "blue.png"));
    const answer = JSON.parse(printed.join("\n"));
    assertEquals(Object.keys(answer), ["model", "engine", "images", "timings"]);
    assertEquals([answer.model, answer.engine], [{ name: "tiny", version: "1.0.0" }, "native"]);
    assertEquals(answer.images, [
      { file: portrait, ...await expected() },
      { file: join(folder, "blue.png"), width: 90, height: 60, faces: [] },
    ]);
    assertEquals(Object.keys(answer.timings), ["decode", "find", "align", "run"]);
    const [face] = answer.images[0].faces;
    assertEquals(Object.keys(face), ["box", "score", "points", "aus", "emotions"]);
    assertEquals(Object.keys(face.aus[0]), ["au", "name", "probability", "threshold", "present"]);
  });

  it("prints a table for each photo, and names the broken one in the end", async () => {
    const error = await assertRejects(
      () => detect(portrait, join(folder, "text.jpg"), join(folder, "blue.png")),
      Error,
    );
    assertStringIncludes(error.message, "text.jpg: The file is not a JPEG, PNG or WebP image.");
    const { faces: [{ aus }] } = await expected();
    const lines = printed.join("\n").split("\n");
    assertStringIncludes(lines[0], "astronaut.jpg: 512 x 512, 1 face (decode ");
    const row = lines.find((line) => line.startsWith("  AU12 "))!;
    assertStringIncludes(row, "Lip corner puller");
    assertEquals(row.endsWith(`${aus[0].probability.toFixed(2)}  present`), aus[0].present);
    assertEquals(row.split("█").length - 1, Math.round(aus[0].probability * 20));
    assert(lines.some((line) => line.includes("blue.png: 90 x 60, no face")), printed.join("\n"));
  });

  it("draws the box around the face and a bar as long as the probability", async () => {
    const out = join(folder, "drawn.png");
    await detect(`--draw=${out}`, portrait);
    const { data, info } = await sharp(out).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const scale = 1000 / 512; // the portrait is enlarged to the picture's height
    assertEquals(info.height, 1000);
    const isMark = (x: number, y: number) => {
      const at = (Math.round(y) * info.width + Math.round(x)) * 3;
      return Math.abs(data[at] - 0x4c) + Math.abs(data[at + 1] - 0xc9) + Math.abs(data[at + 2] - 0xf0) < 60;
    };
    const { faces: [{ box, points, aus }] } = await expected();
    const middle = box.y + box.height / 2;
    assert(
      isMark(box.x * scale, middle * scale) && isMark((box.x + box.width) * scale, middle * scale),
      "sides",
    );
    assert(isMark(points.nose[0] * scale, points.nose[1] * scale), "nose");
    // The one present unit's bar is the longest run of the face's colour right of the photo.
    let longest = 0;
    for (let y = 0; y < 1000; y++) {
      for (let x = 1000, run = 0; x < info.width; x++) {
        run = isMark(x, y) ? run + 1 : 0;
        longest = Math.max(longest, run);
      }
    }
    assertEquals(aus.map(({ present }: { present: boolean }) => present), [true, false]);
    const whole = 110 * 1.4;
    assert(longest > whole * 0.4 && longest <= whole * aus[0].probability + 1, `${longest} of ${whole}`);
    assertEquals(
      Deno.statSync(out).isFile && [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".part")),
      false,
    );
  });

  it("keeps every image's answer beside one that cannot be read, as JSON and as lines of it", async () => {
    const [good, bad, gone] = [join(folder, "blue.png"), join(folder, "text.jpg"), join(folder, "gone.jpg")];
    const error = await assertRejects(() => detect("--json", good, bad, gone, portrait), Error);
    for (const name of ["text.jpg: The file", "gone.jpg: There is no such file."]) {
      assertStringIncludes(error.message, name);
    }
    const { images } = JSON.parse(printed.join("\n"));
    assertEquals(images, [
      { file: good, width: 90, height: 60, faces: [] },
      {
        file: bad,
        error: { code: "image-unsupported", message: "The file is not a JPEG, PNG or WebP image." },
      },
      { file: gone, error: { code: "image-unreadable", message: "There is no such file." } },
      { file: portrait, ...await expected() },
    ]);
    printed = [];
    await assertRejects(() => detect("--jsonl", good, bad, gone, portrait), Error);
    assertEquals(
      printed.map((line) => JSON.parse(line)),
      images.map((image: unknown) => ({
        model: { name: "tiny", version: "1.0.0" },
        engine: "native",
        ...image as Record<string, unknown>,
      })),
    );
  });

  it("writes whole JSON through a pipe and ends with 1 where an image was bad", async () => {
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--allow-read", "--allow-env", "--allow-ffi", "tools/detect.ts", "--json"],
        ...[`--model=${folder}`, "blue.png", "text.jpg", "blue.png"],
      ],
      cwd: root,
      env: { INIT_CWD: folder }, // where the user stands, as `deno task` tells it
    }).output();
    const decoder = new TextDecoder(), { images } = JSON.parse(decoder.decode(stdout));
    assertEquals(images.map((image: { file: string; error?: unknown }) => [image.file, !!image.error]), [
      ["blue.png", false],
      ["text.jpg", true],
      ["blue.png", false],
    ]);
    assertStringIncludes(decoder.decode(stderr), "text.jpg: The file is not a JPEG");
    assertEquals(code, 1);
  });

  it("takes the pictures of a folder and names what it passes over", async () => {
    const photos = join(folder, "photos"), told: string[] = [], tell = console.error;
    Deno.mkdirSync(join(photos, "deep"), { recursive: true });
    Deno.copyFileSync(join(folder, "blue.png"), join(photos, "deep/1.png"));
    Deno.copyFileSync(join(folder, "blue.png"), join(photos, ".hidden.png"));
    Deno.writeTextFileSync(join(photos, "2.heic"), "");
    Deno.symlinkSync(".", join(photos, "deep/up"));
    console.error = (line: string) => told.push(line);
    try {
      await detect("--json", `${photos}/`);
      await detect(`--draw=${photos}`, photos);
      printed = [];
      await detect("--json", photos);
    } finally {
      console.error = tell;
    }
    const { images } = JSON.parse(printed.join("\n"));
    assertEquals(
      images.map(({ file }: { file: string }) => file),
      [`${photos}/deep/1.png`],
      "no drawing is read",
    );
    for (const name of ["2.heic", "deep/up", "1.png"]) {
      assertStringIncludes(told.join("\n"), join(photos, name));
    }
    Deno.removeSync(join(photos, "deep"), { recursive: true });
    Deno.removeSync(join(photos, "1.png"));
    await assertRejects(() => detect(photos), Error, "no pictures or films are there");
  });

  it("looks at large photos made smaller and gives places in the photo itself", async () => {
    const wide = join(folder, "wide.jpg"), width = 9000, height = 3200, side = 2400, left = 5000, top = 300;
    const head = await sharp(portrait).resize(side, side).toBuffer();
    await sharp({ create: { width, height, channels: 3, background: "#777" } })
      .composite([{ input: head, left, top }]).jpeg().toFile(wide);
    await detect("--json", wide);
    const [{ faces: [face], ...size }] = JSON.parse(printed.join("\n")).images;
    assertEquals(size, { file: wide, width, height });
    const { faces: [alone] } = await expected();
    for (const name of ["leftEye", "rightEye", "nose", "mouth"]) {
      const [x, y] = alone.points[name], [fx, fy] = face.points[name];
      const off = Math.hypot(fx - left - x * side / 512, fy - top - y * side / 512);
      assert(off < 0.02 * side, `${name} is off by ${off}`);
    }
    printed = [];
    await detect(wide);
    assertStringIncludes(printed[0], "It was made smaller, to ");
  });

  it("never writes over a photo, another photo's drawing, or a file that is no drawing", async () => {
    const place = join(folder, "place"), other = join(folder, "other"), out = join(folder, "out");
    for (const path of [place, other, out]) Deno.mkdirSync(path);
    const photo = join(place, "anna.png"), twin = join(other, "Anna.PNG"), third = join(other, "anna.jpg");
    Deno.copyFileSync(join(folder, "blue.png"), photo);
    Deno.copyFileSync(join(folder, "blue.png"), twin);
    await sharp(join(folder, "blue.png")).toFile(third);
    const before = Deno.readFileSync(photo);
    Deno.writeTextFileSync(join(out, "anna~3.png"), "somebody's");
    Deno.symlinkSync(place, join(folder, "way"));

    await detect(`--draw=${folder}/way`, photo);
    assertEquals(Deno.readFileSync(photo), before);
    assertEquals([...Deno.readDirSync(place)].map(({ name }) => name).sort(), ["anna.png", "anna~2.png"]);
    await detect(`--draw=${out}`, photo, twin, third);
    const drawn = () => [...Deno.readDirSync(out)].map(({ name }) => name).sort();
    assertEquals(drawn(), ["Anna~2.png", "anna.png", "anna~3.png", "anna~4.png"]);
    assertEquals(Deno.readTextFileSync(join(out, "anna~3.png")), "somebody's");
    await detect(`--draw=${out}`, photo, twin, third); // their own drawings of before are
    assertEquals(drawn().length, 4);
    assertStringIncludes(printed.join("\n"), `Drawn: ${join(out, "anna~4.png")}`);

    for (const target of [photo, join(folder, "way/anna.png"), join(place, "../place/anna.png")]) {
      await assertRejects(() => detect(`--draw=${target}`, photo), Error, "is a photo that is read");
    }
    await assertRejects(() => detect(`--draw=${twin}`, photo), Error, "is no drawing of this photo");
    await assertRejects(() => detect(`--draw=${join(out, "x.gif")}`, photo), Error, "a drawing ends in .png");
    await assertRejects(() => detect(`--draw=${join(out, "no/x.png")}`, photo), Error, "there is no folder");
    for (const [ending, format] of [["jpg", "jpeg"], ["JPEG", "jpeg"], ["webp", "webp"], ["png", "png"]]) {
      const target = join(out, `as.${ending}`);
      await detect(`--draw=${target}`, photo);
      assertEquals((await sharp(target).metadata()).format, format);
      await detect(`--draw=${target}`, photo);
      await assertRejects(() => detect(`--draw=${target}`, third), Error, "is no drawing of this photo");
    }
  });

  it("draws several photos into a folder", async () => {
    const out = join(folder, "drawn");
    await assertRejects(
      () => detect(`--draw=${out}`, portrait, join(folder, "blue.png")),
      Error,
      "must be a folder",
    );
    Deno.mkdirSync(out);
    await detect(`--draw=${out}`, portrait, join(folder, "blue.png"));
    assertEquals([...Deno.readDirSync(out)].map(({ name }) => name).sort(), ["astronaut.png", "blue.png"]);
  });

  it("says in one sentence what is missing", async () => {
    await assertRejects(() => main([]), Error, "No photo or film was named");
    await assertRejects(() => detect(join(folder, "none.jpg")), Error, "none.jpg: ");
    await assertRejects(() => main([`--model=${folder}/none`, portrait]), Error, "There is no model in ");
    await assertRejects(() => detect("--size=3", portrait), Error, "--size");
  });
});
