/**
 * What BlazeFace is shown: the whole picture, squares of it, or one face from near by.
 * @module
 */
import { type Candidate, SIDE } from "./blazeface_output.ts";
import { invert, type Pixels, type Point, resize, type Similarity, transformPoint, warp } from "./image.ts";

/** How a face is looked at from near by. */
export interface Lens {
  /** Pixels a side of the input, a multiple of 32. */
  readonly side: number;
  /** Side of the square around the face in widths of its box. */
  readonly widths: number;
}

/** What the model reads for each of the 256 values of a channel. */
const LEVELS = Float32Array.from({ length: 256 }, (_, value) => value / 127.5 - 1);

/** A part of the picture as the model's input, and how to get back from it. */
export interface View {
  readonly input: Pixels;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly toPicture: (point: Point) => Point;
}

/** The whole picture, shrunk or enlarged to fit, in the middle of a black square. */
export function letterbox(image: Pixels): View {
  const fit = SIDE / Math.max(image.width, image.height);
  const width = Math.max(1, Math.round(image.width * fit)),
    height = Math.max(1, Math.round(image.height * fit));
  const small = resize(image, width, height);
  const left = (SIDE - width) >> 1, top = (SIDE - height) >> 1;
  const data = new Uint8ClampedArray(SIDE * SIDE * 4);
  for (let y = 0; y < height; y++) {
    data.set(small.data.subarray(y * width * 4, (y + 1) * width * 4), ((top + y) * SIDE + left) * 4);
  }
  const scaleX = width / image.width, scaleY = height / image.height;
  return {
    input: { width: SIDE, height: SIDE, data },
    scaleX,
    scaleY,
    toPicture: ([x, y]) => [(x - left) / scaleX, (y - top) / scaleY],
  };
}

function viewOf(image: Pixels, toInput: Similarity, side: number): View {
  const back = invert(toInput), scale = Math.hypot(toInput.a, toInput.b);
  return {
    input: warp(image, toInput, side, "quick"),
    scaleX: scale,
    scaleY: scale,
    toPicture: (point) => transformPoint(back, point),
  };
}

/** A square of the picture, which may reach over its edge. */
export function squareView(image: Pixels, x: number, y: number, side: number): View {
  const a = SIDE / side;
  return viewOf(image, { a, b: 0, x: -x * a, y: -y * a }, SIDE);
}

/**
 * The square around a face, turned so that its eyes are level, and pixels of the view a pixel of the picture.
 * @param quarters turns by 90 degrees beyond that, for a face that may stand otherwise than its points say
 */
export function closeUp(
  image: Pixels,
  { width, height, points }: Candidate,
  { side, widths }: Lens,
  quarters = 0,
): { view: View; scale: number } {
  const [[cx, cy], [rx, ry], [lx, ly]] = points;
  const scale = side / (Math.max(width, height) * widths);
  const eyes = Math.hypot(lx - rx, ly - ry) || 1;
  let a = (lx - rx) / eyes * scale, b = -(ly - ry) / eyes * scale;
  for (let i = 0; i < quarters; i++) [a, b] = [-b, a];
  return {
    view: viewOf(image, { a, b, x: side / 2 - a * cx + b * cy, y: side / 2 - b * cx - a * cy }, side),
    scale,
  };
}

/** Where tiles begin on one axis: evenly laid, a quarter or more of each overlapping the next. */
export function tileStarts(length: number, side: number): number[] {
  if (length <= side) return [(length - side) / 2];
  const count = Math.ceil((length - side) / (side * 0.75)) + 1;
  return Array.from({ length: count }, (_, i) => Math.round((length - side) * i / (count - 1)));
}

/** Writes a view as the model reads it, [side, side, 3] in -1 to 1. */
export function fillInput(data: Float32Array, { data: pixels }: Pixels): void {
  for (let i = 0, at = 0; i < pixels.length; i += 4, at += 3) {
    data[at] = LEVELS[pixels[i]];
    data[at + 1] = LEVELS[pixels[i + 1]];
    data[at + 2] = LEVELS[pixels[i + 2]];
  }
}
