/** Pictures as users have them: damaged, with stray bytes, in other colours, larger than a server takes. */
import { assert, assertEquals } from "@std/assert";
import { beforeAll, describe, it } from "@std/testing/bdd";
import { type ImageDecoder, openDecoder } from "@emoco/serve/decode";
import sharp from "sharp";
import { assertDecodes, assertRefuses, type Bytes, bytesOf, hurtOf, picture } from "./decoding.ts";
import { PROFILES, withProfile } from "./profiles.ts";

/** A picture whose compressed data are long enough to be hurt. */
const noisy = () =>
  picture(120, 90).convolve({ width: 3, height: 3, kernel: [0, -9, 0, -9, 40, -9, 0, -9, 0] });

/** The file with stray bytes behind its first segment. */
function withStray(bytes: Bytes): Bytes {
  const first = 4 + (bytes[4] << 8 | bytes[5]);
  return new Uint8Array([
    ...bytes.subarray(0, first),
    ...new Uint8Array(18).fill(0x55),
    ...bytes.subarray(first),
  ]);
}

for (const engine of ["native", "wasm"] as const) {
  describe(`the ${engine} decoder, given what users have`, () => {
    let decoder: ImageDecoder, jpeg: Bytes;
    beforeAll(async () => {
      decoder = await openDecoder(engine);
      jpeg = await bytesOf(picture(60, 44).jpeg({ quality: 90 }));
    });

    it("reads a JPEG without its end, or with stray bytes, as it is", async () => {
      const whole = await decoder.decode(jpeg),
        progressive = await bytesOf(picture(60, 44).jpeg({ progressive: true }));
      assertEquals(whole.warnings, undefined);
      for (
        const [what, bytes] of Object.entries({
          "no end": jpeg.slice(0, -2),
          "half an end": jpeg.slice(0, -1),
          "stray bytes": withStray(jpeg),
          "stray bytes and no end": withStray(jpeg).slice(0, -2),
        })
      ) {
        const { data, warnings } = await decoder.decode(bytes);
        assertEquals([data, warnings], [whole.data, undefined], what);
      }
      assertEquals(
        (await decoder.decode(progressive.slice(0, -2))).data,
        (await decoder.decode(progressive)).data,
      );
      const behind = new Uint8Array([...jpeg, 1, 2, 3, 0xff, 4]);
      assertEquals((await decoder.decode(behind)).data, whole.data, "bytes behind the end");
    });

    it("says that pixels are damaged", async () => {
      for (const progressive of [false, true]) {
        const sound = await bytesOf(noisy().jpeg({ progressive })), hurt = hurtOf(sound);
        assertEquals((await decoder.decode(sound)).warnings, undefined);
        assertEquals((await decoder.decode(hurt)).warnings, ["damaged"], `progressive: ${progressive}`);
        assertEquals((await decoder.decode(withStray(hurt))).warnings, ["damaged"], "and stray bytes");
        assertEquals((await decoder.decode(withStray(sound))).warnings, undefined, "stray bytes alone");
      }
    });

    it("says of each picture what is wrong with it alone, whatever is decoded beside it", async () => {
      const sound = await bytesOf(noisy().jpeg()), kinds: Bytes[] = [sound, hurtOf(sound), withStray(sound)];
      if (engine === "native") { // what libjpeg-turbo leaves to sharp
        const cmyk = await bytesOf(noisy().toColourspace("cmyk").jpeg());
        kinds.push(cmyk, hurtOf(cmyk), withStray(cmyk));
      }
      const alone: (readonly string[] | undefined)[] = [];
      for (const bytes of kinds) alone.push((await decoder.decode(bytes)).warnings);
      assertEquals(alone, kinds.map((_, i) => i % 3 === 1 ? ["damaged"] : undefined));
      const beside = await Promise.all(
        Array.from({ length: 60 }, (_, i) => decoder.decode(kinds[i % kinds.length])),
      );
      assertEquals(beside.map(({ warnings }) => warnings), beside.map((_, i) => alone[i % kinds.length]));
    });

    it("brings the colours of every profile to sRGB as a colour management system does", async () => {
      for (const profile of ["p3", "prophoto", "adobe"] as const) {
        const icc = PROFILES[profile]();
        for (
          const [kind, image] of [["jpeg", picture(60, 44).jpeg({ quality: 95 })], [
            "png",
            picture(60, 44).png(),
          ], ["webp", picture(60, 44).webp({ lossless: true })]] as const
        ) {
          const plain = await bytesOf(image.clone()), bytes = withProfile(plain, kind, icc);
          await assertDecodes(decoder, bytes, 3, `${kind} in ${profile}`);
          const [one, other] = [await decoder.decode(plain), await decoder.decode(bytes)];
          assert(
            one.data.some((value, i) => Math.abs(value - other.data[i]) > 8),
            `${profile} changes ${kind}`,
          );
        }
      }
      const named = withProfile(jpeg, "jpeg", PROFILES.srgb());
      assertEquals(
        (await decoder.decode(named)).data,
        (await decoder.decode(jpeg)).data,
        "sRGB by its profile",
      );
      const broken = withProfile(jpeg, "jpeg", PROFILES.p3().slice(0, 150));
      assertEquals(
        (await decoder.decode(broken)).data,
        (await decoder.decode(jpeg)).data,
        "a damaged profile",
      );
    });

    it("makes a local program's large pictures smaller, and says how large they are", async () => {
      const local = await openDecoder(engine, { isLocal: true });
      const bytes = await bytesOf(
        sharp({ create: { width: 9000, height: 3000, channels: 3, background: "#369" } })
          .withMetadata({ orientation: 6 }).jpeg(),
      );
      await assertRefuses(decoder, bytes, "too-large", "9000 x 3000");
      const { width, height, original, data } = await local.decode(bytes);
      assertEquals(original, { width: 3000, height: 9000 });
      assert(width * height <= 25e6 && width * height > 24.9e6, `${width} x ${height}`);
      assert(Math.abs(width / height - 1 / 3) < 1e-3);
      assert(Math.abs(data[0] - 0x33) < 3 && Math.abs(data[2] - 0x99) < 3);
      assertEquals((await local.decode(jpeg)).original, undefined);
    });
  });
}
