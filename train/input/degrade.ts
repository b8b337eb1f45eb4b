/**
 * What cameras, film and files do to a face: gamma, a colour cast, uneven light, low resolution, compression, noise,
 * sharpening, and something before the face. Drawn as plain numbers first, like every view, and applied second.
 */
import type { Random } from "../runs/random.ts";
import { blur } from "./filters.ts";

/** Everything that was drawn for one picture; 0 or absent where it is spared. */
export interface Degradation {
  /** Exponent of the tone curve; 1 leaves it. */
  gamma: number;
  /** Factors of red, green and blue. */
  cast: readonly [number, number, number];
  /** Light that changes over the picture: a slope along each axis in shares of white, and a bowed part. */
  shading?: { x: number; y: number; bow: number };
  /** Shares of the side to which the picture is shrunk and enlarged again; 1 leaves it. */
  resolution: number;
  /** Step of the 8 by 8 cosine transform's coefficients at the lowest frequency, in grey levels; 0 for none. */
  compression: number;
  /** Standard deviation of the noise in grey levels, and its seed. */
  noise: number;
  noiseSeed: number;
  /** Share of the difference to a blurred picture that is added. */
  sharpening: number;
  /** An ellipse before the face: middle, half axes as shares of the side, turn in radians, colour 0-255. */
  patch?: {
    x: number;
    y: number;
    a: number;
    b: number;
    turn: number;
    colour: readonly [number, number, number];
  };
}

/** Draws what happens to a picture; each thing by itself, so that most pictures suffer two or three of them. */
export function drawDegradation(random: Random): Degradation {
  const between = (least: number, most: number) => least + (most - least) * random();
  const chance = (share: number) => random() < share;
  return {
    gamma: chance(0.5) ? Math.exp(between(-0.5, 0.5)) : 1,
    cast: chance(0.3) ? [between(0.8, 1.2), between(0.9, 1.1), between(0.75, 1.25)] : [1, 1, 1],
    shading: chance(0.4)
      ? { x: between(-0.35, 0.35), y: between(-0.35, 0.35), bow: between(-0.3, 0.3) }
      : undefined,
    resolution: chance(0.3) ? between(0.3, 0.9) : 1,
    compression: chance(0.3) ? between(4, 28) : 0,
    noise: chance(0.4) ? 18 * random() ** 2 : 0,
    noiseSeed: Math.floor(random() * 2 ** 32),
    sharpening: chance(0.2) ? between(0.3, 1.5) : 0,
    patch: chance(0.15)
      ? {
        x: between(0, 1),
        y: between(0, 1),
        a: between(0.05, 0.22),
        b: between(0.05, 0.22),
        turn: between(0, Math.PI),
        colour: [between(0, 255), between(0, 255), between(0, 255)],
      }
      : undefined,
  };
}

/**
 * Applies it to [size, size, 3], 0 to 255, which may be changed in place.
 * @returns the degraded pixels, 0 to 255
 */
export function degrade(pixels: Float32Array, size: number, drawn: Degradation): Float32Array {
  if (drawn.patch) cover(pixels, size, drawn.patch);
  tone(pixels, size, drawn);
  let out = pixels;
  if (drawn.sharpening > 0) {
    const soft = blur(out, size, 1);
    for (let i = 0; i < out.length; i++) out[i] += drawn.sharpening * (out[i] - soft[i]);
  }
  // A smaller picture holds no more than a blurred one of its own pixel's width does.
  if (drawn.resolution < 1) out = blur(out, size, 0.5 / drawn.resolution);
  if (drawn.noise > 0) addNoise(out, drawn.noise, drawn.noiseSeed);
  if (drawn.compression > 0) compress(out, size, drawn.compression);
  for (let i = 0; i < out.length; i++) out[i] = out[i] < 0 ? 0 : out[i] > 255 ? 255 : out[i];
  return out;
}

