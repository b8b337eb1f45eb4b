/**
 * Picture files to pixels on screen.
 * @module
 */

/** Larger pictures are made smaller before they are analysed, so that a phone's memory holds them. */
const MOST_PIXELS = 25e6;
/** Pixels from which it may be the device that fails. */
const LARGE = 12e6;
/** The longest side that is decoded at all: beyond, a small file can take gigabytes. */
const LONGEST_SIDE = 16_384;

/** Decodes a picture, upright; throws an Error with a sentence for the user. */
export async function decodePicture(file: File): Promise<ImageBitmap> {
  if (file.size === 0) throw new Error(`${file.name} is empty (0 bytes).`);
  const { width, height } = await sizeOf(file);
  if (Math.max(width, height) > LONGEST_SIDE) {
    throw new Error(
      `${file.name} has ${width.toLocaleString("en")} x ${
        height.toLocaleString("en")
      } pixels; pictures of up to ` +
        `${LONGEST_SIDE.toLocaleString("en")} pixels a side are taken. Make it smaller and try again.`,
    );
  }
  const shrink = Math.min(1, Math.sqrt(MOST_PIXELS / (width * height)));
  const resized: ImageBitmapOptions = shrink === 1 ? {} : {
    resizeWidth: Math.floor(width * shrink),
    resizeHeight: Math.floor(height * shrink),
    resizeQuality: "high",
  };
  try {
    return await uprightWebp(file, await createImageBitmap(file, resized));
  } catch (error) {
    const whole = await withoutEnd(file, resized).catch(() => undefined);
    if (whole) return whole;
    if (width * height > LARGE) {
      throw new Error(
        `${file.name} is damaged, or its ${
          Math.round(width * height / 1e6)
        } million pixels are too many for this device.`,
        { cause: error },
      );
    }
    throw new Error(`${file.name} is damaged: not all of the picture is in it.`, { cause: error });
  }
}

/** Rows of pixels at the bottom of a JPEG that are coded together. */
const BLOCK = 16;

/**
 * A JPEG that lacks nothing but its end marker, as every viewer shows it. Browsers fill what is missing of one that was
 * cut off with one colour: where the last rows have no other, it counts as damaged.
 */
async function withoutEnd(file: Blob, options: ImageBitmapOptions): Promise<ImageBitmap | undefined> {
  const start = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (start[0] !== 0xff || start[1] !== 0xd8) return undefined;
  const bitmap = await createImageBitmap(
    new Blob([file, Uint8Array.of(0xff, 0xd9)], { type: "image/jpeg" }),
    options,
  );
  const rows = Math.min(BLOCK, bitmap.height),
    context = new OffscreenCanvas(bitmap.width, rows).getContext("2d");
  context?.drawImage(bitmap, 0, rows - bitmap.height);
  const pixels = context && new Uint32Array(context.getImageData(0, 0, bitmap.width, rows).data.buffer);
  if (pixels?.some((pixel) => pixel !== pixels[0])) return bitmap;
  bitmap.close();
  return undefined;
}

/** How a picture is turned for each EXIF orientation: the matrix of a canvas, in parts of its width and height. */
const TURNS: Readonly<
  Record<number, readonly [a: number, b: number, c: number, d: number, x: number, y: number]>
> = {
  2: [-1, 0, 0, 1, 1, 0],
  3: [-1, 0, 0, -1, 1, 1],
  4: [1, 0, 0, -1, 0, 1],
  5: [0, 1, 1, 0, 0, 0],
  6: [0, 1, -1, 0, 1, 0],
  7: [0, -1, -1, 0, 1, 1],
  8: [0, -1, 1, 0, 0, 1],
};

/** A WebP as its EXIF data turn it, which browsers leave to the page; other pictures, and upright ones, as they are. */
async function uprightWebp(file: Blob, bitmap: ImageBitmap): Promise<ImageBitmap> {
  const head = new Uint8Array(await file.slice(0, 30).arrayBuffer());
  const tag = (bytes: Uint8Array, at: number) => String.fromCharCode(...bytes.subarray(at, at + 4));
  if (tag(head, 0) !== "RIFF" || tag(head, 12) !== "VP8X" || !(head[20] & 8)) return bitmap;
  const turn = TURNS[orientationOf(new Uint8Array(await file.arrayBuffer()))];
  if (!turn || await turnsWebp()) return bitmap;
  const [a, b, c, d, x, y] = turn, width = a === 0 ? bitmap.height : bitmap.width;
  const height = a === 0 ? bitmap.width : bitmap.height, canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) return bitmap;
  context.setTransform(a, b, c, d, x * width, y * height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return canvas.transferToImageBitmap();
}

/** The orientation in a WebP's EXIF chunk; 1 where there is none. */
function orientationOf(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    if (String.fromCharCode(...bytes.subarray(at, at + 4)) === "EXIF") {
      const named = String.fromCharCode(...bytes.subarray(at + 8, at + 12)) === "Exif";
      return readOrientation(bytes.subarray(at + (named ? 14 : 8), at + 8 + size));
    }
    at += 8 + size + size % 2;
  }
  return 1;
}

function readOrientation(exif: Uint8Array): number {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  try {
    const little = view.getUint16(0) === 0x4949, directory = view.getUint32(4, little);
    for (let entry = 0; entry < view.getUint16(directory, little); entry++) {
      const at = directory + 2 + 12 * entry;
      if (view.getUint16(at, little) === 0x0112) return view.getUint16(at + 8, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

/** A WebP of 2 x 1 pixels that is to be turned by a quarter. */
const PROBE =
  "UklGRlYAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TA8AAAAvAQAAAAcQ/Y/+ByKi/wEARVhJRiAAAABFeGlmAABJSSoACAAAAAEAEgEDAAEAAAAGAAAAAAAAAA==";
let turning: Promise<boolean> | undefined;

/** Whether this browser turns WebP itself. */
function turnsWebp(): Promise<boolean> {
  turning ??= (async () => {
    const bytes = Uint8Array.from(atob(PROBE), (one) => one.charCodeAt(0));
    const { width, height } = await createImageBitmap(new Blob([bytes], { type: "image/webp" }));
    return width < height;
  })().catch(() => false);
  return turning;
}

/** The size that the header tells: the browser decodes an image element's pixels only to draw it. */
async function sizeOf(file: File): Promise<{ width: number; height: number }> {
  const image = new Image(), address = URL.createObjectURL(file);
  try {
    const loaded = new Promise((resolve, reject) => {
      image.onload = resolve;
      image.onerror = reject;
    });
    image.src = address;
    await loaded;
    return { width: image.naturalWidth, height: image.naturalHeight };
  } catch (error) {
    throw new Error(
      `${file.name} is not a picture that this browser can read. JPEG, PNG, WebP and AVIF are; save it as one of ` +
        `them and try again.`,
      { cause: error },
    );
  } finally {
    URL.revokeObjectURL(address);
  }
}
