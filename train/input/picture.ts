/** Reads a picture as RGB bytes, upright, whatever it was stored as, by the rules of the detector. */
import { profileOf } from "@emoco/web/colour-profile";
import { cutOff, ImageError, type ImageHeader, readHeader } from "@emoco/web/image-header";
import { judgeComplaints, mended } from "@emoco/web/jpeg-damage";
import sharp from "sharp";
import type { RgbImage } from "./filters.ts";

sharp.cache(false);
sharp.concurrency(1); // workers decode side by side already

/** Pictures that are learnt from are their user's own. */
const ANY_SIZE = { side: Infinity, pixels: Infinity };

/**
 * Decodes JPEG, PNG, WebP and what else sharp reads: grey, CMYK and 16 bits a channel become 8-bit sRGB, what is
 * transparent lies over white, and a picture that its EXIF data call turned is turned upright. As in the detector,
 * profiles of colour are read by the project's own rules, and a JPEG without its end, or with stray bytes, is read as
 * every viewer reads it.
 * @throws {Error} not a picture, cut off, or not readable as RGB
 */
export async function decodePicture(path: string): Promise<RgbImage> {
  const bytes = await Deno.readFile(path), header = headerOf(bytes);
  const convert = header && header.components !== 4 ? await profileOf(header) : undefined;
  const sound = header ? mended(bytes, header) : bytes;
  const isOurs = header !== undefined && header.components !== 4; // of the tables of CMYK, sharp knows
  const decode = (failOn: "warning" | "truncated") => {
    const image = sharp(sound, { failOn, sequentialRead: true, ignoreIcc: isOurs })
      .autoOrient().toColourspace("srgb").flatten({ background: "#fff" }).removeAlpha();
    return (convert ? image.ensureAlpha() : image).raw({ depth: "uchar" }).toBuffer({
      resolveWithObject: true,
    });
  };
  const mayLackPixels = header?.lacksEnd === true;
  const { data, info: { width, height, channels } } = await decode(mayLackPixels ? "warning" : "truncated")
    .catch((error: Error) => {
      if (mayLackPixels && judgeComplaints([error.message], true) === "cut-off") throw cutOff();
      if (mayLackPixels) return decode("truncated");
      throw error;
    });
  if (channels !== (convert ? 4 : 3)) {
    throw new Error(`it has ${channels} channels where red, green and blue are needed`);
  }
  if (!convert) return { width, height, data: new Uint8Array(data) };
  convert(data);
  return {
    width,
    height,
    data: Uint8Array.from({ length: 3 * width * height }, (_, i) => data[i + Math.floor(i / 3)]),
  };
}

/** What the file says of itself; nothing of kinds that the detector does not know, which are sharp's to read. */
function headerOf(bytes: Uint8Array): ImageHeader | undefined {
  try {
    return readHeader(bytes, ANY_SIZE);
  } catch (error) {
    if (error instanceof ImageError && error.code === "unsupported") return undefined;
    throw error;
  }
}
