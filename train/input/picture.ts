/** Reads a picture as RGB bytes, upright, whatever it was stored as. */
import sharp from "sharp";
import type { RgbImage } from "./filters.ts";

sharp.cache(false);
sharp.concurrency(1); // workers decode side by side already

/**
 * Decodes JPEG, PNG, WebP and what else sharp reads: grey, CMYK and 16 bits a channel become 8-bit sRGB, what is transparent
 * lies over white, and a picture that its EXIF data call turned is turned upright, as the detector does.
 * @throws {Error} not a picture, truncated, or not readable as RGB
 */
export async function decodePicture(path: string): Promise<RgbImage> {
  const { data, info } = await sharp(path, { failOn: "truncated", sequentialRead: true })
    .autoOrient().toColourspace("srgb").flatten({ background: "#fff" }).removeAlpha().raw({ depth: "uchar" })
    .toBuffer({
      resolveWithObject: true,
    });
  if (info.channels !== 3) {
    throw new Error(`it has ${info.channels} channels where red, green and blue are needed`);
  }
  return { width: info.width, height: info.height, data: new Uint8Array(data) };
}
