/**
 * Things before a face, laid over training views (drawn in `cover_kinds.ts`), and how much of the face each of them hides.
 *
 * Places and sizes are in sides of the aligned face, from its left and top; the crop of a view carries them over.
 */
import type { View } from "./augment.ts";
import type { Cover } from "./cover_kinds.ts";

/** Parts of an aligned face whose covering is followed. */
export const PLACES = Object.freeze(["brows", "eyes", "cheeks", "nose", "mouth", "chin"] as const);

export type Place = typeof PLACES[number];

/** Where each part of an aligned face lies: left, top, right, bottom of its rectangles. */
const RECTANGLES: Readonly<Record<Place, readonly (readonly [number, number, number, number])[]>> = {
  brows: [[0.22, 0.13, 0.45, 0.23], [0.55, 0.13, 0.78, 0.23]],
  eyes: [[0.25, 0.25, 0.43, 0.33], [0.57, 0.25, 0.75, 0.33]],
  cheeks: [[0.22, 0.33, 0.42, 0.46], [0.58, 0.33, 0.78, 0.46]],
  nose: [[0.42, 0.3, 0.58, 0.5]],
  mouth: [[0.34, 0.61, 0.66, 0.77]],
  chin: [[0.4, 0.78, 0.6, 0.92]],
};

/** The part by which each unit is seen; a unit that is not named here is seen by the mouth. */
const PLACE_OF_UNIT: { readonly [au: number]: Place } = {
  1: "brows",
  2: "brows",
  4: "brows",
  5: "eyes",
  6: "cheeks",
  7: "eyes",
  9: "nose",
  17: "chin",
  43: "eyes",
  45: "eyes",
  46: "eyes",
};

/** From this share of its part on a unit cannot be seen; below the other it can; in between nobody says. */
const HIDDEN = 0.7, OPEN = 0.3;

/** Samples of a rectangle, along each side. */
const SAMPLES = 8;

/**
 * Share of each part of the face that the covers hide, 0 to 1.
 * @returns one number for each of `PLACES`
 */
export function hiddenShares(cover: Cover | undefined): readonly number[] {
  if (!cover) return PLACES.map(() => 0);
  return PLACES.map((place) => {
    const rectangles = RECTANGLES[place];
    let hidden = 0;
    for (const [left, top, right, bottom] of rectangles) {
      for (let j = 0; j < SAMPLES; j++) {
        for (let i = 0; i < SAMPLES; i++) {
          const x = left + (right - left) * (i + 0.5) / SAMPLES,
            y = top + (bottom - top) * (j + 0.5) / SAMPLES;
          if (coveredAt(cover, x, y)) hidden++;
        }
      }
    }
    return hidden / (rectangles.length * SAMPLES * SAMPLES);
  });
}

/**
 * Whether a unit can be seen behind a cover: 1, 0, or `undefined` where it is half hidden.
 * @param shares see `hiddenShares`
 */
export function isVisible(au: number, shares: ArrayLike<number>): 0 | 1 | undefined {
  const share = shares[PLACES.indexOf(PLACE_OF_UNIT[au] ?? "mouth")];
  return share >= HIDDEN ? 0 : share < OPEN ? 1 : undefined;
}

/** Draws a cover over a view's pixels [size, size, 3], 0 to 255, in place. @param image size of the aligned face, pixels */
export function applyCover(
  pixels: Float32Array,
  size: number,
  cover: Cover,
  { crop, flip }: Pick<View, "crop" | "flip">,
  image: { width: number; height: number },
): void {
  const behind = cover.surface === "mosaic" ? pixels.slice() : pixels;
  for (let row = 0, to = 0; row < size; row++) {
    for (let column = 0; column < size; column++, to += 3) {
      let share = 0, x = 0, y = 0;
      for (let sample = 0; sample < 4; sample++) { // four samples a pixel: edges of paper are not of pixels
        const across = (column + 0.25 + 0.5 * (sample & 1)) / size;
        x = (crop.x + crop.width * (flip ? 1 - across : across)) / image.width;
        y = (crop.y + crop.height * (row + 0.25 + 0.5 * (sample >> 1)) / size) / image.height;
        if (coveredAt(cover, x, y)) share += 0.25;
      }
      if (share === 0) continue;
      paint(cover, x, y, pixels, behind, size, row, column, share, to);
    }
  }
}

function paint(
  { surface, colours, grain, turn, seed }: Cover,
  x: number,
  y: number,
  pixels: Float32Array,
  behind: Float32Array,
  size: number,
  row: number,
  column: number,
  share: number,
  to: number,
): void {
  if (surface === "mosaic") {
    const side = Math.max(4, Math.round(grain * size));
    const middle = (at: number) => Math.min(size - 1, Math.floor(at / side) * side + (side >> 1));
    const from = 3 * (middle(row) * size + middle(column));
    for (let c = 0; c < 3; c++) pixels[to + c] += share * (behind[from + c] - pixels[to + c]);
    return;
  }
  const along = x * Math.cos(turn) + y * Math.sin(turn);
  // From the first colour to the second: over the whole face, in stripes, in waves as of cloth, or in spots.
  let mix = Math.min(1, Math.max(0, along / 1.5));
  if (surface === "stripes") mix = Math.floor(along / grain) & 1;
  else if (surface === "folds") mix = 0.5 + 0.3 * Math.sin(2 * Math.PI * y / grain) + 0.2 * Math.sin(5 * x);
  else if (surface === "spots") mix = speck(Math.floor(x / grain), Math.floor(y / grain), seed);
  for (let c = 0; c < 3; c++) {
    const colour = colours[0][c] + mix * (colours[1][c] - colours[0][c]);
    pixels[to + c] += share * (colour - pixels[to + c]);
  }
}

/** A number from 0 to 1 for a cell, the same one every time. */
function speck(column: number, row: number, seed: number): number {
  let hash = seed ^ Math.imul(column + 1013, 0x9e3779b1) ^ Math.imul(row + 7919, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32;
}

/** Whether a place lies behind a cover. */
export function coveredAt({ outlines }: Cover, x: number, y: number): boolean {
  return outlines.some((outline) => isInside(outline, x, y));
}

/** By the number of edges to the right of the point. */
function isInside(outline: Cover["outlines"][number], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = outline.length - 1; i < outline.length; j = i++) {
    const [xi, yi] = outline[i], [xj, yj] = outline[j];
    if ((yi > y) !== (yj > y) && x < (xj - xi) * (y - yi) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}
