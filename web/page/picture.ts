/**
 * Picture files to pixels on screen.
 * @module
 */

/** Larger pictures are made smaller before they are analysed, so that a phone's memory holds them. */
const MOST_PIXELS = 25e6;
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
  try {
    if (shrink === 1) return await createImageBitmap(file);
    return await createImageBitmap(file, {
      resizeWidth: Math.floor(width * shrink),
      resizeHeight: Math.floor(height * shrink),
      resizeQuality: "high",
    });
  } catch (error) {
    throw new Error(`${file.name} is damaged, or too large for this device's memory.`, { cause: error });
  }
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
