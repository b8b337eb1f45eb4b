/**
 * A picture that need not be there whole: whoever looks at it says where, and how coarse the pixels may be.
 * @module
 */
import type { Pixels } from "./resample.ts";
import type { Similarity } from "./similarity.ts";

/** A part of a picture that is wanted, in the picture's pixels; it may reach over the edge. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** How many of the picture's pixels one pixel may stand for, along each side. */
  readonly shrink: number;
}

/** Pixels of a part, perhaps made smaller: pixel (0, 0) begins at (x, y) of the picture. */
export interface Layer {
  readonly pixels: Pixels;
  readonly x: number;
  readonly y: number;
  /** How many of the picture's pixels one pixel stands for, along each side. */
  readonly shrink: number;
}

/** A picture whose pixels come when they are asked for. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Milliseconds spent on fetching pixels so far. */
  readonly spent: number;
  /** For each part a layer that shows it, so far as it lies in the picture; wants that are told together cost less. */
  look(parts: readonly Part[]): Promise<Layer[]>;
  /** Gives back the memory of all layers; nobody looks at the picture or at them any more. */
  close?(): void;
}

/** Pixels as they are, or what can be asked for them. */
export function asPicture(image: Pixels | Picture): Picture {
  if (!("data" in image)) return image;
  const { width, height } = image, layer = { pixels: image, x: 0, y: 0, shrink: 1 };
  return { width, height, spent: 0, look: (parts) => Promise.resolve(parts.map(() => layer)) };
}

/** The same picture, which shows each part as fine as it is, whatever is asked for. */
export function inFull(picture: Picture): Picture {
  const { width, height } = picture;
  return {
    width,
    height,
    get spent() {
      return picture.spent;
    },
    look: (parts) => picture.look(parts.map((part) => ({ ...part, shrink: 1 }))),
  };
}

/** The similarity from a layer's pixels to where another leads from the picture's. */
export function fromLayer({ a, b, x, y }: Similarity, layer: Layer): Similarity {
  return {
    a: a * layer.shrink,
    b: b * layer.shrink,
    x: a * layer.x - b * layer.y + x,
    y: b * layer.x + a * layer.y + y,
  };
}

/** The part that fills a square of `size` pixels through a similarity that leads there from the picture. */
export function partUnder({ a, b, x, y }: Similarity, size: number, shrink: number): Part {
  const square = a * a + b * b, half = size / 2;
  const cx = (a * (half - x) + b * (half - y)) / square, cy = (a * (half - y) - b * (half - x)) / square;
  const reach = (Math.abs(a) + Math.abs(b)) / square * half;
  return { x: cx - reach, y: cy - reach, width: 2 * reach, height: 2 * reach, shrink: Math.max(1, shrink) };
}

/** The smallest part that holds all of them, as fine as the finest. */
export function unionOf(parts: readonly Part[]): Part {
  const x = Math.min(...parts.map((part) => part.x)), y = Math.min(...parts.map((part) => part.y));
  return {
    x,
    y,
    width: Math.max(...parts.map((part) => part.x + part.width)) - x,
    height: Math.max(...parts.map((part) => part.y + part.height)) - y,
    shrink: Math.min(...parts.map(({ shrink }) => shrink)),
  };
}

/** Whether a layer shows a part, so far as that lies in the picture, finely enough. */
export function shows(layer: Layer, part: Part, picture: { width: number; height: number }): boolean {
  const { pixels, x, y, shrink } = layer;
  return shrink <= part.shrink &&
    x <= Math.max(0, part.x) && y <= Math.max(0, part.y) &&
    x + pixels.width * shrink >= Math.min(picture.width, part.x + part.width) &&
    y + pixels.height * shrink >= Math.min(picture.height, part.y + part.height);
}