function tone(pixels: Float32Array, size: number, { gamma, cast, shading }: Degradation): void {
  const curve = new Float32Array(257);
  for (let v = 0; v <= 256; v++) curve[v] = 255 * (Math.min(v, 255) / 255) ** gamma;
  for (let y = 0, i = 0; y < size; y++) {
    const v = 2 * y / (size - 1) - 1;
    for (let x = 0; x < size; x++) {
      const h = 2 * x / (size - 1) - 1;
      const light = shading
        ? Math.max(0.2, 1 + shading.x * h + shading.y * v + shading.bow * (h * h + v * v - 0.66))
        : 1;
      for (let c = 0; c < 3; c++, i++) {
        const value = Math.max(0, Math.min(255, pixels[i]));
        const low = value | 0;
        pixels[i] = (curve[low] + (value - low) * (curve[low + 1] - curve[low])) * cast[c] * light;
      }
    }
  }
}

function cover(pixels: Float32Array, size: number, patch: NonNullable<Degradation["patch"]>): void {
  const cos = Math.cos(patch.turn), sin = Math.sin(patch.turn);
  for (let y = 0, i = 0; y < size; y++) {
    for (let x = 0; x < size; x++, i += 3) {
      const dx = x / size - patch.x, dy = y / size - patch.y;
      const u = (cos * dx + sin * dy) / patch.a, w = (cos * dy - sin * dx) / patch.b;
      if (u * u + w * w > 1) continue;
      for (let c = 0; c < 3; c++) pixels[i + c] = patch.colour[c];
    }
  }
}

/** Noise of three sums of a congruential generator: near enough to a bell, and the same on every machine. */
function addNoise(pixels: Float32Array, deviation: number, seed: number): void {
  let state = seed >>> 0;
  const scale = 2 * deviation / 2 ** 32; // the sum of three uniform draws of +-1/2 has a deviation of 1/2
  for (let i = 0; i < pixels.length; i++) {
    let sum = 0;
    for (let k = 0; k < 3; k++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state - 2 ** 31;
    }
    pixels[i] += scale * sum;
  }
}

/** COSINES[8 k + n]: the n-th sample of the k-th basis function of the orthonormal cosine transform of 8. */
const COSINES = Float32Array.from({ length: 64 }, (_, i) => {
  const k = i >> 3, n = i & 7;
  return (k ? 0.5 : Math.SQRT1_2 / 2) * Math.cos(Math.PI * (2 * n + 1) * k / 16);
});

/** Rounds the cosine transform of every 8 by 8 block, more coarsely the higher the frequency, as JPEG does. */
function compress(pixels: Float32Array, size: number, step: number): void {
  const block = new Float32Array(64), half = new Float32Array(64);
  for (let top = 0; top + 8 <= size; top += 8) {
    for (let left = 0; left + 8 <= size; left += 8) {
      for (let c = 0; c < 3; c++) {
        for (let n = 0; n < 64; n++) {
          block[n] = pixels[3 * ((top + (n >> 3)) * size + left + (n & 7)) + c];
        }
        transform(block, half, false);
        transform(half, block, false);
        for (let n = 0; n < 64; n++) {
          const grain = step * (1 + 0.6 * ((n >> 3) + (n & 7)));
          block[n] = grain * Math.round(block[n] / grain);
        }
        transform(block, half, true);
        transform(half, block, true);
        for (let n = 0; n < 64; n++) {
          pixels[3 * ((top + (n >> 3)) * size + left + (n & 7)) + c] = block[n];
        }
      }
    }
  }
}

/** The transform along rows (`back`: its inverse), written transposed, so that two of them do rows and columns. */
function transform(from: Float32Array, to: Float32Array, back: boolean): void {
  for (let row = 0; row < 8; row++) {
    for (let k = 0; k < 8; k++) {
      let sum = 0;
      for (let n = 0; n < 8; n++) sum += from[8 * row + n] * COSINES[back ? 8 * n + k : 8 * k + n];
      to[8 * k + row] = sum;
    }
  }
}
