/**
 * Image files to pixels: native through libjpeg-turbo and sharp, or portable through wasm and plain code where native code is refused.
 * Both turn pictures upright, lay transparency over white and refuse the same files, save CMYK (native only).
 * @module
 */
import type { Pixels } from "@emoco/web/image";
import type { Layer, Picture } from "@emoco/web/picture";
import { FilePicture, type StoredPart, WHOLE } from "./file_picture.ts";
import { ImageError, type ImageHeader, MAX_PIXELS, readHeader } from "./image_header.ts";
import { decodePng } from "./png.ts";
import { openTurboJpeg } from "./turbo_jpeg.ts";

export { ImageError } from "./image_header.ts";

/** What turns the bytes of a JPEG, PNG or WebP into upright, opaque RGBA; refuses with an ImageError. */
export interface ImageDecoder {
  readonly engine: "native" | "wasm";
  /** The picture, which is decoded when it is looked at, and no finer than it is looked at. */
  open(bytes: Uint8Array<ArrayBuffer>): Picture;
  /** The whole picture. */
  decode(bytes: Uint8Array<ArrayBuffer>): Promise<Pixels>;
}

/**
 * Opens a decoder: "native" needs sharp and the permission to load it, "wasm" runs anywhere, "auto" takes the first
 * that opens.
 */
export async function openDecoder(engine: "native" | "wasm" | "auto" = "auto"): Promise<ImageDecoder> {
  if (engine === "wasm") return await openWasm();
  try {
    return await openNative();
  } catch (error) {
    if (engine === "auto") return await openWasm();
    throw new Error(`The native image decoder cannot be loaded: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Decodes a part of a picture as it is stored, or more than that. */
type DecodePart = (
  bytes: Uint8Array<ArrayBuffer>,
  header: ImageHeader,
  part: StoredPart,
) => Promise<Layer>;

async function openNative(): Promise<ImageDecoder> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false); // no picture outlives its request
  sharp.concurrency(1); // the pool has a worker for each processor
  const turbo = openTurboJpeg();
  const decodePart: DecodePart = async (bytes, header, part) => {
    const { format, components, profile } = header;
    if (turbo && format === "jpeg" && components !== 4 && !profile) {
      const pixels = turbo.decode(bytes, header, part);
      if (pixels) return { ...part, pixels };
    }
    const { x, y, shrink } = part;
    const width = part.width || header.width - x, height = part.height || header.height - y;
    const image = sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS, autoOrient: false });
    if (part.width > 0 || part.height > 0 || x > 0 || y > 0) {
      image.extract({ left: x, top: y, width, height });
    }
    if (shrink > 1) {
      const size = { width: Math.ceil(width / shrink), height: Math.ceil(height / shrink) };
      image.resize({ ...size, fit: "fill", kernel: "mitchell" });
    }
    const { data, info } = await image
      .toColourspace("srgb").flatten({ background: "#fff" }).ensureAlpha().raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const pixels = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
    return { ...part, pixels: { width: info.width, height: info.height, data: pixels } };
  };
  return decoderOf("native", decodePart, turbo?.giveBack);
}

async function openWasm(): Promise<ImageDecoder> {
  const [jpeg, webp] = await Promise.all([
    import("@jsquash/jpeg/decode.js"),
    import("@jsquash/webp/decode.js"),
  ]);
  const decode = async (bytes: Uint8Array<ArrayBuffer>, header: ImageHeader): Promise<Pixels> => {
    if (header.format === "png") return overWhite({ ...header, data: await decodePng(bytes) });
    if (header.components === 4) {
      throw new ImageError("unsupported", "CMYK JPEG are not taken here; send the picture as RGB.");
    }
    const codec = header.format === "jpeg" ? jpeg : webp;
    try {
      const { width, height, data } = await codec.default(bytes.slice().buffer);
      return overWhite({ width, height, data: data as Uint8ClampedArray<ArrayBuffer> });
    } catch (error) {
      await codec.init(); // a broken picture leaves its memory behind in the module: take a fresh one
      throw error;
    }
  };
  // These codecs know neither parts nor smaller sizes.
  return decoderOf("wasm", async (bytes, header) => ({ ...WHOLE, pixels: await decode(bytes, header) }));
}

function decoderOf(
  engine: ImageDecoder["engine"],
  decodePart: DecodePart,
  giveBack?: (pixels: Pixels) => void,
): ImageDecoder {
  const open = (bytes: Uint8Array<ArrayBuffer>): Picture => {
    const header = readHeader(bytes);
    return new FilePicture(header, async (part) => {
      let layer: Layer;
      try {
        layer = await decodePart(bytes, header, part);
      } catch (error) {
        if (error instanceof ImageError) throw error;
        throw new ImageError(
          "broken",
          `The ${header.format.toUpperCase()} is broken and cannot be decoded.`,
          { cause: error },
        );
      }
      const { pixels, shrink, x, y } = layer;
      if (
        !part.width && !part.height &&
        (pixels.width !== Math.ceil((header.width - x) / shrink) ||
          pixels.height !== Math.ceil((header.height - y) / shrink))
      ) {
        throw new ImageError("broken", "The image's header and its picture disagree about its size.");
      }
      return layer;
    }, giveBack);
  };
  const decode = async (bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> => {
    const picture = open(bytes), { width, height } = picture;
    const [{ pixels }] = await picture.look([{ x: 0, y: 0, width, height, shrink: 1 }]);
    return pixels;
  };
  return { engine, open, decode };
}

/** Lays the picture over white, in place, as a browser would show it on an empty page. */
function overWhite(
  { width, height, data }: Pixels & { data: Uint8ClampedArray<ArrayBuffer> },
): Pixels {
  for (let i = 3; i < data.length; i += 4) {
    const alpha = data[i];
    if (alpha === 255) continue;
    for (let c = i - 3; c < i; c++) data[c] = (data[c] * alpha + 255 * (255 - alpha)) / 255; // rounds
    data[i] = 255;
  }
  return { width, height, data };
}
