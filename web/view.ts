/**
 * What BlazeFace is shown: the whole picture, squares of it, or one face from near by.
 * @module
 */
import { shrinkRows } from "./area_mean.ts";
import { type Candidate, SIDE } from "./blazeface_output.ts";
import { invert, type Pixels, type Point, resize, type Similarity, transformPoint, warp } from "./image.ts";
import { fromLayer, type Part, partUnder, type Picture } from "./picture.ts";

/** How a face is looked at from near by. */
export interface Lens {
  /** Pixels a side of the input, a multiple of 32. */
  readonly side: number;
  /** Side of the square around the face in widths of its box. */
  readonly widths: number;
}

/** What the model reads for each of the 256 values of a channel. */
const LEVELS = Float32Array.from({ length: 256 }, (_, value) => value / 127.5 - 1);

/** Each of a view's pixels is made of so many of a layer's along each side, unless the picture has fewer. */
const FINENESS = 3;

/** A part of the picture as the model's input, and how to get back from it. */
export interface View {
  /** Pixels a side. */
  readonly side: number;
  /** Writes it as the model reads it, [side, side, 3] in -1 to 1. */
  readonly write: (data: Float32Array) => void;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly toPicture: (point: Point) => Point;
  /** Whether it is made of pixels that are coarser than the picture's. */
  readonly isCoarse: boolean;
}

/** The whole picture, shrunk or enlarged to fit, in the middle of a black square. */
export async function letterbox(picture: Picture): Promise<View> {
  const { width: fullWidth, height: fullHeight } = picture;
  const longest = Math.max(fullWidth, fullHeight), fit = SIDE / longest;
  const width = Math.max(1, Math.round(fullWidth * fit)), height = Math.max(1, Math.round(fullHeight * fit));
  const whole = wholeOf(picture);
  const [{ pixels, x: fromX, y: fromY, shrink }] = await picture.look([whole]);
  const left = (SIDE - width) >> 1, top = (SIDE - height) >> 1;
  const scaleX = width / (pixels.width * shrink), scaleY = height / (pixels.height * shrink);
  return {
    side: SIDE,
    write(data) {
      data.fill(-1);
      if (whole.shrink === 1) { // always looked at as it is, so that rounding is the same every time
        const small = resize(pixels, width, height);
        for (let y = 0; y < height; y++) {
          const row = small.data.subarray(y * width * 4, (y + 1) * width * 4);
          writeLevels(data, ((top + y) * SIDE + left) * 3, row);
        }
        return;
      }
      shrinkRows(pixels, width, height, (y, row) => {
        const from = ((top + y) * SIDE + left) * 3;
        for (let i = 0; i < row.length; i++) data[from + i] = row[i] / 127.5 - 1;
      });
    },
    scaleX,
    scaleY,
    toPicture: ([x, y]) => [(x - left) / scaleX + fromX, (y - top) / scaleY + fromY],
    isCoarse: shrink > 1,
  };
}

/**
 * All of a picture, so fine that the mean for each of the view's pixels is of 36 or more: with fewer, what rounding to
 * whole levels has left in them moves the points.
 */
function wholeOf({ width, height }: Picture): Part {
  return { x: 0, y: 0, width, height, shrink: Math.max(1, Math.max(width, height) / (6 * SIDE)) };
}

async function viewOf(picture: Picture, toInput: Similarity, side: number): Promise<View> {
  const back = invert(toInput), scale = Math.hypot(toInput.a, toInput.b);
  const [layer] = await picture.look([partUnder(toInput, side, 1 / (FINENESS * scale))]);
  return {
    side,
    write: (data) =>
      writeLevels(data, 0, warp(layer.pixels, fromLayer(toInput, layer), side, "quick", layer).data),
    scaleX: scale,
    scaleY: scale,
    toPicture: (point) => transformPoint(back, point),
    isCoarse: layer.shrink > 1,
  };
}

/** A square of the picture, which may reach over its edge; of `pixels` a side. */
export function squareView(
  picture: Picture,
  x: number,
  y: number,
  side: number,
  pixels = SIDE,
): Promise<View> {
  const a = pixels / side;
  return viewOf(picture, { a, b: 0, x: -x * a, y: -y * a }, pixels);
}

/** The square around a face, turned so that its eyes are level, as the similarity from the picture to the view. */
function closeUpTransform(
  { width, height, points }: Candidate,
  { side, widths }: Lens,
  quarters = 0,
): Similarity {
  const [[cx, cy], [rx, ry], [lx, ly]] = points;
  const scale = side / (Math.max(width, height) * widths);
  const eyes = Math.hypot(lx - rx, ly - ry) || 1;
  let a = (lx - rx) / eyes * scale, b = -(ly - ry) / eyes * scale;
  for (let i = 0; i < quarters; i++) [a, b] = [-b, a];
  return { a, b, x: side / 2 - a * cx + b * cy, y: side / 2 - b * cx - a * cy };
}

/**
 * The square around a face, turned so that its eyes are level, and pixels of the view a pixel of the picture.
 * @param quarters turns by 90 degrees beyond that, for a face that may stand otherwise than its points say
 */
export async function closeUp(
  picture: Picture,
  face: Candidate,
  lens: Lens,
  quarters = 0,
): Promise<{ view: View; scale: number }> {
  const view = await viewOf(picture, closeUpTransform(face, lens, quarters), lens.side);
  return { view, scale: view.scaleX };
}

/** What `closeUp` needs of the picture. */
export function closeUpPart(face: Candidate, lens: Lens): Part {
  const toInput = closeUpTransform(face, lens);
  return partUnder(toInput, lens.side, 1 / (FINENESS * Math.hypot(toInput.a, toInput.b)));
}

/** A square part of a picture. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  /** Whether one of its inner edges, beyond which the picture goes on, runs through a face. */
  cuts(face: Candidate): boolean;
}

/** Squares that cover a picture and overlap. */
export function tilesOf({ width, height }: { width: number; height: number }, side: number): Tile[] {
  return tileStarts(height, side).flatMap((y) =>
    tileStarts(width, side).map((x): Tile => ({
      x,
      y,
      cuts({ points: [[cx, cy]], ...face }) {
        const dx = face.width / 2, dy = face.height / 2;
        return (x > 0 && cx - dx < x) || (x + side < width && cx + dx > x + side) ||
          (y > 0 && cy - dy < y) || (y + side < height && cy + dy > y + side);
      },
    }))
  );
}

/** Where tiles begin on one axis: evenly laid, a quarter or more of each overlapping the next. */
function tileStarts(length: number, side: number): number[] {
  if (length <= side) return [(length - side) / 2];
  const count = Math.ceil((length - side) / (side * 0.75)) + 1;
  return Array.from({ length: count }, (_, i) => Math.round((length - side) * i / (count - 1)));
}

function writeLevels(data: Float32Array, from: number, pixels: Pixels["data"]): void {
  for (let i = 0, at = from; i < pixels.length; i += 4, at += 3) {
    data[at] = LEVELS[pixels[i]];
    data[at + 1] = LEVELS[pixels[i + 1]];
    data[at + 2] = LEVELS[pixels[i + 2]];
  }
}
