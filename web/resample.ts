/**
 * How pixels are averaged: warping, shrinking, enlarging. Whole numbers, + - * / and no trigonometry, so that
 * every machine makes the same bytes from the same picture.
 * @module
 */
import { invert, type Similarity, transformPoint } from "./similarity.ts";

/** A picture: rows of RGBA, 4 bytes a pixel, opaque (an ImageData is one). */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

/** How a warp averages: "exact" is the one crop that models are trained on, "quick" is for looking around. */
export type WarpQuality = "exact" | "quick";

/**
 * A square of `size` pixels a side, filled through the similarity that leads from the picture to it: the mean over
 * each pixel's area when it shrinks, bilinear when it enlarges, edge pixels repeated outside the picture. A quick one
 * averages whole blocks to within a factor of 1.5 and is bilinear from there.
 */
export function warp(
  image: Pixels,
  toCrop: Similarity,
  size: number,
  quality: WarpQuality = "exact",
): Pixels {
  checkPixels(image);
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`A crop's side must be 1 or more, got ${size}.`);
  }
  const back = invert(toCrop), data = words(image);
  const shrink = Math.sqrt(back.a * back.a + back.b * back.b);
  // A face much larger than the crop: whole k x k blocks are averaged first, so that the cost stays one look at
  // each pixel under the crop. 2 <= shrink / k < 3 remains, where the block's own width no longer shows.
  const k = quality === "quick" ? Math.max(1, Math.round(shrink)) : shrink < 4 ? 1 : Math.floor(shrink / 2);
  const n = quality === "quick" ? 1 : Math.max(1, Math.ceil(shrink / k - 1e-3));
  if (k === 1) return fill(data, image.width, image.height, back, size, n, shrink);
  const reach = (Math.abs(back.a) + Math.abs(back.b)) * size / 2 + 2 * k;
  const [cx, cy] = transformPoint(back, [size / 2, size / 2]);
  const left = clamp(Math.floor(cx - reach), 0, image.width - 1);
  const top = clamp(Math.floor(cy - reach), 0, image.height - 1);
  const right = clamp(Math.ceil(cx + reach), left + 1, image.width);
  const bottom = clamp(Math.ceil(cy + reach), top + 1, image.height);
  const blocks = averageBlocks(data, image.width, left, top, right, bottom, k);
  const inBlocks = { a: back.a / k, b: back.b / k, x: (back.x - left) / k, y: (back.y - top) / k };
  return fill(blocks.data, blocks.width, blocks.height, inBlocks, size, n, shrink / k);
}

/**
 * Crop pixel (i, j) is the mean of n x n bilinear samples, n = ceil(shrink), laid evenly over (shrink - 1) pixels
 * of the picture. With the samples' own width of one pixel that covers `shrink` pixels: exactly the area's mean
 * when shrink is whole, a plain bilinear sample when n is 1, and no jump in sharpness between them.
 *
 * For speed positions are in 1/256 pixel and two channels share a 32-bit word: weights sum to 256, so a channel
 * times its weights stays below 2^16 and never runs into the next one.
 */
function fill(
  data: Int32Array,
  width: number,
  height: number,
  back: Similarity,
  size: number,
  n: number,
  shrink: number,
): Pixels {
  const out = new Int32Array(size * size);
  const span = n > 1 ? (shrink - 1) / shrink : 0; // in crop pixels
  const step = n > 1 ? span / (n - 1) : 0;
  const maxX = (width - 1) * 256, maxY = (height - 1) * 256;
  const a = back.a * 256, b = back.b * 256, x0 = (back.x - 0.5) * 256 + 0.5, y0 = (back.y - 0.5) * 256 + 0.5;
  const ax = new Float64Array(size * n), bx = new Float64Array(size * n);
  for (let i = 0, t = 0; i < size; i++) {
    for (let u = 0; u < n; u++, t++) {
      const px = i + 0.5 - span / 2 + u * step;
      ax[t] = a * px;
      bx[t] = b * px;
    }
  }
  const half = n * n * 128, part = 1 / (n * n);
  for (let j = 0, at = 0; j < size; j++) {
    for (let i = 0; i < size; i++, at++) {
      let c0 = half, c1 = half, c2 = half, c3 = half;
      for (let v = 0; v < n; v++) {
        const py = j + 0.5 - span / 2 + v * step, ay = a * py, by = b * py;
        for (let t = i * n; t < i * n + n; t++) {
          const x = ax[t] - by + x0, y = bx[t] + ay + y0;
          const sx = (x < 0 ? 0 : x > maxX ? maxX : x) | 0, sy = (y < 0 ? 0 : y > maxY ? maxY : y) | 0;
          const p = Math.imul(sy >> 8, width) + (sx >> 8), right = sx < maxX ? 1 : 0;
          const q = sy < maxY ? p + width : p;
          const fx = sx & 255, fy = sy & 255;
          const w11 = Math.imul(fx, fy) >> 8, w10 = fy - w11, w01 = fx - w11, w00 = 256 - fx - w10;
          const d00 = data[p], d01 = data[p + right], d10 = data[q], d11 = data[q + right];
          const even = Math.imul(d00 & 0xff00ff, w00) + Math.imul(d01 & 0xff00ff, w01) +
              Math.imul(d10 & 0xff00ff, w10) + Math.imul(d11 & 0xff00ff, w11) | 0;
          const odd = Math.imul(d00 >>> 8 & 0xff00ff, w00) + Math.imul(d01 >>> 8 & 0xff00ff, w01) +
              Math.imul(d10 >>> 8 & 0xff00ff, w10) + Math.imul(d11 >>> 8 & 0xff00ff, w11) | 0;
          if (n === 1) {
            out[at] = (even + 0x800080 >>> 8 & 0xff00ff) | (odd + 0x800080 & 0xff00ff00);
            continue;
          }
          c0 += even & 0xffff;
          c1 += odd & 0xffff;
          c2 += even >>> 16;
          c3 += odd >>> 16;
        }
      }
      if (n > 1) out[at] = mean(c0, part) | mean(c1, part) << 8 | mean(c2, part) << 16 | mean(c3, part) << 24;
    }
  }
  return { width: size, height: size, data: new Uint8ClampedArray(out.buffer) };
}

