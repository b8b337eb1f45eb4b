/**
 * Things before a face, drawn over training views, and how much each of them hides: a mask, a hand or a sheet before the
 * mouth, dark glasses, a bar or a mosaic over the eyes, a brim over the brows, an object anywhere.
 *
 * Places and sizes are in sides of the aligned face, from its left and top; the crop of a view carries them over.
 */
import type { Random } from "../runs/random.ts";
import type { View } from "./augment.ts";

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

type Colour = readonly [number, number, number];

/** A cover as it was drawn. */
export interface Cover {
  /** Outlines of its parts: polygons of [x, y], in sides of the aligned face. */
  outlines: readonly (readonly (readonly [number, number])[])[];
  /** `mosaic`: what is behind it in coarse squares of `grain`; else paint. */
  surface: "plain" | "stripes" | "folds" | "spots" | "mosaic";
  colours: readonly [Colour, Colour];
  /** Width of a stripe, a fold, a spot or a square of the mosaic, in sides. */
  grain: number;
  /** Direction of stripes and of the change from one colour to the other, radians. */
  turn: number;
  seed: number;
}

/** Draws a cover: what it is like and where. */
export function drawCover(random: Random): Cover {
  const between = (least: number, most: number) => least + (most - least) * random();
  const kinds = [mask, beforeMouth, bar, glasses, brim, anything] as const;
  const { outlines, surfaces, colour } = kinds[Math.floor(random() * kinds.length)](between);
  const other = colour.map((value) => clamp(value + between(-50, 50))) as unknown as Colour;
  return {
    outlines,
    surface: surfaces[Math.floor(random() * surfaces.length)],
    colours: [colour, random() < 0.2 ? anyColour(between) : other],
    grain: between(0.03, 0.1),
    turn: between(0, Math.PI),
    seed: Math.floor(random() * 2 ** 32),
  };
}

type Between = (least: number, most: number) => number;
type Kind = (between: Between) => Pick<Cover, "outlines"> & {
  surfaces: readonly Cover["surface"][];
  colour: Colour;
};

const PAINTED = ["plain", "plain", "stripes", "folds", "spots"] as const;

/** A mask from the nose to under the chin. */
const mask: Kind = (between) => {
  const side = between(0.38, 0.56), middle = side - between(0, 0.12), low = between(0.98, 1.2);
  const left = between(0, 0.2), right = 1 - between(0, 0.2);
  const outline = [
    [left, side],
    [0.5 - between(0.05, 0.15), middle],
    [0.5 + between(0.05, 0.15), middle],
    [right, side],
    [right, between(0.7, 0.95)],
    [0.5 + between(0.12, 0.3), low],
    [0.5 - between(0.12, 0.3), low],
    [left, between(0.7, 0.95)],
  ] as const;
  return {
    outlines: [outline],
    surfaces: PAINTED,
    colour: between(0, 1) < 0.6 ? cloth(between) : anyColour(between),
  };
};

/** A hand, a cup or a sheet of paper before the mouth. */
const beforeMouth: Kind = (between) => {
  const isRound = between(0, 1) < 0.5;
  const x = between(0.4, 0.6), y = between(0.64, 0.76), a = between(0.2, 0.4), b = between(0.12, 0.28);
  const outline = isRound
    ? ellipse(x, y, a * 1.1, b * 1.1, between(-0.5, 0.5))
    : box(x, y, a, b, between(-0.3, 0.3));
  const colour = between(0, 1) < 0.5 ? skin(between) : anyColour(between);
  return { outlines: [outline], surfaces: [...PAINTED, "mosaic"], colour };
};

/** A bar or a band of mosaic over both eyes. */
const bar: Kind = (between) => {
  const outline = box(0.5, between(0.26, 0.32), between(0.3, 0.7), between(0.06, 0.13), between(-0.1, 0.1));
  const colour = between(0, 1) < 0.5 ? grey(between(0, 40)) : anyColour(between);
  return { outlines: [outline], surfaces: ["plain", "plain", "mosaic", "stripes", "spots"], colour };
};

