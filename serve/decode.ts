/**
 * Image files to pixels: native through libjpeg-turbo and sharp, or portable through wasm and plain code where native code is refused.
 * Both turn pictures upright, lay transparency over white, bring colours to sRGB by the same reading of profiles, and refuse
 * the same files, save CMYK (native only).
 * @module
 */
import { type Pixels, resize } from "@emoco/web/image";
import { profileOf } from "@emoco/web/colour-profile";
import {
  type DecodedLayer,
  FilePicture,
  type PictureWarning,
  type StoredPart,
  WHOLE,
} from "./file_picture.ts";
import { cutOff, ImageError, type ImageHeader, MAX_PIXELS, readHeader } from "@emoco/web/image-header";
import { judgeComplaints, mended } from "@emoco/web/jpeg-damage";
import { decodePng } from "./png.ts";
import { openTurboJpeg, type TurboJpeg } from "./turbo_jpeg.ts";

export type { PictureWarning };
export { ImageError } from "@emoco/web/image-header";

/** A decoded picture. */
export interface DecodedPicture extends Pixels {
  /** The size of the upright picture in its file, where it was made smaller. */
  readonly original?: { readonly width: number; readonly height: number };
  readonly warnings?: readonly PictureWarning[];
}

/** What turns the bytes of a JPEG, PNG or WebP into upright, opaque RGBA; refuses with an ImageError. */
export interface ImageDecoder {
  readonly engine: "native" | "wasm";
  /** The picture, which is decoded when it is looked at, and no finer than it is looked at where that can be. */
  open(bytes: Uint8Array<ArrayBuffer>): FilePicture;
  /** The whole picture. */
  decode(bytes: Uint8Array<ArrayBuffer>): Promise<DecodedPicture>;
}

/** The codecs as compiled wasm, for hosts that fetch no files of their own or compile none; each fetches its own else. */
export interface WasmCodecs {
  readonly jpeg: WebAssembly.Module;
  readonly webp: WebAssembly.Module;
}

/** For whom pictures are decoded. */
export interface DecoderOptions {
  /** For a program that reads its user's own files: larger pictures are made smaller instead of being refused. */
  readonly isLocal?: boolean;
  /** The compiled codecs; each fetches its own unless given. */
  readonly codecs?: WasmCodecs;
}

/** What a local program takes: beyond, a small file can take gigabytes. */
const LOCAL_LIMITS = { side: 16_384, pixels: 16_384 ** 2 };

/**
 * Opens a decoder: "native" needs sharp and the permission to load it, "wasm" runs anywhere, "auto" takes the first
 * that opens.
 */
