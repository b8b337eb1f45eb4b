import { assert, assertEquals, assertInstanceOf, assertLess, assertRejects } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { type ImageDecoder, ImageError, openDecoder } from "@emoco/serve/decode";
import sharp from "sharp";
import { assertDecodes, assertRefuses, type Bytes, bytesOf, picture } from "./decoding.ts";
import { deflate, type PngKind, pngOf, writePng } from "./png_writer.ts";

const rgb8: PngKind = { width: 9, height: 7, depth: 8, colour: 2, interlaced: false };

for (const engine of ["native", "wasm"] as const) {
  describe(`the ${engine} decoder`, () => {
    let decoder: ImageDecoder, jpeg: Bytes, png: Bytes, webp: Bytes;
    beforeAll(async () => {
      decoder = await openDecoder(engine);
      jpeg = await bytesOf(picture(60, 44).jpeg({ quality: 90 }));
      png = await bytesOf(picture(60, 44).png());
      webp = await bytesOf(picture(60, 44).webp());
    });

    it("decodes JPEG, PNG and WebP as sharp does", async () => {
      assertEquals(decoder.engine, engine);
      for (const bytes of [jpeg, png, webp]) await assertDecodes(decoder, bytes, 1, "plain");
      await assertDecodes(
        decoder,
        await bytesOf(picture(61, 43).jpeg({ progressive: true })),
        1,
        "progressive",
      );
      await assertDecodes(decoder, await bytesOf(picture(61, 43).greyscale().jpeg()), 1, "grey JPEG");
      await assertDecodes(
        decoder,
        await bytesOf(picture(61, 43).webp({ lossless: true })),
        0,
        "lossless WebP",
      );
    });

    it("turns all eight EXIF orientations upright", async () => {
      for (let orientation = 1; orientation <= 8; orientation++) {
        const turned = () => picture(40, 24).withMetadata({ orientation });
        await assertDecodes(decoder, await bytesOf(turned().jpeg()), 1, `JPEG, orientation ${orientation}`);
        await assertDecodes(
          decoder,
          await bytesOf(turned().webp({ lossless: true })),
          0,
          `WebP, ${orientation}`,
        );
        await assertDecodes(decoder, await bytesOf(turned().png()), 0, `PNG, ${orientation}`);
      }
    });

    it("lays transparency over white", async () => {
      const half = () => picture(30, 20).ensureAlpha(0.4);
      await assertDecodes(decoder, await bytesOf(half().png()), 1, "PNG");
      await assertDecodes(decoder, await bytesOf(half().webp({ lossless: true })), 1, "WebP");
      await assertDecodes(decoder, await bytesOf(half().greyscale().png()), 1, "grey PNG");
    });

    it("decodes every kind of PNG", async () => {
      const palette = Uint8Array.from({ length: 768 }, (_, i) => i * 37 % 256);
      for (const interlaced of [false, true]) {
        for (
          const [colour, depths] of [[0, [1, 2, 4, 8, 16]], [2, [8, 16]], [3, [1, 2, 4, 8]], [4, [8, 16]], [
            6,
            [8, 16],
          ]] as const
        ) {
          for (const depth of depths) {
            for (const [width, height] of [[21, 13], [3, 2]]) {
              const kind = { width, height, depth, colour, interlaced };
              const extra = colour === 3
                ? { palette: palette.subarray(0, 3 << depth), transparent: new Uint8Array([0, 90]) }
                : {};
              // 16-bit samples repeat their byte, so that cutting and rounding to 8 bits agree.
              const sample = (x: number, y: number, s: number) =>
                depth === 16
                  ? (x * 11 + y * 7 + s * 50) % 256 * 257
                  : (x * 11 + y * 7 + s * 50) % (1 << depth);
              const bytes = await writePng({ ...kind, ...extra }, sample);
              await assertDecodes(decoder, bytes, 1, JSON.stringify(kind));
            }
          }
        }
      }
    });

    it("takes one colour as transparent where tRNS names it", async () => {
      const kind = { ...rgb8, transparent: Uint8Array.of(0, 1, 0, 2, 0, 3) };
      const bytes = await writePng(kind, (x, y, s) => (x + y) % 3 === 0 ? s + 1 : 100 + s);
      const { data } = await decoder.decode(bytes);
      assertEquals([...data.slice(0, 8)], [255, 255, 255, 255, 100, 101, 102, 255]);
      const grey = { ...rgb8, colour: 0, depth: 2, transparent: Uint8Array.of(0, 2) };
      assertEquals(
        [...(await decoder.decode(await writePng(grey, (x) => x % 4))).data.slice(0, 16)].filter((_, i) =>
          i % 4 === 0
        ),
        [
          0,
          85,
          255,
          255,
        ],
      );
    });

    it("refuses what is empty, of another type, or animated", async () => {
      await assertRefuses(decoder, new Uint8Array(), "empty", "0 bytes");
      await assertRefuses(
        decoder,
        new TextEncoder().encode("GIF89a, or any text"),
        "unsupported",
        "not a JPEG, PNG or WebP",
      );
      const frames = await Promise.all([0, 1].map((i) => bytesOf(picture(20, 20).rotate(i * 90).png())));
      const animation = await bytesOf(sharp(frames, { join: { animated: true } }).webp());
      await assertRefuses(decoder, animation, "unsupported", "WebP is animated");
      const apng = await writePng({ ...rgb8, extra: [["acTL", new Uint8Array(8)]] }, () => 9);
      await assertRefuses(decoder, apng, "unsupported", "PNG is animated");
    });

    it("refuses pictures beyond the limits by their header, whatever their bytes unfold to", async () => {
      const before = Deno.memoryUsage().rss;
      const bomb = pngOf({ ...rgb8, width: 12_000, height: 12_000 }, await deflate(new Uint8Array(400_000)));
      await assertRefuses(decoder, bomb, "too-large", "12000 x 12000");
      const wide = jpeg.slice();
      const frame = wide.findIndex((byte, i) => byte === 0xff && wide[i + 1] === 0xc0);
      new DataView(wide.buffer).setUint16(frame + 7, 20_000);
      await assertRefuses(decoder, wide, "too-large", "20000 x 44");
      const many = pngOf({ ...rgb8, width: 5001, height: 5000 }, new Uint8Array(9));
      await assertRefuses(decoder, many, "too-large", "5001 x 5000");
      assertLess(Deno.memoryUsage().rss - before, 90e6); // unfolded, each is 100 MB or more
    });

    it("stops inflating where the picture ends", async () => {
      const rows = await writePng(rgb8, () => 77);
      assertEquals((await decoder.decode(rows)).data[0], 77);
      const bomb = pngOf(rgb8, await deflate(new Uint8Array(100_000_000)));
      const before = Deno.memoryUsage().rss;
      const { data } = await decoder.decode(bomb).catch(() => ({ data: new Uint8ClampedArray() }));
      assert(data.length === 0 || data.length === 9 * 7 * 4);
      assertLess(Deno.memoryUsage().rss - before, 40e6);
    });

    it("refuses a file that is cut off anywhere", async () => {
      for (const whole of [jpeg, png, webp]) {
        for (let length = 1; length < whole.length; length += Math.ceil(whole.length / 60)) {
          const error = await assertRejects(() => decoder.decode(whole.slice(0, length)), ImageError);
          assert(
            ["broken", "unsupported"].includes(error.code),
            `${length} of ${whole.length}: ${error.message}`,
          );
          if (length > 12) {
            assertEquals(error.message, "The image is cut off: the file ends before the picture does.");
          }
        }
      }
    });

    it("refuses broken PNG with a reason", async () => {
      await assertRefuses(decoder, pngOf(rgb8, Uint8Array.of(1, 2, 3, 4)), "broken", "The PNG is broken");
      await assertRefuses(
        decoder,
        pngOf(rgb8, await deflate(new Uint8Array(20))),
        "broken",
        "The PNG is broken",
      );
      await assertRefuses(
        decoder,
        pngOf({ ...rgb8, depth: 3 }, new Uint8Array(9)),
        "broken",
        "The PNG is broken",
      );
      await assertRefuses(decoder, pngOf({ ...rgb8, width: 0 }, new Uint8Array(9)), "broken", "0 x 7");
      await assertRefuses(
        decoder,
        await writePng({ ...rgb8, colour: 3 }, () => 1),
        "broken",
        "The PNG is broken",
      );
    });

    it("answers flipped bits with a picture or a reason, and goes on", async () => {
      let state = 5, decoded = 0, refused = 0;
      const random = (below: number) => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % below;
      for (const whole of [jpeg, png, webp]) {
        for (let round = 0; round < 60; round++) {
          const bytes = whole.slice();
          for (let flips = 1 + random(6); flips > 0; flips--) bytes[random(bytes.length)] ^= 1 << random(8);
          try {
            const { width, height, data } = await decoder.decode(bytes);
            assertEquals(data.length, width * height * 4);
            decoded++;
          } catch (error) {
            assertInstanceOf(error, ImageError);
            refused++;
          }
        }
        await assertDecodes(decoder, whole, 1, "after the broken ones");
      }
      assert(decoded > 10 && refused > 60, `${decoded} decoded, ${refused} refused`);
    });
  });
}

describe("CMYK", () => {
  it("is decoded natively, and refused with a sentence otherwise", async () => {
    const bytes = await bytesOf(picture(40, 30).toColourspace("cmyk").jpeg());
    await assertDecodes(await openDecoder("native"), bytes, 0, "CMYK");
    await assertRefuses(await openDecoder("wasm"), bytes, "unsupported", "CMYK");
  });
});

describe("openDecoder", () => {
  it("takes the native decoder where it may", async () => {
    assertEquals((await openDecoder()).engine, "native");
  });
});
