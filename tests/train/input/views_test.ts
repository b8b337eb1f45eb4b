import { assert, assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import sharp from "sharp";
import { drawView, plainView, renderView } from "../../../train/input/augment.ts";
import { type Face, ManifestError, readManifest } from "../../../train/input/data.ts";
import { PLACEMENT } from "../../../train/input/placement.ts";
import { decodePicture } from "../../../train/input/picture.ts";
import { PURPOSE, randomStream } from "../../../train/runs/random.ts";
import { type ViewBatch, ViewLoader, type ViewOptions } from "../../../train/input/views.ts";
import { Walk } from "../../../train/input/walk.ts";
import { drawFace, drawFaces } from "../toy_faces.ts";

const OPTIONS: ViewOptions = {
  size: 32,
  batchSize: 10,
  seed: 3,
  views: "moco-v2",
  cropScale: [0.4, 1],
  skipBroken: false,
};

describe("ViewLoader", () => {
  let folder: string, faces: Face[];
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(folder, 4);
    faces = readManifest(join(folder, "manifest.jsonl"));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  async function collect(
    workers: number,
    options: Partial<ViewOptions> = {},
    first = 0,
    last = 4,
  ): Promise<{ batches: ViewBatch[]; skipped: number[] }> {
    using loader = new ViewLoader(faces, { ...OPTIONS, ...options }, workers);
    const walk = new Walk(faces.length, OPTIONS.seed);
    const batches = await Array.fromAsync(loader.randomViews(walk, first, last));
    return { batches, skipped: [...loader.skipped.keys()].sort((i, j) => i - j) };
  }

  it("gives the same views whatever the number of workers and wherever it starts", async () => {
    const { batches: one } = await collect(1);
    const { batches: three } = await collect(3);
    assertEquals(three, one);
    const { batches: late } = await collect(2, {}, 2, 4);
    assertEquals(late, one.slice(2));
    const { batches: other } = await collect(1, { seed: 4 });
    assertNotEquals(other[0].viewQ, one[0].viewQ);
  });

  it("draws query and key of a face from its seed, epoch and index alone", async () => {
    const { batches } = await collect(2, {}, 2, 4); // 28 faces: step 2 ends the first epoch
    const walk = new Walk(faces.length, OPTIONS.seed);
    const values = 32 * 32 * 3;
    for (const [b, { indices, viewQ, viewK }] of batches.entries()) {
      for (const [slot, index] of indices.entries()) {
        const place = walk.at((2 + b) * 10 + slot);
        assertEquals(place.index, index);
        const image = await decodePicture(faces[index].image);
        for (const [view, got] of [viewQ, viewK].entries()) {
          const expected = new Float32Array(values);
          const random = randomStream(OPTIONS.seed, PURPOSE.view, place.epoch, index, view);
          renderView(image, drawView(random, image, OPTIONS), 32, expected, 0);
          assertEquals(got.slice(slot * values, (slot + 1) * values), expected);
        }
      }
    }
  });

  it("renders the plain views of the faces asked for, in order, the last batch short", async () => {
    using loader = new ViewLoader(faces, OPTIONS, 2);
    const asked = Int32Array.from({ length: 13 }, (_, i) => 27 - 2 * i);
    const batches = await Array.fromAsync(loader.plainViews(asked));
    assertEquals(batches.map(({ indices }) => indices.length), [10, 3]);
    assertEquals(batches.map(({ viewQ }) => viewQ.length), [10 * 3072, 3 * 3072]);
    const image = await decodePicture(faces[asked[12]].image);
    const expected = new Float32Array(3072);
    renderView(image, plainView(image), 32, expected, 0);
    assertEquals(batches[1].viewQ.slice(2 * 3072), expected);
  });

  it("uses the memory of four batches, however many it makes and however slowly they are taken", async () => {
    const Original = SharedArrayBuffer;
    let allocated = 0;
    globalThis.SharedArrayBuffer = new Proxy(Original, {
      construct(target, args) {
        if (args[0] === 10 * (2 * 32 * 32 * 3 + PLACEMENT) * 4) allocated++;
        return Reflect.construct(target, args);
      },
    });
    try {
      using loader = new ViewLoader(faces, OPTIONS, 2);
      let taken = 0;
      for await (const _batch of loader.randomViews(new Walk(faces.length, 3), 0, 30)) {
        if (taken++ < 3) await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assertEquals(taken, 30);
    } finally {
      globalThis.SharedArrayBuffer = Original;
    }
    assert(allocated > 0 && allocated <= 4, `${allocated} buffers`);
  });

  it("fails instead of waiting for ever when a worker stops", async () => {
    using loader = new ViewLoader(faces, { ...OPTIONS, views: "none" as "moco-v2" }, 2);
    const walk = new Walk(faces.length, 3);
    await assertRejects(
      () => Array.fromAsync(loader.randomViews(walk, 0, 4)),
      Error,
      "A view worker stopped",
    );
    await assertRejects(
      () => Array.fromAsync(loader.randomViews(walk, 0, 4)),
      Error,
      "A view worker stopped",
    );
  });

  it("names a picture that cannot be decoded, and with skipBroken always takes the same one of its emotion for it", async () => {
    const broken = faces.findIndex((face) => face.emotion === "sad");
    const whole = await Deno.readFile(faces[broken].image);
    await Deno.writeFile(faces[broken].image, whole.subarray(0, 300));
    const error = await assertRejects(() => collect(2), ManifestError, faces[broken].image);
    assertStringIncludes(error.message, `(line ${broken + 1} of its manifest) cannot be decoded: `);
    const [one, three] = [await collect(1, { skipBroken: true }), await collect(3, { skipBroken: true })];
    assertEquals(one, three);
    assertEquals(one.skipped, [broken]);
    await Deno.writeFile(faces[broken].image, whole);

    // The next face of the emotion stands in, drawn by its own index.
    const slot = one.batches.flatMap(({ indices }) => [...indices]).indexOf(broken);
    const { viewQ } = one.batches[Math.floor(slot / 10)];
    const image = await decodePicture(faces[broken + 7].image);
    const expected = new Float32Array(3072);
    const random = randomStream(OPTIONS.seed, PURPOSE.view, Math.floor(slot / 28), broken + 7, 0);
    renderView(image, drawView(random, image, OPTIONS), 32, expected, 0);
    assertEquals(viewQ.slice(slot % 10 * 3072, (slot % 10 + 1) * 3072), expected);
  });

  it("says so when no picture of an emotion can be read", async () => {
    const missing = faces.map((face) =>
      face.emotion === "fear" ? { ...face, image: `${face.image}.gone` } : face
    );
    using loader = new ViewLoader(missing, { ...OPTIONS, skipBroken: true }, 2);
    await assertRejects(
      () => Array.fromAsync(loader.randomViews(new Walk(faces.length, 3), 0, 3)),
      ManifestError,
      "no picture of its emotion can be read",
    );
  });
});

describe("decodePicture", () => {
  let folder: string, rgb: Uint8Array;
  const side = 24;
  const raw = () => sharp(rgb, { raw: { width: side, height: side, channels: 3 } });
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    rgb = new Uint8Array(await drawFace(randomStream(1), 0.5, side).blur(2).raw().toBuffer());
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  async function decoded(name: string, picture: ReturnType<typeof raw>) {
    const path = join(folder, name);
    await picture.toFile(path);
    const image = await decodePicture(path);
    assertEquals([image.width, image.height, image.data.length], [side, side, side * side * 3]);
    return image.data;
  }
  const furthest = (one: Uint8Array, other: Uint8Array) =>
    one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);

  it("reads PNG and lossless WebP to the byte, what is half transparent over white, and 16 bits a channel", async () => {
    assertEquals(await decoded("a.png", raw().png()), rgb);
    assertEquals(await decoded("b.webp", raw().webp({ lossless: true })), rgb);
    const overWhite = rgb.map((value) => Math.round((value + 255) / 2));
    assert(furthest(await decoded("c.png", raw().ensureAlpha(0.5).png()), overWhite) <= 1);
    const deep = await decoded("d.png", raw().toColourspace("rgb16").png());
    assertEquals((await sharp(join(folder, "d.png")).metadata()).depth, "ushort");
    assert(furthest(deep, rgb) <= 1);
  });

  it("reads JPEG, grey and CMYK as RGB", async () => {
    assert(
      furthest(await decoded("e.jpg", raw().jpeg({ quality: 100, chromaSubsampling: "4:4:4" })), rgb) < 12,
    );
    const grey = await decoded("f.png", raw().greyscale().toColourspace("b-w").png());
    assertEquals((await sharp(join(folder, "f.png")).metadata()).channels, 1);
    for (let i = 0; i < grey.length; i += 3) assertEquals([grey[i + 1], grey[i + 2]], [grey[i], grey[i]]);
    assert(furthest(grey, rgb) < 120 && grey.some((value) => value !== grey[0]));
    const cmyk = await decoded("g.jpg", raw().toColourspace("cmyk").jpeg({ quality: 100 }));
    assertEquals((await sharp(join(folder, "g.jpg")).metadata()).space, "cmyk");
    const mean = (data: Uint8Array) => data.reduce((sum, value) => sum + value, 0) / data.length;
    assert(Math.abs(mean(cmyk) - mean(rgb)) < 20, `${mean(cmyk)} for ${mean(rgb)}`);
  });

  it("turns a picture upright that its EXIF data call turned", async () => {
    const turned = await decoded("h.png", raw().rotate(90).withMetadata({ orientation: 8 }).png());
    assertEquals(turned, rgb);
  });

  it("refuses what is no picture, and half a picture", async () => {
    await Deno.writeTextFile(join(folder, "text.jpg"), "This is no picture.");
    await assertRejects(() => decodePicture(join(folder, "text.jpg")), Error, "unsupported image format");
    const whole = await raw().jpeg().toBuffer();
    await Deno.writeFile(join(folder, "half.jpg"), whole.subarray(0, whole.length >> 1));
    await assertRejects(() => decodePicture(join(folder, "half.jpg")), Error);
  });
});
