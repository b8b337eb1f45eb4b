import { assert, assertEquals, assertLess } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { type ImageDecoder, openDecoder } from "@emoco/serve/decode";
import { AuDetector, type DetectedFace } from "@emoco/web/detector";
import { BlazeFace } from "@emoco/web/face-finder";
import type { OrtLike } from "@emoco/web/inference";
import type { Layer, Part } from "@emoco/web/picture";
import { InferenceSession, Tensor } from "onnxruntime-node";
import sharp from "sharp";
import { readPortrait } from "./local.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A JPEG of smooth waves, no two parts alike, whose sides are no multiples of anything. */
async function waves(width: number, height: number, orientation: number): Promise<Bytes> {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      data.set([x / width * 255, y / height * 255, 128 + 60 * Math.sin(x / 40) * Math.cos(y / 33)], at);
    }
  }
  const image = sharp(data, { raw: { width, height, channels: 3 } }).withMetadata({ orientation });
  return new Uint8Array(await image.jpeg({ quality: 95 }).toBuffer());
}

/** The portrait in a large photo, stored as its orientation says. */
async function photoOf(width: number, height: number, share: number, orientation: 1 | 6): Promise<Bytes> {
  const side = Math.round(height * share);
  const portrait = await sharp(await readPortrait()).resize(side, side, { kernel: "cubic" }).toBuffer();
  const at = { left: Math.round((width - side) * 0.37), top: Math.round((height - side) * 0.61) };
  const data = await sharp({ create: { width, height, channels: 3, background: "#776" } })
    .composite([{ input: portrait, ...at }]).removeAlpha().raw().toBuffer();
  const upright = sharp(data, { raw: { width, height, channels: 3 } });
  const stored = orientation === 6 ? upright.rotate(270) : upright;
  return new Uint8Array(await stored.withMetadata({ orientation }).jpeg({ quality: 90 }).toBuffer());
}

/** The greatest difference between a layer and the mean of what each of its pixels stands for. */
function worstOf(
  { pixels, x, y, shrink }: Layer,
  full: { width: number; height: number; data: ArrayLike<number> },
) {
  let worst = 0;
  for (let j = 0; j < pixels.height; j++) {
    for (let i = 0; i < pixels.width; i++) {
      const left = x + i * shrink, top = y + j * shrink;
      if (left < 0 || top < 0 || left + shrink > full.width || top + shrink > full.height) continue;
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let v = 0; v < shrink; v++) {
          for (let u = 0; u < shrink; u++) sum += full.data[((top + v) * full.width + left + u) * 4 + c];
        }
        const mean = sum / shrink ** 2;
        worst = Math.max(worst, Math.abs(pixels.data[(j * pixels.width + i) * 4 + c] - mean));
      }
    }
  }
  return worst;
}

