/** Pictures into files. */
import sharp, { type Sharp } from "sharp";
import type { Picture } from "./render.ts";

function raw(picture: Pick<Picture, "width" | "height" | "data">): Sharp {
  const { data, width, height } = picture;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return sharp(bytes, { raw: { width, height, channels: 4 } });
}

/** A JPEG, without alpha. */
export async function encodeJpeg(
  picture: Pick<Picture, "width" | "height" | "data">,
  quality: number,
): Promise<Uint8Array> {
  return await raw(picture).removeAlpha().jpeg({ quality, chromaSubsampling: "4:2:0" }).toBuffer();
}

/** A WebP with its alpha. */
export async function encodeWebp(picture: Picture, quality: number): Promise<Uint8Array> {
  return await raw(picture).webp({ quality, alphaQuality: 90, effort: 5 }).toBuffer();
}
