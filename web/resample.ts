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
 * averages whole blocks to within a factor of 1.5 and is bilinear from there; the blocks lie as they would in the whole
 * picture where this one is a `place` of it that has been made smaller.
 */
export function warp(
  image: Pixels,
  toCrop: Similarity,
  size: number,
  quality: WarpQuality = "exact",
  place: { readonly x: number; readonly y: number; readonly shrink: number } = { x: 0, y: 0, shrink: 1 },
): Pixels {
  checkPixels(image);
  if (!Number.isInteger(size) || size < 1) {
    throw new RangeError(`A crop's side must be 1 or more, got ${size}.`);
  }
  const back = invert(toCrop), data = words(image);
  const shrink = Math.sqrt(back.a * back.a + back.b * back.b);
  // A face much larger than the crop: whole k x k blocks are averaged first, so that the cost stays one look at
  // each pixel under the crop. 2 <= shrink / k < 3 remains, where the block's own width no longer shows.
  const quick = shrink * place.shrink < 1.5 ? 1 : 2 * Math.round(shrink * place.shrink / 2);
  const k = quality === "quick"
    ? Math.max(1, Math.round(quick / place.shrink))
    : shrink < 4
    ? 1
    : Math.floor(shrink / 2);
  const n = quality === "quick" ? 1 : Math.max(1, Math.ceil(shrink / k - 1e-3));
  if (k === 1) return sample({ width: image.width, height: image.height, data }, back, size, n, shrink);
  const reach = (Math.abs(back.a) + Math.abs(back.b)) * size / 2 + 2 * k;
  const [cx, cy] = transformPoint(back, [size / 2, size / 2]);
  const start = (from: number, offset: number, length: number) => {
    const first = clamp(Math.floor(from), 0, length - 1);
    return quality === "quick" ? Math.max(0, first - (first + offset / place.shrink) % k) : first;
  };
  const left = start(cx - reach, place.x, image.width), top = start(cy - reach, place.y, image.height);
  const right = clamp(Math.ceil(cx + reach), left + 1, image.width);
  const bottom = clamp(Math.ceil(cy + reach), top + 1, image.height);
  const blocks = averageBlocks(data, image.width, left, top, right, bottom, k);
  const inBlocks = { a: back.a / k, b: back.b / k, x: (back.x - left) / k, y: (back.y - top) / k };
  return sample(blocks, inBlocks, size, n, shrink / k);
}

/** A picture as 32-bit words. */
interface Words {
  readonly width: number;
  readonly height: number;
  readonly data: Uint32Array;
}

/**
 * Crop pixel (i, j) is the mean of n x n bilinear samples, n = ceil(shrink), laid evenly over (shrink - 1) pixels
 * of the picture. With the samples' own width of one pixel that covers `shrink` pixels: exactly the area's mean
 * when shrink is whole, a plain bilinear sample when n is 1, and no jump in sharpness between them.
 *
 * For speed positions are in 1/256 pixel and two channels share a 32-bit word: weights sum to 256, so a channel
 * times its weights stays below 2^16 and never runs into the next one.
 */
