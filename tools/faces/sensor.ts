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
  const copy = new Float32Array(image.length);
  const pass = (
    from: Float32Array,
    to: Float32Array,
    along: number,
    across: number,
    step: number,
    stride: number,
  ) => {
    for (let j = 0; j < across; j++) {
      for (let i = 0; i < along; i++) {
        for (let c = 0; c < channels; c++) {
          let total = 0;
          for (let k = -radius; k <= radius; k++) {
            const n = Math.min(along - 1, Math.max(0, i + k));
            total += kernel[k + radius] * from[(n * step + j * stride) * channels + c];
          }
          to[(i * step + j * stride) * channels + c] = total / sum;
        }
      }
    }
  };
  pass(image, copy, width, height, 1, width);
  pass(copy, image, height, width, width, 1);
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
    const common = noise > 0 ? grain(key, i) * noise : 0;
    for (let c = 0; c < 3; c++) {
      const value = alpha > 0 ? tone(light[i + c] * exposure / alpha) : 0;
      const own = noise > 0 ? grain(key, i + 1 + c) * noise * 0.6 : 0;
      out[i + c] = Math.round(255 * (value + common + own));
    }
    out[i + 3] = Math.round(255 * alpha);
  }
  return out;
}
