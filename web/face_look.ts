/**
 * What a face and a scene look like in a handful of colours: enough to tell that something has changed, or that somebody
 * is another person than the one who was there.
 * @module
 */
import { alignmentTransform, type FacePoints, invert, type Pixels } from "./image.ts";
import type { AlignmentTemplate } from "./model_card.ts";
import { fromLayer, type Layer } from "./picture.ts";

/** Cells a side of a face's look, and samples a side of each. */
const CELLS = 8, SAMPLES = 3;
/** The square that is looked at, in sides of the aligned crop: hair and clothes tell people apart as well. */
const REACH = 1.5;
/** Cells of a scene. */
const ACROSS = 24, DOWN = 18;

/** Mean colours of a face's surroundings, turned upright: red, green and blue of 8 x 8 cells, 0-1. */
export function lookOf(layer: Layer, points: FacePoints, template?: AlignmentTemplate): Float32Array {
  const back = invert(fromLayer(alignmentTransform(points, 1, template), layer));
  const look = new Float32Array(3 * CELLS * CELLS), steps = CELLS * SAMPLES;
  const { width, height, data } = layer.pixels;
  for (let j = 0; j < steps; j++) {
    const v = 0.5 + REACH * ((j + 0.5) / steps - 0.5);
    for (let i = 0; i < steps; i++) {
      const u = 0.5 + REACH * ((i + 0.5) / steps - 0.5);
      const x = Math.min(width - 1, Math.max(0, Math.floor(back.a * u - back.b * v + back.x)));
      const y = Math.min(height - 1, Math.max(0, Math.floor(back.b * u + back.a * v + back.y)));
      const from = 4 * (y * width + x), to = 3 * (Math.floor(j / SAMPLES) * CELLS + Math.floor(i / SAMPLES));
      for (let c = 0; c < 3; c++) look[to + c] += data[from + c];
    }
  }
  for (let i = 0; i < look.length; i++) look[i] /= 255 * SAMPLES * SAMPLES;
  return look;
}

/** Brightness of the whole picture in 24 x 18 places, 0-1. */
export function sceneOf({ width, height, data }: Pixels): Float32Array {
  const scene = new Float32Array(ACROSS * DOWN);
  for (let j = 0; j < DOWN; j++) {
    for (let i = 0; i < ACROSS; i++) {
      const x = Math.floor((i + 0.5) / ACROSS * width), y = Math.floor((j + 0.5) / DOWN * height);
      const at = 4 * (y * width + x);
      scene[j * ACROSS + i] = (data[at] + data[at + 1] + data[at + 2]) / 765;
    }
  }
  return scene;
}

/** How far two of them are apart: the mean difference, 0-1. */
export function differenceOf(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += Math.abs(one[i] - other[i]);
  return sum / one.length;
}
