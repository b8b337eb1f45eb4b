/** A film for Chromium's fake camera, each frame with its number in its upper edge, and the script that reads it back. */
import sharp from "sharp";
import { JpegFrames } from "../../serve/jpeg_frames.ts";

const WIDTH = 640, HEIGHT = 480;
/** A number is this many squares, lowest bit first, of 1/20 of the width. */
const BITS = 6;

/** The pictures of tests/faces/smile.mjpeg, JPEG of 320 x 240. */
export async function smilePictures(): Promise<Uint8Array<ArrayBuffer>[]> {
  const film = await Deno.readFile(new URL("../../tests/faces/smile.mjpeg", import.meta.url));
  return [...new JpegFrames(1 << 20).push(film)];
}

/** Writes pictures as Y4M (4:2:0, BT.601), 640 x 480. */
export async function writeY4m(path: string, pictures: readonly Uint8Array[], rate: number): Promise<void> {
  const file = await Deno.open(path, { write: true, truncate: true });
  const writer = file.writable.getWriter(), text = new TextEncoder();
  await writer.write(text.encode(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${rate}:1 Ip A1:1 C420jpeg\n`));
  for (const [number, picture] of pictures.entries()) {
    const rgb = await sharp(picture).resize(WIDTH, HEIGHT, { fit: "fill" }).removeAlpha().raw().toBuffer();
    await writer.write(text.encode("FRAME\n"));
    await writer.write(planesOf(rgb, number));
  }
  await writer.close();
}

/** Paints a number into the upper left corner of a picture's luma. */
export function frameNumbered(luma: Uint8Array, width: number, number: number): void {
  const side = width / 20;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side * BITS; x++) luma[y * width + x] = number >> Math.floor(x / side) & 1 ? 235 : 16;
  }
}

function planesOf(rgb: Uint8Array, number: number): Uint8Array {
  const size = WIDTH * HEIGHT, planes = new Uint8Array(size * 1.5);
  const mix = (at: number, r: number, g: number, b: number) =>
    (r * rgb[at] + g * rgb[at + 1] + b * rgb[at + 2]) / 256;
  for (let i = 0; i < size; i++) planes[i] = 16 + mix(3 * i, 65.7, 129.1, 25.1);
  frameNumbered(planes, WIDTH, number);
  for (let y = 0, at = size; y < HEIGHT; y += 2) {
    for (let x = 0; x < WIDTH; x += 2, at++) {
      const from = 3 * (y * WIDTH + x);
      planes[at] = 128 + mix(from, -37.9, -74.5, 112.4);
      planes[at + size / 4] = 128 + mix(from, 112.4, -94.1, -18.3);
    }
  }
  return planes;
}

/**
 * Runs in the page: whenever AU12's bar is written, which is once a frame, notes its value with the number in the frame on
 * screen, which the page shows mirrored. Their count stands in <html data-seen>.
 */
export const WATCH_BARS = `
  globalThis.samples = [];
  {
    const canvas = document.querySelector("#stage canvas");
    const small = new OffscreenCanvas(20, 15), context = small.getContext("2d", { willReadFrequently: true });
    const meter = [...document.querySelectorAll("[role=meter]")].find((one) => one.ariaLabel.startsWith("AU12 "));
    new MutationObserver(() => {
      context.imageSmoothingQuality = "high";
      context.drawImage(canvas, 0, 0, 20, 15);
      const row = context.getImageData(0, 0, 20, 1).data;
      let number = 0;
      for (let bit = 0; bit < ${BITS}; bit++) number |= (row[4 * (19 - bit)] > 128) << bit;
      samples.push({ number, value: Number(meter.ariaValueNow) });
      document.documentElement.dataset.seen = samples.length;
    }).observe(meter, { attributeFilter: ["aria-valuenow"] });
  }
`;