/** A sum of samples in 1/256, times 1 / their number, rounded down; the half keeps clear of rounding in `part`. */
function mean(sum: number, part: number): number {
  return ((sum >> 8) + 0.5) * part | 0;
}

/** The picture's pixels as 32-bit words; copied only where the bytes do not start on a word. */
function words({ data }: Pixels): Int32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Int32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

/** Means over k x k blocks of a part of the picture; its last row and column repeat to fill the last blocks. */
function averageBlocks(
  source: Int32Array,
  stride: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
  k: number,
): { width: number; height: number; data: Int32Array } {
  const width = Math.ceil((right - left) / k), height = Math.ceil((bottom - top) / k);
  const data = new Int32Array(width * height);
  const part = 1 / (k * k), half = k * k >> 1;
  for (let j = 0, at = 0; j < height; j++) {
    for (let i = 0; i < width; i++, at++) {
      let c0 = half, c1 = half, c2 = half, c3 = half;
      const from = left + i * k, inside = Math.min(k, right - from);
      for (let v = 0; v < k; v++) {
        const row = Math.min(top + j * k + v, bottom - 1) * stride + from;
        // Two channels share a word: up to 257 pixels stay below 2^16.
        for (let u = 0; u < k;) {
          let even = 0, odd = 0;
          for (const end = Math.min(u + 256, k); u < end; u++) {
            const word = source[row + (u < inside ? u : inside - 1)];
            even += word & 0xff00ff;
            odd += word >>> 8 & 0xff00ff;
          }
          c0 += even & 0xffff;
          c1 += odd & 0xffff;
          c2 += even >>> 16;
          c3 += odd >>> 16;
        }
      }
      data[at] = (c0 + 0.5) * part | ((c1 + 0.5) * part | 0) << 8 | ((c2 + 0.5) * part | 0) << 16 |
        ((c3 + 0.5) * part | 0) << 24;
    }
  }
  return { width, height, data };
}

/** The whole picture at another size: each axis by area when it shrinks, linear when it grows. */
export function resize(image: Pixels, width: number, height: number): Pixels {
  checkPixels(image);
  if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0)) {
    throw new RangeError(`Cannot resize to ${width} x ${height}: both must be whole numbers above 0.`);
  }
  const across = axisTaps(image.width, width), down = axisTaps(image.height, height);
  const stride = image.width * 4;
  const source = image.data, row = new Float32Array(stride);
  const data = new Uint8ClampedArray(width * height * 4);
  for (let j = 0, at = 0; j < height; j++) {
    row.fill(0);
    for (let t = down.from[j]; t < down.from[j + 1]; t++) {
      const weight = down.weight[t], start = down.pixel[t] * stride;
      for (let x = 0; x < stride; x++) row[x] += weight * source[start + x];
    }
    for (let i = 0; i < width; i++, at += 4) {
      let c0 = 0, c1 = 0, c2 = 0, c3 = 0;
      for (let t = across.from[i]; t < across.from[i + 1]; t++) {
        const weight = across.weight[t], p = across.pixel[t] * 4;
        c0 += weight * row[p];
        c1 += weight * row[p + 1];
        c2 += weight * row[p + 2];
        c3 += weight * row[p + 3];
      }
      data[at] = c0;
      data[at + 1] = c1;
      data[at + 2] = c2;
      data[at + 3] = c3;
    }
  }
  return { width, height, data };
}

/** For target pixel i of one axis: taps from[i] to from[i + 1], each a source pixel and its weight; they sum to 1. */
function axisTaps(source: number, target: number) {
  const scale = source / target;
  const from = new Int32Array(target + 1), pixel: number[] = [], weight: number[] = [];
  for (let i = 0; i < target; i++) {
    if (scale <= 1) {
      const at = clamp((i + 0.5) * scale - 0.5, 0, source - 1), low = Math.floor(at);
      pixel.push(low, Math.min(low + 1, source - 1));
      weight.push(1 - (at - low), at - low);
    } else {
      const start = i * scale, end = Math.min((i + 1) * scale, source);
      for (let j = Math.floor(start); j < end; j++) {
        pixel.push(j);
        weight.push((Math.min(j + 1, end) - Math.max(j, start)) / (end - start));
      }
    }
    from[i + 1] = pixel.length;
  }
  return { from, pixel: Int32Array.from(pixel), weight: Float64Array.from(weight) };
}

/** Throws a RangeError unless the bytes fit the dimensions. */
export function checkPixels({ width, height, data }: Pixels): void {
  if (!(width > 0 && height > 0) || data.length !== width * height * 4) {
    throw new RangeError(
      `A picture of ${width} x ${height} needs ${width * height * 4} bytes of RGBA, got ${data.length}.`,
    );
  }
}

/** The value, or the nearer end of the range it lies outside of. */
export function clamp(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
