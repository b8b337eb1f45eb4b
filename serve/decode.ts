/**
 * Image files to pixels: native through sharp, or portable through wasm and plain code where native code is refused.
 * Both turn pictures upright, lay transparency over white and refuse the same files, save CMYK (native only).
 * @module
 */
import type { Pixels } from "@emoco/web/image";
import { ImageError, type ImageHeader, MAX_PIXELS, readHeader } from "./image_header.ts";
import { decodePng } from "./png.ts";

export { ImageError } from "./image_header.ts";

/** What turns the bytes of a JPEG, PNG or WebP into upright, opaque RGBA; refuses with an ImageError. */
export interface ImageDecoder {
  readonly engine: "native" | "wasm";
  decode(bytes: Uint8Array<ArrayBuffer>): Promise<Pixels>;
}

/** The codecs as compiled wasm, for hosts that fetch no files of their own or compile none; each fetches its own else. */
export interface WasmCodecs {
  readonly jpeg: WebAssembly.Module;
  readonly webp: WebAssembly.Module;
}

/**
 * Opens a decoder: "native" needs sharp and the permission to load it, "wasm" runs anywhere, "auto" takes the first
 * that opens.
 */
export async function openDecoder(
  engine: "native" | "wasm" | "auto" = "auto",
  codecs?: WasmCodecs,
): Promise<ImageDecoder> {
  if (engine === "wasm") return await openWasm(codecs);
  try {
    return await openNative();
  } catch (error) {
    if (engine === "auto") return await openWasm(codecs);
    throw new Error(`The native image decoder cannot be loaded: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function openNative(): Promise<ImageDecoder> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false); // no picture outlives its request
  sharp.concurrency(1); // the pool has a worker for each processor
  return decoderOf("native", async (bytes) => {
    const image = sharp(bytes, { failOn: "error", limitInputPixels: MAX_PIXELS, autoOrient: false });
    const { data, info } = await image
      .toColourspace("srgb").flatten({ background: "#fff" }).ensureAlpha().raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return {
      width: info.width,
      height: info.height,
      data: new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length),
    };
  });
}

async function openWasm(codecs?: WasmCodecs): Promise<ImageDecoder> {
  const [jpeg, webp] = await Promise.all([
    import("@jsquash/jpeg/decode.js"),
    import("@jsquash/webp/decode.js"),
  ]);
  // The codecs make what they decode by this name, which Node and workerd do not know.
  globalThis.ImageData ??= DecodedImage as unknown as typeof ImageData;
  /** Takes a fresh module; the declared type forgets that a compiled one may be handed in. */
  const open = (format: "jpeg" | "webp") =>
    ({ jpeg, webp }[format].init as (module?: WebAssembly.Module) => Promise<void>)(codecs?.[format]);
  if (codecs) await Promise.all([open("jpeg"), open("webp")]);
  return decoderOf("wasm", async (bytes, header) => {
    if (header.format === "png") return overWhite({ ...header, data: await decodePng(bytes) });
    if (header.components === 4) {
      throw new ImageError("unsupported", "CMYK JPEG are not taken here; send the picture as RGB.");
    }
    const codec = header.format === "jpeg" ? jpeg : webp;
    try {
      const { width, height, data } = await codec.default(bytes.slice().buffer);
      return overWhite({ width, height, data: data as Uint8ClampedArray<ArrayBuffer> });
    } catch (error) {
      await open(header.format); // a broken picture leaves its memory behind in the module: take a fresh one
      throw error;
    }
  });
}

/** As much of ImageData as the codecs need. */
class DecodedImage {
  constructor(readonly data: Uint8ClampedArray, readonly width: number, readonly height: number) {}
}

function decoderOf(
  engine: ImageDecoder["engine"],
  decodeStored: (bytes: Uint8Array<ArrayBuffer>, header: ImageHeader) => Promise<Pixels>,
): ImageDecoder {
  const decode = async (bytes: Uint8Array<ArrayBuffer>): Promise<Pixels> => {
    const header = readHeader(bytes);
    let stored: Pixels;
    try {
      stored = await decodeStored(bytes, header);
    } catch (error) {
      if (error instanceof ImageError) throw error;
      throw new ImageError("broken", `The ${header.format.toUpperCase()} is broken and cannot be decoded.`, {
        cause: error,
      });
    }
    if (stored.width !== header.width || stored.height !== header.height) {
      throw new ImageError("broken", "The image's header and its picture disagree about its size.");
    }
    return turnUpright(stored, header.orientation);
  };
  return { engine, decode };
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

/** Undoes the EXIF orientation: 2-4 mirror or turn by half, 5-8 exchange rows and columns as well. */
function turnUpright(stored: Pixels, orientation: number): Pixels {
  if (orientation === 1) return stored;
  const source = new Uint32Array(stored.data.buffer, stored.data.byteOffset, stored.width * stored.height);
  const swap = orientation >= 5;
  const width = swap ? stored.height : stored.width, height = swap ? stored.width : stored.height;
  const flipX = [2, 3, 7, 8].includes(orientation), flipY = [3, 4, 6, 7].includes(orientation);
  const out = new Uint32Array(source.length);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      // Where this pixel was stored. For 5-8 the stored column follows y, the stored row follows x.
      const column = swap ? y : x, row = swap ? x : y;
      const sx = flipX ? stored.width - 1 - column : column, sy = flipY ? stored.height - 1 - row : row;
      out[at] = source[sy * stored.width + sx];
    }
  }
  return { width, height, data: new Uint8ClampedArray(out.buffer) };
}
