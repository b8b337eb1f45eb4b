/** What a camera does to light: blur, exposure, noise, and 8 bits. */
import { mix } from "./random.ts";

/** Blurs interleaved channels by a Gaussian of `sigma` pixels, in place. */
export function blur(
  image: Float32Array,
  width: number,
  height: number,
  channels: number,
  sigma: number,
): void {
  if (sigma < 0.2) return;
  const radius = Math.ceil(2.5 * sigma);
  const kernel = Float32Array.from(
    { length: 2 * radius + 1 },
    (_, i) => Math.exp(-0.5 * ((i - radius) / sigma) ** 2),
  );
  const sum = kernel.reduce((a, b) => a + b, 0);
  for (let i = 0; i < kernel.length; i++) kernel[i] /= sum;
  const longest = Math.max(width, height);
  // A line with its ends repeated, so that the sum below meets no edge.
  const line = new Float32Array((longest + 2 * radius) * channels);
  for (let row = 0; row < height; row++) {
    blurLine(image, row * width * channels, channels, width, channels, kernel, line);
  }
  for (let column = 0; column < width; column++) {
    blurLine(image, column * channels, width * channels, height, channels, kernel, line);
  }
}

/** Blurs `count` pixels of a line that begins at `start` and has one every `stride` numbers. */
function blurLine(
  image: Float32Array,
  start: number,
  stride: number,
  count: number,
  channels: number,
  kernel: Float32Array,
  line: Float32Array,
): void {
  const radius = kernel.length >> 1;
  for (let i = -radius, to = 0; i < count + radius; i++) {
    const from = start + stride * (i < 0 ? 0 : i >= count ? count - 1 : i);
    for (let c = 0; c < channels; c++) line[to++] = image[from + c];
  }
  const taps = kernel.length;
  for (let i = 0, at = start; i < count; i++, at += stride) {
    for (let c = 0; c < channels; c++) {
      let total = 0;
      for (let k = 0, from = i * channels + c; k < taps; k++, from += channels) {
        total += kernel[k] * line[from];
      }
      image[at + c] = total;
    }
  }
}

/** The eye's response to linear light, with a shoulder instead of a hard clip; 0 to 1. */
export function tone(linear: number): number {
  const x = Math.max(0, linear);
  const rolled = x < 0.6 ? x : 0.6 + 0.4 * (1 - Math.exp(-(x - 0.6) / 0.4));
  return rolled ** (1 / 2.2);
}

/** A normal deviate for a pixel (the sum of four uniform bytes), standard deviation 1. */
export function grain(key: number, pixel: number): number {
  const h = mix(key, pixel);
  return ((h & 255) + ((h >>> 8) & 255) + ((h >>> 16) & 255) + (h >>> 24) - 510) / 147.8;
}

/** `tone` by steps of the root of light up to 16, beyond which all is white. */
const STEPS = 4096, TONES = Float32Array.from({ length: STEPS + 1 }, (_, i) => tone((4 * i / STEPS) ** 2));

/**
 * Turns linear light [H, W, 4] (alpha last, colour premultiplied) into 8-bit RGBA; `noise` is a share of white.
 */
export function develop(
  light: Float32Array,
  exposure: number,
  noise: number,
  key: number,
): Uint8ClampedArray<ArrayBuffer> {
  const out = new Uint8ClampedArray(light.length);
  for (let i = 0; i < light.length; i += 4) {
    const alpha = light[i + 3];
    const gain = alpha > 0 ? exposure / alpha : 0;
    const common = noise > 0 ? grain(key, i) * noise : 0;
    for (let c = 0; c < 3; c++) {
      const linear = light[i + c] * gain;
      const value = linear > 0 ? TONES[Math.min(STEPS, Math.sqrt(linear) * (STEPS / 4) | 0)] : 0;
      const own = noise > 0 ? grain(key, i + 1 + c) * noise * 0.6 : 0;
      out[i + c] = 255 * (value + common + own);
    }
    out[i + 3] = 255 * alpha;
  }
  return out;
}
