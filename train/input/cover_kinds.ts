/**
 * What may stand before a face, as plain numbers: a mask, a hand or a sheet before the mouth, dark glasses, a bar or a mosaic
 * over the eyes, a brim over the brows, an object anywhere. Places and sizes are in sides of the aligned face.
 */
import type { Random } from "../runs/random.ts";

/** Red, green and blue, 0-255. */
export type Colour = readonly [number, number, number];

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

/** An outline of half axes `a` and `b` about a place, turned by radians. */
export function ellipse(x: number, y: number, a: number, b: number, turn: number) {
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

function clamp(value: number): number {
  return Math.min(255, Math.max(0, value));
}