function sample(
  { width, height, data }: Words,
  back: Similarity,
  size: number,
  n: number,
  shrink: number,
): Pixels {
  if (n === 1) return sampleOnce({ width, height, data }, back, size);
  const out = new Uint32Array(size * size);
  const span = (shrink - 1) / shrink, step = span / (n - 1); // in crop pixels
  const maxX = (width - 1) * 256, maxY = (height - 1) * 256;
  const a = back.a * 256, b = back.b * 256, x0 = (back.x - 0.5) * 256 + 0.5, y0 = (back.y - 0.5) * 256 + 0.5;
  const count = n * n * 256, half = count / 2;
  for (let j = 0, at = 0; j < size; j++) {
    for (let i = 0; i < size; i++, at++) {
      let c0 = half, c1 = half, c2 = half, c3 = half;
      for (let v = 0; v < n; v++) {
        const py = j + 0.5 - span / 2 + v * step, ay = a * py, by = b * py;
        for (let u = 0; u < n; u++) {
          const px = i + 0.5 - span / 2 + u * step;
          const x = a * px - by + x0, y = b * px + ay + y0;
          const sx = (x < 0 ? 0 : x > maxX ? maxX : x) | 0, sy = (y < 0 ? 0 : y > maxY ? maxY : y) | 0;
          const p = Math.imul(sy >> 8, width) + (sx >> 8);
          const right = sx < maxX ? 1 : 0, down = sy < maxY ? width : 0;
          const fx = sx & 255, fy = sy & 255;
          const w11 = (fx * fy) >> 8, w10 = fy - w11, w01 = fx - w11, w00 = 256 - fx - w10;
          const d00 = data[p], d01 = data[p + right], d10 = data[p + down], d11 = data[p + right + down];
          const even = Math.imul(d00 & 0xff00ff, w00) + Math.imul(d01 & 0xff00ff, w01) +
              Math.imul(d10 & 0xff00ff, w10) + Math.imul(d11 & 0xff00ff, w11) | 0;
          const odd = Math.imul(d00 >>> 8 & 0xff00ff, w00) + Math.imul(d01 >>> 8 & 0xff00ff, w01) +
              Math.imul(d10 >>> 8 & 0xff00ff, w10) + Math.imul(d11 >>> 8 & 0xff00ff, w11) | 0;
          c0 += even & 0xffff;
          c1 += odd & 0xffff;
          c2 += even >>> 16;
          c3 += odd >>> 16;
        }
      }
      out[at] = c0 / count | (c1 / count | 0) << 8 | (c2 / count | 0) << 16 | (c3 / count | 0) << 24;
    }
  }
  return { width: size, height: size, data: new Uint8ClampedArray(out.buffer) };
}

/** As `sample` with n = 1, where nothing is summed up. */
function sampleOnce({ width, height, data }: Words, back: Similarity, size: number): Pixels {
  const out = new Uint32Array(size * size);
  const maxX = (width - 1) * 256, maxY = (height - 1) * 256;
  const a = back.a * 256, b = back.b * 256, x0 = (back.x - 0.5) * 256 + 0.5, y0 = (back.y - 0.5) * 256 + 0.5;
  for (let j = 0, at = 0; j < size; j++) {
    const py = j + 0.5, ay = a * py, by = b * py;
    for (let i = 0; i < size; i++, at++) {
      const px = i + 0.5;
      const sx = clamp(a * px - by + x0, 0, maxX) | 0, sy = clamp(b * px + ay + y0, 0, maxY) | 0;
      const p = Math.imul(sy >> 8, width) + (sx >> 8);
      const right = sx < maxX ? 1 : 0, q = sy < maxY ? p + width : p;
      const fx = sx & 255, fy = sy & 255;
      const w11 = (fx * fy) >> 8, w10 = fy - w11, w01 = fx - w11, w00 = 256 - fx - w10;
      const d00 = data[p], d01 = data[p + right], d10 = data[q], d11 = data[q + right];
      const even = Math.imul(d00 & 0xff00ff, w00) + Math.imul(d01 & 0xff00ff, w01) +
        Math.imul(d10 & 0xff00ff, w10) + Math.imul(d11 & 0xff00ff, w11);
      const odd = Math.imul(d00 >>> 8 & 0xff00ff, w00) + Math.imul(d01 >>> 8 & 0xff00ff, w01) +
        Math.imul(d10 >>> 8 & 0xff00ff, w10) + Math.imul(d11 >>> 8 & 0xff00ff, w11);
      out[at] = (even + 0x800080 >>> 8 & 0xff00ff) | (odd + 0x800080 & 0xff00ff00);
    }
  }
  return { width: size, height: size, data: new Uint8ClampedArray(out.buffer) };
}

/** The picture's pixels as 32-bit words; copied only where the bytes do not start on a word. */
export function words({ data }: Pixels): Uint32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length / 4);
}