export async function openDecoder(
  engine: "native" | "wasm" | "auto" = "auto",
  options: DecoderOptions = {},
): Promise<ImageDecoder> {
  if (engine === "wasm") return await openWasm(options);
  try {
    return await openNative(options);
  } catch (error) {
    if (engine === "auto") return await openWasm(options);
    throw new Error(`The native image decoder cannot be loaded: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function openNative(options: DecoderOptions): Promise<ImageDecoder> {
  const { default: sharp } = await import("sharp");
  sharp.cache(false); // no picture outlives its request
  sharp.concurrency(1); // the pool has a worker for each processor
  const turbo = openTurboJpeg();
  return decoderOf("native", options, async (bytes, wanted) => {
    const { format, components, width, height, taken } = wanted;
    const decode = (failOn: "warning" | "error") => {
      const image = sharp(bytes, {
        failOn,
        limitInputPixels: width * height,
        autoOrient: false,
        ignoreIcc: components !== 4, // profiles are read in one place for all decoders; of CMYK's tables sharp knows
      });
      if (taken.width !== width) image.resize(taken.width, taken.height, { fit: "fill" });
      return image.toColourspace("srgb").flatten({ background: "#fff" }).ensureAlpha().raw({ depth: "uchar" })
        .toBuffer({ resolveWithObject: true });
    };
    // sharp keeps the warnings of all its threads in one place, so that one picture's may come with another. What is
    // wrong with a file, libjpeg-turbo tells of that very one; where it cannot, that a warning stops sharp tells of the
    // picture that stopped, save of one in its last eight rows.
    const isJudged = turbo !== undefined && format === "jpeg" && components !== 4;
    let complaints: string[] = isJudged ? turbo.complaints(bytes) : [];
    const careful = isJudged || format !== "jpeg"
      ? undefined
      : await decode("warning").catch((error: Error) => {
        complaints = [error.message];
        return undefined;
      });
    const { data, info } = careful ?? await decode("error");
    return {
      width: info.width,
      height: info.height,
      data: new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length),
      complaints,
    };
  }, turbo);
}

/** Of the wasm JPEG codec, which all decoders of a thread share: what it said last, and the picture it has at work. */
let complaints: string[] = [], last: Promise<unknown> = Promise.resolve();

async function openWasm(options: DecoderOptions): Promise<ImageDecoder> {
  const [jpeg, webp] = await Promise.all([
    import("@jsquash/jpeg/decode.js"),
    import("@jsquash/webp/decode.js"),
  ]);
  // The codecs make what they decode by this name, which Node and workerd do not know.
  globalThis.ImageData ??= DecodedImage as unknown as typeof ImageData;
  const { codecs } = options;
  /** Takes a fresh module; the declared types forget that a compiled one may be handed in. */
  const start = (codec: { init: typeof jpeg.init }, module?: WebAssembly.Module, overrides = {}) =>
    module
      ? (codec.init as (module: WebAssembly.Module, overrides: object) => Promise<void>)(module, overrides)
      : codec.init(overrides);
  const init = {
    jpeg: () => start(jpeg, codecs?.jpeg, { printErr: (text: string) => complaints.push(text) }),
    webp: () => start(webp, codecs?.webp),
  };
  await init.jpeg();
  if (codecs) await init.webp(); // else with the first WebP
  const decodeJpeg = (bytes: Uint8Array<ArrayBuffer>) => {
    const decoded = last.then(async () => {
      complaints = [];
      return { ...sizeAndData(await jpeg.default(bytes.slice().buffer)), complaints };
    });
    last = decoded.catch(() => undefined); // one at a time: complaints do not say of which picture they are
    return decoded;
  };
  return decoderOf("wasm", options, async (bytes, { format, components, taken, ...header }) => {
    let stored: Stored;
    if (format === "png") stored = overWhite({ ...header, data: await decodePng(bytes) });
    else {
      if (components === 4) {
        throw new ImageError("unsupported", "CMYK JPEG are not taken here; send the picture as RGB.");
      }
      try {
        stored = format === "jpeg"
          ? await decodeJpeg(bytes)
          : overWhite(sizeAndData(await webp.default(bytes.slice().buffer)));
      } catch (error) {
        await init[format](); // a broken picture leaves its memory behind in the module: take a fresh one
        throw error;
      }
    }
    const isWhole = stored.width === header.width && stored.height === header.height;
    if (!isWhole || taken.width === header.width) return stored;
    return { ...resize(stored, taken.width, taken.height), complaints: stored.complaints };
  });
}

/** As much of ImageData as the codecs need. */
class DecodedImage {
  constructor(readonly data: Uint8ClampedArray, readonly width: number, readonly height: number) {}
}

function sizeAndData({ width, height, data }: ImageData) {
  return { width, height, data: data as Uint8ClampedArray<ArrayBuffer> };
}

/** A picture as it is stored, with what libjpeg said of it. */
interface Stored extends Pixels {
  readonly complaints?: readonly string[];
}

/** A header with the size at which the picture is taken. */
interface Wanted extends ImageHeader {
  readonly taken: { readonly width: number; readonly height: number };
}

function decoderOf(
  engine: ImageDecoder["engine"],
  { isLocal = false }: DecoderOptions,
  decodeStored: (bytes: Uint8Array<ArrayBuffer>, wanted: Wanted) => Promise<Stored>,
  turbo?: TurboJpeg,
): ImageDecoder {
  const open = (bytes: Uint8Array<ArrayBuffer>): FilePicture => {
    const header = isLocal ? readHeader(bytes, LOCAL_LIMITS) : readHeader(bytes);
    const { width, height, format, components, lacksEnd = false } = header, sound = mended(bytes, header);
    const shrink = Math.min(1, Math.sqrt(MAX_PIXELS / (width * height)));
    const taken = {
      width: Math.max(1, Math.floor(width * shrink)),
      height: Math.max(1, Math.floor(height * shrink)),
    };
    const decodeWhole = async (): Promise<DecodedLayer> => {
      let pixels: Stored;
      try {
        pixels = await decodeStored(sound, { ...header, taken });
      } catch (error) {
        if (error instanceof ImageError) throw error;
        throw new ImageError("broken", `The ${format.toUpperCase()} is broken and cannot be decoded.`, {
          cause: error,
        });
      }
      if (pixels.width !== taken.width || pixels.height !== taken.height) {
        throw new ImageError("broken", "The image's header and its picture disagree about its size.");
      }
      const damage = judgeComplaints(pixels.complaints ?? [], lacksEnd);
      if (damage === "cut-off") throw cutOff();
      return { ...WHOLE, pixels, ...damage === "damaged" && { warnings: ["damaged"] } };
    };
    const decodePart = async (part: StoredPart): Promise<DecodedLayer> => {
      const isPlain = format === "jpeg" && components !== 4 && shrink === 1;
      const pixels = isPlain ? turbo?.decode(sound, header, part) : undefined;
      const layer = pixels ? { ...part, pixels } : await decodeWhole();
      if (components !== 4) (await profileOf(header))?.(layer.pixels.data);
      return layer;
    };
    return new FilePicture({ ...header, ...taken }, decodePart, {
      original: shrink < 1 ? { width, height } : undefined,
      giveBack: turbo?.giveBack,
    });
  };
  const decode = async (bytes: Uint8Array<ArrayBuffer>): Promise<DecodedPicture> => {
    const picture = open(bytes), { width, height } = picture;
    const [{ pixels }] = await picture.look([{ x: 0, y: 0, width, height, shrink: 1 }]);
    const { original, warnings } = picture;
    return {
      width,
      height,
      data: pixels.data,
      ...original && { original },
      ...warnings && { warnings },
    };
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
