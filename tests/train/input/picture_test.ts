/** Pictures are learnt from as they are detected in: by the same rules for colours, ends and damage. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { type ImageDecoder, openDecoder } from "@emoco/serve/decode";
import { decodePicture } from "../../../train/input/picture.ts";
import { type Bytes, bytesOf, picture } from "../../serve/decoding.ts";
import { PROFILES, withProfile } from "../../serve/profiles.ts";

describe("a picture that is learnt from", () => {
  let folder: string, detector: ImageDecoder, jpeg: Bytes;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    detector = await openDecoder("native");
    jpeg = await bytesOf(picture(60, 44).jpeg({ quality: 90 }));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  async function learnt(bytes: Uint8Array): Promise<Uint8Array> {
    const path = join(folder, `${crypto.randomUUID()}.jpg`);
    await Deno.writeFile(path, bytes);
    const { width, height, data } = await decodePicture(path);
    assertEquals([width, height, data.length], [60, 44, 60 * 44 * 3]);
    return data;
  }
  const detected = async (bytes: Bytes) => (await detector.decode(bytes)).data.filter((_, i) => i % 4 < 3);
  const furthest = (one: ArrayLike<number>, other: ArrayLike<number>) =>
    Math.max(...Array.from(one, (value, i) => Math.abs(value - other[i])));

  it("need not have its end marker, and may have stray bytes", async () => {
    const whole = await learnt(jpeg), first = 4 + (jpeg[4] << 8 | jpeg[5]);
    const stray = [...jpeg.subarray(0, first), ...new Uint8Array(18).fill(0x55), ...jpeg.subarray(first)];
    const progressive = await bytesOf(picture(60, 44).jpeg({ progressive: true }));
    assertEquals(await learnt(jpeg.subarray(0, -2)), whole, "no end");
    assertEquals(await learnt(jpeg.subarray(0, -1)), whole, "half an end");
    assertEquals(await learnt(Uint8Array.from(stray)), whole, "stray bytes");
    assertEquals(await learnt(Uint8Array.from(stray.slice(0, -2))), whole, "both");
    assertEquals(await learnt(progressive.subarray(0, -2)), await learnt(progressive), "progressive");
  });

  it("is refused where pixels are missing", async () => {
    for (const length of [jpeg.length - 100, jpeg.length >> 1, 300, 20]) {
      await assertRejects(() => learnt(jpeg.subarray(0, length)), Error, "cut off");
    }
    const png = await bytesOf(picture(60, 44).png());
    await assertRejects(() => learnt(png.subarray(0, png.length >> 1)), Error, "cut off");
  });

  it("has the colours that the detector sees, whatever its profile", async () => {
    const files = { jpeg, png: await bytesOf(picture(60, 44).png()) };
    for (const [kind, bytes] of Object.entries(files) as ["jpeg" | "png", Bytes][]) {
      for (const profile of ["p3", "prophoto", "adobe", "srgb"] as const) {
        const tagged = withProfile(bytes, kind, PROFILES[profile]());
        const [ours, theirs] = [await learnt(tagged), await detected(tagged)];
        assert(furthest(ours, theirs) <= 1, `${kind} in ${profile}: ${furthest(ours, theirs)}`);
        const changes = furthest(ours, await learnt(bytes)) > 8;
        assertEquals(changes, profile !== "srgb", `${kind} in ${profile}`);
      }
      const damaged = withProfile(bytes, kind, PROFILES.p3().slice(0, 150));
      assertEquals(await learnt(damaged), await learnt(bytes), `${kind}, a damaged profile`);
    }
  });
});
