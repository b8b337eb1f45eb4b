/** Colours of skin, hair, eyes and cloth. */
import type { Random } from "./random.ts";

/** Linear red, green and blue. */
export type Colour = readonly [r: number, g: number, b: number];

/** Reflectance of each skin group, lightest first. */
export const SKINS: readonly Colour[] = [
  [0.7, 0.495, 0.395],
  [0.62, 0.41, 0.3],
  [0.54, 0.335, 0.225],
  [0.385, 0.222, 0.137],
  [0.235, 0.127, 0.077],
  [0.125, 0.066, 0.043],
];

export const DARK_HAIR: readonly Colour[] = [[0.018, 0.014, 0.012], [0.03, 0.02, 0.015], [0.05, 0.03, 0.018]];
export const LIGHT_HAIR: readonly Colour[] = [
  [0.1, 0.055, 0.03],
  [0.2, 0.12, 0.06],
  [0.36, 0.25, 0.13],
  [0.22, 0.085, 0.035],
  [0.035, 0.023, 0.016],
];
export const GREY_HAIR: Colour = [0.32, 0.31, 0.3];

export const BROWN_EYES: readonly Colour[] = [[0.07, 0.03, 0.012], [0.11, 0.05, 0.02], [0.16, 0.08, 0.03]];
export const LIGHT_EYES: readonly Colour[] = [[0.12, 0.2, 0.3], [0.14, 0.2, 0.15], [0.2, 0.16, 0.06], [
  0.2,
  0.24,
  0.27,
]];

export const CLOTHS: readonly Colour[] = [
  [0.03, 0.03, 0.035],
  [0.04, 0.06, 0.12],
  [0.5, 0.5, 0.48],
  [0.2, 0.21, 0.22],
  [0.25, 0.05, 0.05],
  [0.06, 0.12, 0.08],
  [0.3, 0.22, 0.14],
  [0.12, 0.2, 0.32],
];

/** A colour moved by a factor, each channel jittered a little. */
export function vary(colour: Colour, random: Random, deviation: number): Colour {
  const all = Math.exp(random.normal(0, deviation));
  return [
    colour[0] * all * Math.exp(random.normal(0, deviation / 4)),
    colour[1] * all * Math.exp(random.normal(0, deviation / 4)),
    colour[2] * all * Math.exp(random.normal(0, deviation / 3)),
  ];
}

/** Between two colours. */
export function blend(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}
