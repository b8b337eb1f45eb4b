/**
 * Letters for films: each drawn once, then copied into every frame, since a frame has milliseconds.
 * @module
 */
import sharp from "sharp";
import { FONT, useFont } from "../detect/picture.ts";

const LETTERS =
  " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz|~°";
/** Pixels of a letter's cell, and of its type. */
const CELL = 24, HEIGHT = 20, TYPE = 14;
/** What a letter is wide of the type, at most and by kind, for a proportional script without a table of the font. */
const NARROW = /[ !'(),.:;|ijlt\-[\]If]/, WIDE = /[MW@m%w]/;

/** Letters as coverage, 0-255. */
export class Glyphs {
  private constructor(private readonly coverage: Uint8Array, private readonly width: number) {}

  /** Draws them. */
  static async open(): Promise<Glyphs> {
    useFont();
    const escape = (letter: string) => letter.replace(/[&<>]/g, (one) => `&#${one.charCodeAt(0)};`);
    const width = CELL * LETTERS.length;
    const letters = [...LETTERS].map((letter, i) =>
      `<text x="${i * CELL + 2}" y="15">${escape(letter)}</text>`
    );
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" font-family="${FONT}" ` +
      `font-size="${TYPE}" font-weight="600" fill="#fff">${letters.join("")}</svg>`;
    const { data } = await sharp(new TextEncoder().encode(svg)).ensureAlpha().extractChannel(3).raw()
      .toBuffer({ resolveWithObject: true });
    return new Glyphs(new Uint8Array(data), width);
  }

  /** Pixels that a text takes. */
  widthOf(text: string): number {
    return [...text].reduce((sum, letter) => sum + advanceOf(letter), 0);
  }

  /** Writes a text into a picture with its top left corner at x, y; what lies outside is left away. */
  write(target: Target, text: string, x: number, y: number, colour: Colour): void {
    for (const letter of text) {
      const index = Math.max(0, LETTERS.indexOf(letter));
      for (let row = 0; row < HEIGHT; row++) {
        for (let column = 0; column < CELL - 2; column++) {
          const alpha = this.coverage[row * this.width + index * CELL + 2 + column];
          if (alpha > 0) blend(target, Math.round(x) + column, Math.round(y) + row, colour, alpha / 255);
        }
      }
      x += advanceOf(letter);
    }
  }
}

/** A picture that is drawn into, RGBA. */
export interface Target {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Red, green, blue. */
export type Colour = readonly [number, number, number];

/** Lays a colour over a pixel; outside of the picture nothing happens. */
export function blend(
  { width, height, data }: Target,
  x: number,
  y: number,
  colour: Colour,
  alpha = 1,
): void {
  if (x < 0 || y < 0 || x >= width || y >= height) return;
  const at = 4 * (y * width + x);
  for (let c = 0; c < 3; c++) data[at + c] += alpha * (colour[c] - data[at + c]);
}

/** Fills a rectangle. */
export function fill(
  target: Target,
  x: number,
  y: number,
  width: number,
  height: number,
  colour: Colour,
): void {
  const right = Math.min(target.width, Math.round(x + width)),
    bottom = Math.min(target.height, Math.round(y + height));
  for (let row = Math.max(0, Math.round(y)); row < bottom; row++) {
    for (let column = Math.max(0, Math.round(x)); column < right; column++) {
      blend(target, column, row, colour);
    }
  }
}

function advanceOf(letter: string): number {
  return NARROW.test(letter) ? 5.5 : WIDE.test(letter) ? 13 : 9;
}
