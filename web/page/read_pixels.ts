/**
 * From a frame to its pixels.
 * @module
 */
import type { Pixels } from "../image.ts";

let canvas: OffscreenCanvas | undefined;
let context: OffscreenCanvasRenderingContext2D | null = null;

/** The pixels of a frame, opaque: what is transparent lies over white, as on the server. */
export function readPixels(frame: ImageBitmap): Pixels {
  const { width, height } = frame;
  if (!canvas || !context || canvas.width !== width || canvas.height !== height) {
    canvas = new OffscreenCanvas(width, height);
    context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    if (!context) throw new Error(`There is not enough memory for a picture of ${width} x ${height} pixels.`);
  }
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.drawImage(frame, 0, 0);
  return context.getImageData(0, 0, width, height) as Pixels;
}
