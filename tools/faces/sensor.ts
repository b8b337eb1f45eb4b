/** What a camera does to light: blur, exposure, noise, and 8 bits. */
import type { Look } from "./look.ts";
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

/** Steps of a table of tones, by the root of light up to 16, beyond which all is white. */
const STEPS = 4096, PLAIN = Float32Array.from({ length: STEPS + 1 }, (_, i) => tone((4 * i / STEPS) ** 2));

/** Makes a picture `factor` times smaller and large again, in place: what small pictures have lost. */
export function shrink(light: Float32Array, width: number, height: number, factor: number): void {
  const w = Math.max(8, Math.round(width / factor)), h = Math.max(8, Math.round(height / factor));
  if (w >= width) return;
  const small = new Float32Array(4 * w * h);
  for (let y = 0; y < h; y++) {
    const y0 = Math.floor(y * height / h), y1 = Math.max(y0 + 1, Math.floor((y + 1) * height / h));
    for (let x = 0; x < w; x++) {
      const x0 = Math.floor(x * width / w), x1 = Math.max(x0 + 1, Math.floor((x + 1) * width / w));
      const share = 1 / ((y1 - y0) * (x1 - x0)), to = 4 * (y * w + x);
      for (let v = y0; v < y1; v++) {
        for (let u = x0, from = 4 * (v * width + x0); u < x1; u++, from += 4) {
          for (let c = 0; c < 4; c++) small[to + c] += share * light[from + c];
        }
      }
    }
  }
  for (let y = 0; y < height; y++) {
    const fy = Math.min(h - 1, Math.max(0, (y + 0.5) * h / height - 0.5)),
      y0 = Math.min(h - 2, fy | 0),
      sy = fy - y0;
    for (let x = 0; x < width; x++) {
      const fx = Math.min(w - 1, Math.max(0, (x + 0.5) * w / width - 0.5)), x0 = Math.min(w - 2, fx | 0);
      const sx = fx - x0, a = 4 * (y0 * w + x0), b = a + 4 * w, to = 4 * (y * width + x);
      for (let c = 0; c < 4; c++) {
        const top = small[a + c] + (small[a + 4 + c] - small[a + c]) * sx;
        const bottom = small[b + c] + (small[b + 4 + c] - small[b + c]) * sx;
        light[to + c] = top + (bottom - top) * sy;
      }
    }
  }
}

/** What developing a picture takes. */
export interface Development {
  readonly exposure: number;
  /** A share of white. */
  readonly noise: number;
  readonly look: Look;
  readonly key: number;
}

/** Turns linear light [H, W, 4] (alpha last, colour premultiplied) into 8-bit RGBA. */
export function develop(
  light: Float32Array,
  width: number,
  { exposure, noise, look, key }: Development,
): Uint8ClampedArray<ArrayBuffer> {
  const { contrast, saturation, shadows, highlights, fade, vignette, sharpen } = look;
  const tones = Float32Array.from(PLAIN, (v) => {
    const x = Math.min(1, v);
    return fade + (1 - fade) * (v + contrast * (x * x * (3 - 2 * x) - x));
  });
  const height = light.length / 4 / width, values = new Float32Array(light.length);
  for (let y = 0, i = 0; y < height; y++) {
    const v = 2 * (y + 0.5) / height - 1;
    for (let x = 0; x < width; x++, i += 4) {
      const alpha = light[i + 3], u = 2 * (x + 0.5) / width - 1;
      const gain = alpha > 0
        ? exposure * (1 - vignette * 0.5 * (u * u + v * v) * (u * u + v * v)) / alpha
        : 0;
      const red = toned(tones, light[i] * gain), green = toned(tones, light[i + 1] * gain);
      const blue = toned(tones, light[i + 2] * gain);
      const grey = 0.3 * red + 0.59 * green + 0.11 * blue;
      const high = grey < 0 ? 0 : grey > 1 ? 1 : grey, low = 4 * high * (1 - high) * (1 - high);
      values[i] = grey + saturation * (red - grey) + shadows[0] * low + highlights[0] * high;
      values[i + 1] = grey + saturation * (green - grey) + shadows[1] * low + highlights[1] * high;
      values[i + 2] = grey + saturation * (blue - grey) + shadows[2] * low + highlights[2] * high;
      values[i + 3] = alpha;
    }
  }
  const sharp = sharpen > 0 ? sharpened(values, width, height, sharpen) : values;
  const out = new Uint8ClampedArray(light.length), coloured = 0.6 * Math.min(1, saturation);
  for (let i = 0; i < out.length; i += 4) {
    const common = noise > 0 ? grain(key, i) * noise : 0;
    for (let c = 0; c < 3; c++) {
      const own = noise > 0 ? grain(key, i + 1 + c) * noise * coloured : 0;
      out[i + c] = 255 * (sharp[i + c] + common + own);
    }
    out[i + 3] = 255 * sharp[i + 3];
  }
  return out;
}

function toned(tones: Float32Array, linear: number): number {
  const at = linear > 0 ? Math.sqrt(linear) * (STEPS / 4) : 0;
  return tones[at < STEPS ? at | 0 : STEPS];
}

/** Adds a share of what the mean of its neighbours lacks to each pixel that is not at the edge. */
function sharpened(values: Float32Array, width: number, height: number, strength: number): Float32Array {
  const out = Float32Array.from(values), row = 4 * width;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1, i = y * row + 4; x < width - 1; x++, i += 4) {
      for (let k = i; k < i + 3; k++) {
        const mean = 0.25 * (values[k - 4] + values[k + 4] + values[k - row] + values[k + row]);
        out[k] = values[k] + strength * (values[k] - mean);
      }
    }
  }
  return out;
}
