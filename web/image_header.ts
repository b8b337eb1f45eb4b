/**
 * What an image file says of itself before anything is decoded: its kind, size and orientation, whether it is whole,
 * and whether it is something that is taken here.
 * @module
 */

/** Why an image was refused; the message is one sentence for whoever sent it. */
export class ImageError extends Error {
  override readonly name = "ImageError";

  constructor(
    /** `empty`, `unsupported` (not a still JPEG, PNG or WebP), `too-large`, or `broken`. */
    readonly code: "empty" | "unsupported" | "too-large" | "broken",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Limits of a picture; a small file can unfold to gigabytes. */
export const MAX_PIXELS = 25_000_000;
/** Limit of a picture's longest side in pixels. */
export const MAX_SIDE = 8192;

/** What the header says. */
export interface ImageHeader {
  readonly format: "jpeg" | "png" | "webp";
  /** Pixels as stored, before the picture is turned upright. */
  readonly width: number;
  readonly height: number;
  /** EXIF orientation, 1 (as stored) to 8. */
  readonly orientation: number;
  /** Colours a pixel: 1 grey, 3 RGB or YCbCr, 4 CMYK; known for JPEG only. */
  readonly components?: number;
  /** Whether a JPEG's end marker is missing: its pixels may all be there, which only decoding shows. */
  readonly lacksEnd?: boolean;
  /** Where a JPEG has bytes between its segments that belong to none, from and to. */
  readonly stray?: readonly (readonly [number, number])[];
  /** The ICC profile, in parts as they stand in the file; in PNG zlib has packed it. */
  readonly profile?: { readonly parts: readonly Uint8Array[]; readonly isPacked: boolean };
}

/** How large pictures may be. */
export interface PictureLimits {
  readonly pixels: number;
  readonly side: number;
}

/** The limits of a server, to which anybody may send anything. */
const SERVER_LIMITS: PictureLimits = { pixels: MAX_PIXELS, side: MAX_SIDE };

/** Reads a file's header; throws an ImageError when it is not a whole, still JPEG, PNG or WebP within the limits. */
export function readHeader(bytes: Uint8Array, limits = SERVER_LIMITS): ImageHeader {
  if (bytes.length === 0) throw new ImageError("empty", "The image is empty: it has 0 bytes.");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: ImageHeader;
  try {
    if (bytes[0] === 0xff && bytes[1] === 0xd8) header = readJpeg(bytes, view);
    else if (tag(bytes, 1) === "PNG\r" && bytes[0] === 0x89) header = readPng(bytes, view);
    else if (tag(bytes, 0) === "RIFF" && tag(bytes, 8) === "WEBP") header = readWebp(bytes, view);
    else throw new ImageError("unsupported", "The file is not a JPEG, PNG or WebP image.");
  } catch (error) {
    if (error instanceof RangeError) throw cutOff(); // read past the end of the view
    throw error;
  }
  const { width, height } = header;
  if (width === 0 || height === 0) {
    throw new ImageError("broken", `The image's size is ${width} x ${height}.`);
  }
  if (Math.max(width, height) > limits.side || width * height > limits.pixels) {
    throw new ImageError(
      "too-large",
      `The image is ${width} x ${height} pixels; at most ${limits.side} a side and ${
        Math.floor(limits.pixels / 1e6)
      } million in all are taken: send a smaller one.`,
    );
  }
  return header;
}

function readJpeg(bytes: Uint8Array, view: DataView): ImageHeader {
  let size: { width: number; height: number; components: number } | undefined;
  let orientation = 1;
  let scanned = false, lacksEnd = false;
  const profile: { number: number; part: Uint8Array }[] = [], stray: [number, number][] = [];
  for (let at = 2, from = at;; from = at) {
    // Compressed data lies between the markers of a scan; stray bytes before other markers are no viewer's concern.
    at = bytes.indexOf(0xff, at);
    if (at < 0 && !scanned) throw cutOff();
    if (at > from && !scanned) stray.push([from, at]);
    lacksEnd = at < 0 || at + 1 >= bytes.length;
    if (lacksEnd && scanned) break;
    const marker = view.getUint16(at);
    if (marker === 0xff00 || marker >= 0xffd0 && marker <= 0xffd7) at += 2;
    else if (marker === 0xffff) at += 1; // padding
    else if (marker === 0xffd9) break;
    else {
      const length = view.getUint16(at + 2), kind = marker & 0xff;
      if (kind === 0xda) scanned = true;
      if (kind === 0xe1 && tag(bytes, at + 4) === "Exif") {
        orientation = readOrientation(bytes.subarray(at + 10, at + 2 + length));
      }
      if (kind === 0xe2 && tag(bytes, at + 4, 11) === "ICC_PROFILE") {
        profile.push({ number: bytes[at + 16], part: bytes.subarray(at + 18, at + 2 + length) });
      }
      if (kind >= 0xc0 && kind <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(kind)) {
        if (view.getUint8(at + 4) !== 8 || ![0xc0, 0xc1, 0xc2].includes(kind)) {
          throw new ImageError(
            "unsupported",
            "Only 8-bit baseline and progressive JPEG are taken, this one is of another kind.",
          );
        }
        size ??= {
          height: view.getUint16(at + 5),
          width: view.getUint16(at + 7),
          components: view.getUint8(at + 9),
        };
      }
      at += 2 + length;
      if (scanned && at >= bytes.length) throw cutOff();
    }
  }
  if (!size || !scanned) throw new ImageError("broken", "The JPEG is broken: it holds no picture.");
  const parts = profile.sort((one, other) => one.number - other.number).map(({ part }) => part);
  return { format: "jpeg", ...size, orientation, lacksEnd, stray, ...profileOf(parts) };
}

function readPng(bytes: Uint8Array, view: DataView): ImageHeader {
  if (tag(bytes, 12) !== "IHDR") {
    throw new ImageError("broken", "The PNG is broken: it does not begin with IHDR.");
  }
  const width = view.getUint32(16), height = view.getUint32(20);
  let orientation = 1;
  const profile: Uint8Array[] = [];
  for (let at = 8, kind = ""; kind !== "IEND"; at += 12 + view.getUint32(at)) {
    kind = tag(bytes, at + 4);
    view.getUint32(at + 8 + view.getUint32(at)); // the chunk's checksum must still be there
    if (kind === "acTL") throw animated("PNG");
    if (kind === "iCCP") {
      const chunk = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
      profile.push(chunk.subarray(chunk.indexOf(0) + 2)); // after the profile's name and the method, which is zlib
    }
    if (kind === "eXIf") orientation = readOrientation(bytes.subarray(at + 8, at + 8 + view.getUint32(at)));
  }
  return { format: "png", width, height, orientation, ...profileOf(profile, true) };
}

function readWebp(bytes: Uint8Array, view: DataView): ImageHeader {
  const end = 8 + view.getUint32(4, true);
  if (end > bytes.length) throw cutOff();
  let size: { width: number; height: number } | undefined;
  let orientation = 1;
  const profile: Uint8Array[] = [];
  for (
    let at = 12;
    at + 8 <= end;
    at += 8 + view.getUint32(at + 4, true) + view.getUint32(at + 4, true) % 2
  ) {
    const kind = tag(bytes, at), data = at + 8;
    if (kind === "VP8X") {
      if (view.getUint8(data) & 2) throw animated("WebP");
      size = { width: 1 + uint24(view, data + 4), height: 1 + uint24(view, data + 7) };
    } else if (kind === "VP8 ") {
      size ??= {
        width: view.getUint16(data + 6, true) & 0x3fff,
        height: view.getUint16(data + 8, true) & 0x3fff,
      };
    } else if (kind === "VP8L") {
      const bits = view.getUint32(data + 1, true);
      size ??= { width: 1 + (bits & 0x3fff), height: 1 + (bits >>> 14 & 0x3fff) };
    } else if (kind === "ICCP") {
      profile.push(bytes.subarray(data, data + view.getUint32(at + 4, true)));
    } else if (kind === "EXIF") {
      const exif = bytes.subarray(data, data + view.getUint32(at + 4, true));
      orientation = readOrientation(tag(exif, 0) === "Exif" ? exif.subarray(6) : exif);
    }
  }
  if (!size) throw new ImageError("broken", "The WebP is broken: it holds no picture.");
  return { format: "webp", ...size, orientation, ...profileOf(profile) };
}

/** The orientation in the first directory of an EXIF block; 1 where there is none or the block is damaged. */
function readOrientation(exif: Uint8Array): number {
  try {
    const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
    const little = view.getUint16(0) === 0x4949;
    const directory = view.getUint32(4, little);
    const entries = view.getUint16(directory, little);
    for (let entry = 0; entry < entries; entry++) {
      const at = directory + 2 + entry * 12;
      if (view.getUint16(at, little) !== 0x0112) continue;
      const value = view.getUint16(at + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

function profileOf(parts: readonly Uint8Array[], isPacked = false): Pick<ImageHeader, "profile"> {
  return parts.length > 0 ? { profile: { parts, isPacked } } : {};
}

function tag(bytes: Uint8Array, at: number, length = 4): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}

function uint24(view: DataView, at: number): number {
  return view.getUint16(at, true) | view.getUint8(at + 2) << 16;
}

/** The refusal of a file that ends too early. */
export function cutOff(): ImageError {
  return new ImageError("broken", "The image is cut off: the file ends before the picture does.");
}

function animated(format: string): ImageError {
  return new ImageError(
    "unsupported",
    `The ${format} is animated; send one of its pictures as a still image.`,
  );
}