describe("a picture in a file", () => {
  let native: ImageDecoder, wasm: ImageDecoder;
  beforeAll(async () => {
    [native, wasm] = [await openDecoder("native"), await openDecoder("wasm")];
  });

  it("shows of every orientation the part that is asked for, as the whole picture would", async () => {
    const parts: Part[] = [
      { x: 200, y: 150, width: 120, height: 99, shrink: 1 },
      { x: -50, y: 300, width: 200, height: 700, shrink: 1 }, // over two edges
      { x: 250.5, y: 300.5, width: 3000, height: 3000, shrink: 1 },
      { x: 5000, y: 5000, width: 10, height: 10, shrink: 1 }, // nowhere
    ];
    for (let orientation = 1; orientation <= 8; orientation++) {
      const bytes = await waves(613, 471, orientation), full = await native.decode(bytes);
      for (const part of parts) {
        const picture = native.open(bytes), [layer] = await picture.look([part]);
        assertEquals([picture.width, picture.height], [full.width, full.height]);
        assertEquals(layer.shrink, 1);
        assertLess(worstOf(layer, full), 6, `orientation ${orientation}, ${JSON.stringify(part)}`);
        const right = layer.x + layer.pixels.width, bottom = layer.y + layer.pixels.height;
        assert(layer.x <= Math.max(0, part.x) && layer.y <= Math.max(0, part.y));
        assert(right >= Math.min(full.width, part.x + part.width), `${right} of ${full.width}`);
        assert(bottom >= Math.min(full.height, part.y + part.height), `${bottom} of ${full.height}`);
      }
    }
  });

  it("is decoded as coarsely as may be, each pixel the mean of those it stands for", async () => {
    for (const orientation of [1, 7]) {
      const bytes = await waves(2013, 1511, orientation), full = await native.decode(bytes);
      const all = { x: 0, y: 0, width: full.width, height: full.height };
      for (const [shrink, expected] of [[1.9, 1], [7.9, 2]]) { // below half a megapixel nothing is saved
        const [layer] = await native.open(bytes).look([{ ...all, shrink }]);
        assertEquals(layer.shrink, expected, `asked for ${shrink}`);
        assertLess(worstOf(layer, full), 4, `orientation ${orientation}, shrink ${shrink}`);
      }
    }
  });

  it("decodes nothing twice that it has fine enough, and all that is wanted at once in one go", async () => {
    const picture = native.open(await waves(2013, 1511, 1));
    const [coarse] = await picture.look([{ x: 0, y: 0, width: 2013, height: 1511, shrink: 2 }]);
    assertEquals((await picture.look([{ x: 300, y: 300, width: 99, height: 99, shrink: 4 }]))[0], coarse);
    const two = [[100, 100], [900, 700]].map(([x, y]) => ({ x, y, width: 150, height: 150, shrink: 1 }));
    const [one, other] = await picture.look(two);
    assert(one === other && one.shrink === 1);
    picture.close();
  });

  it("is whole and the same from codecs that know no parts", async () => {
    for (const orientation of [1, 8]) {
      const bytes = await waves(613, 471, orientation), full = await wasm.decode(bytes);
      const [layer] = await wasm.open(bytes).look([{ x: 9, y: 9, width: 50, height: 50, shrink: 4 }]);
      assertEquals([layer.x, layer.y, layer.shrink], [0, 0, 1]);
      assertEquals(layer.pixels.data, full.data);
    }
  });
});

describe("a large photo", () => {
  it("has the answers of its whole decode, though less is decoded", async () => {
    const ort = { InferenceSession, Tensor } as unknown as OrtLike;
    const read = (name: string) => Deno.readFile(new URL(`../../web/model/${name}`, import.meta.url));
    const finder = await BlazeFace.load({ model: await read("blazeface.onnx"), ort });
    const parts = { model: await read("emoco.onnx"), card: await read("emoco.json"), finder, ort };
    const detector = await AuDetector.load(parts), decoder = await openDecoder("native");
    const shares = [1, 0.7, 0.45, 0.25]; // the last is seen too small in coarse pixels
    const cases = ([[4000, 3000, 6], [3200, 2400, 1]] as const).flatMap(([width, height, orientation]) =>
      shares.map((share) => [width, height, share, orientation] as const)
    );
    for (const [width, height, share, orientation] of cases) {
      const bytes = await photoOf(width, height, share, orientation), what = `${width}, ${share}`;
      const shrinks: number[] = [], picture = decoder.open(bytes), look = picture.look.bind(picture);
      picture.look = async (parts) => {
        const layers = await look(parts);
        shrinks.push(...layers.map(({ shrink }) => shrink));
        return layers;
      };
      const actual = await detector.detect(picture),
        wanted = await detector.detect(await decoder.decode(bytes));
      assertEquals(Math.max(...shrinks), 2, what);
      assertEquals([actual.width, actual.height], [wanted.width, wanted.height], what);
      assertEquals([actual.faces.length, wanted.faces.length], [1, 1], what);
      const [face] = actual.faces, [same] = wanted.faces;
      // In pixels of the model's crop, where a face is some 84 of them wide.
      assertLess(distance(face, same) * 84 / same.box.width, 0.5, what);
      face.aus.forEach(({ au, probability }, i) => {
        assertLess(Math.abs(probability - same.aus[i].probability), 0.02, `${what}: AU${au}`);
      });
    }
    await detector.release();
    await finder.release();
  });
});

/** The greatest distance between two faces' points, in pixels of the picture. */
function distance(one: DetectedFace, other: DetectedFace): number {
  return Math.max(
    ...(["leftEye", "rightEye", "nose", "mouth"] as const).map((name) =>
      Math.hypot(
        one.points[name][0] - other.points[name][0],
        one.points[name][1] - other.points[name][1],
      )
    ),
  );
}