/** Dark glasses. */
const glasses: Kind = (between) => {
  const y = between(0.27, 0.32),
    a = between(0.12, 0.18),
    b = between(0.08, 0.14),
    apart = between(0.155, 0.19);
  const isRound = between(0, 1) < 0.5, turn = between(-0.15, 0.15);
  const lens = (x: number, turn: number) =>
    isRound ? ellipse(x, y, a, b, turn) : box(x, y, a * 0.95, b * 0.9, turn);
  return {
    outlines: [
      lens(0.5 - apart, turn),
      lens(0.5 + apart, -turn),
      box(0.5, y - 0.02, apart - a * 0.8, 0.012, 0),
      box(0.5 - apart - a, y - 0.02, between(0, 0.15), 0.012, 0),
      box(0.5 + apart + a, y - 0.02, between(0, 0.15), 0.012, 0),
    ],
    surfaces: ["plain", "plain", "folds"],
    colour: between(0, 1) < 0.8
      ? grey(between(5, 60))
      : anyColour(between).map((value) => value / 2) as unknown as Colour,
  };
};

/** A brim, a headscarf or a fringe that comes down over the brows. */
const brim: Kind = (between) => {
  const low = between(0.2, 0.27), bow = between(-0.05, 0.06);
  const outline = [[-0.2, -0.3], [1.2, -0.3], [1.2, low], [0.7, low + bow], [0.3, low + bow], [
    -0.2,
    low,
  ]] as const;
  return {
    outlines: [outline],
    surfaces: [...PAINTED, "stripes"],
    colour: between(0, 1) < 0.5 ? grey(between(10, 90)) : anyColour(between),
  };
};

/** Something of any size anywhere. */
const anything: Kind = (between) => {
  const shape = between(0, 1) < 0.5 ? ellipse : box;
  const outline = shape(
    between(0, 1),
    between(0, 1),
    between(0.08, 0.35),
    between(0.08, 0.35),
    between(0, Math.PI),
  );
  return {
    outlines: [outline],
    surfaces: [...PAINTED, "mosaic"],
    colour: between(0, 1) < 0.4 ? skin(between) : anyColour(between),
  };
};

function ellipse(x: number, y: number, a: number, b: number, turn: number) {
  return Array.from({ length: 24 }, (_, i) => {
    const angle = 2 * Math.PI * i / 24;
    return turned(x, y, a * Math.cos(angle), b * Math.sin(angle), turn);
  });
}

function box(x: number, y: number, a: number, b: number, turn: number) {
  return [[-a, -b], [a, -b], [a, b], [-a, b]].map(([u, v]) => turned(x, y, u, v, turn));
}

function turned(x: number, y: number, u: number, v: number, turn: number): [number, number] {
  return [x + u * Math.cos(turn) - v * Math.sin(turn), y + u * Math.sin(turn) + v * Math.cos(turn)];
}

const grey = (value: number): Colour => [value, value, value];
const anyColour = (between: Between): Colour => [between(0, 255), between(0, 255), between(0, 255)];
/** White, light blue, green or black: what masks are sold in. */
const cloth = (between: Between): Colour => {
  const light = between(150, 250);
  const tints: readonly Colour[] = [[1, 1, 1], [0.75, 0.9, 1], [0.8, 1, 0.9], [0.12, 0.12, 0.13]];
  return tints[Math.floor(between(0, tints.length))].map((tint) => tint * light) as unknown as Colour;
};
/** From the darkest to the lightest skin, in the light of any room. */
const skin = (between: Between): Colour => {
  const light = between(60, 235);
  return [light, light * between(0.68, 0.84), light * between(0.5, 0.75)];
};

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
          if (isCovered(cover, x, y)) hidden++;
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
        if (isCovered(cover, x, y)) share += 0.25;
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

function isCovered({ outlines }: Cover, x: number, y: number): boolean {
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

function clamp(value: number): number {
  return Math.min(255, Math.max(0, value));
}