/** Means over k x k blocks of a part of the picture; its last row and column repeat to fill the last blocks. */
function averageBlocks(
  source: Uint32Array,
  stride: number,
  left: number,
  top: number,
  right: number,
  bottom: number,
  k: number,
): Words {
  const width = Math.ceil((right - left) / k), height = Math.ceil((bottom - top) / k);
  const data = new Uint32Array(width * height);
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
            even = even + (word & 0xff00ff) | 0;
            odd = odd + (word >>> 8 & 0xff00ff) | 0;
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

/** The whole picture at another size: each axis by area when it shrinks, linear when it grows, within 2 of 255. */
export function resize(image: Pixels, width: number, height: number): Pixels {
  checkPixels(image);
  if (!(Number.isInteger(width) && width > 0 && Number.isInteger(height) && height > 0)) {
    throw new RangeError(`Cannot resize to ${width} x ${height}: both must be whole numbers above 0.`);
  }
  const source = words(image), across = axisTaps(image.width, width), down = axisTaps(image.height, height);
  // Rows of the new width; of two that follow each other both are at hand.
  const rows = [new Uint32Array(width), new Uint32Array(width)], held = [-1, -1];
  const even = new Uint32Array(width), odd = new Uint32Array(width);
  const out = new Uint32Array(width * height);
  for (let j = 0, at = 0; j < height; j++) {
    even.fill(0x800080);
    odd.fill(0x800080);
    for (let t = down.from[j], y = down.first[j]; t < down.from[j + 1]; t++, y++) {
      const weight = down.weight[t], row = rows[y & 1];
      if (held[y & 1] !== y) resizeRow(source, y * image.width, across, row);
      held[y & 1] = y;
      for (let i = 0; i < width; i++) {
        even[i] += Math.imul(row[i] & 0xff00ff, weight);
        odd[i] += Math.imul(row[i] >>> 8 & 0xff00ff, weight);
      }
    }
    for (let i = 0; i < width; i++) out[at++] = (even[i] >>> 8 & 0xff00ff) | (odd[i] & 0xff00ff00);
  }
  return { width, height, data: new Uint8ClampedArray(out.buffer) };
}

/** Taps of one axis: weights in 1/256 of source pixels that follow each other; those of a target pixel sum to 256. */
interface Taps {
  /** Target pixel i has the weights from[i] to from[i + 1]. */
  readonly from: Int32Array;
  /** The source pixel of its first weight. */
  readonly first: Int32Array;
  readonly weight: Int32Array;
}

function resizeRow(
  source: Uint32Array,
  start: number,
  { from, first, weight }: Taps,
  row: Uint32Array,
): void {
  for (let i = 0, t = 0; i < row.length; i++) {
    let even = 0x800080, odd = 0x800080;
    for (let p = start + first[i], end = from[i + 1]; t < end; t++, p++) {
      const word = source[p], w = weight[t];
      even = even + Math.imul(word & 0xff00ff, w) | 0; // a word, not a number that has outgrown it
      odd = odd + Math.imul(word >>> 8 & 0xff00ff, w) | 0;
    }
    row[i] = (even >>> 8 & 0xff00ff) | (odd & 0xff00ff00);
  }
}

function axisTaps(source: number, target: number): Taps {
  const scale = source / target;
  const from = new Int32Array(target + 1), first = new Int32Array(target), weight: number[] = [];
  for (let i = 0; i < target; i++) {
    if (scale <= 1) {
      const at = clamp((i + 0.5) * scale - 0.5, 0, source - 1);
      const next = Math.round((at - Math.floor(at)) * 256);
      first[i] = Math.floor(at);
      weight.push(256 - next);
      if (next > 0) weight.push(next);
    } else {
      const start = i * scale, end = Math.min((i + 1) * scale, source);
      const covered = (to: number) => Math.round((to - start) / (end - start) * 256);
      first[i] = Math.floor(start);
      for (let j = first[i]; j < end; j++) {
        weight.push(covered(Math.min(j + 1, end)) - covered(Math.max(j, start)));
      }
    }
    from[i + 1] = weight.length;
  }
  return { from, first, weight: Int32Array.from(weight) };
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
