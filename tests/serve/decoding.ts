/** Pictures to decode, and what sharp makes of them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type ImageDecoder, ImageError } from "@emoco/serve/decode";
import sharp, { type Sharp } from "sharp";

/** Bytes of a file. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** A smooth picture with a mark in one corner, so that no turn or mirror image of it equals another. */
export function picture(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      data.set([40 + x * 150 / width, 60 + y * 120 / height, x < width / 3 && y < height / 4 ? 230 : 90], at);
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

/** The file that sharp writes. */
export async function bytesOf(image: Sharp): Promise<Bytes> {
  return new Uint8Array(await image.toBuffer());
}

/** What sharp alone makes of the file: upright, over white, RGBA. */
async function expected(bytes: Bytes) {
  const { data, info } = await sharp(bytes).autoOrient().toColourspace("srgb").flatten({ background: "#fff" })
    .ensureAlpha().raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Holds a decoder against sharp. */
export async function assertDecodes(decoder: ImageDecoder, bytes: Bytes, tolerance: number, what: string) {
  const [actual, wanted] = [await decoder.decode(bytes), await expected(bytes)];
  assertEquals([actual.width, actual.height], [wanted.width, wanted.height], what);
  let worst = 0;
  for (let i = 0; i < wanted.data.length; i++) {
    worst = Math.max(worst, Math.abs(actual.data[i] - wanted.data[i]));
  }
  assert(worst <= tolerance, `${what}: off by ${worst}`);
}

/** The refusal of a file. */
export async function assertRefuses(
  decoder: ImageDecoder,
  bytes: Bytes,
  code: ImageError["code"],
  message: string,
) {
  const error = await assertRejects(() => decoder.decode(bytes), ImageError, message);
  assertEquals(error.code, code);
}

/** The file with an eighth of it lost from its compressed data. */
export function hurtOf(bytes: Bytes): Bytes {
  const middle = bytes.length >> 1;
  return new Uint8Array([...bytes.subarray(0, middle), ...bytes.subarray(middle + (bytes.length >> 3))]);
}
