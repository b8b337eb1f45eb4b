/**
 * Crop, resize and blur of views. Half of a view's time goes here, so loops run along rows, over plain local arrays and
 * without conditions inside; `deno task bench input` measures them.
 */
/** An RGB picture, 3 bytes a pixel, row by row. */
export interface RgbImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** A rectangle in pixels. */
export interface Crop {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * The crop at `size` px by a separable triangle filter, widened when shrinking so that nothing aliases.
 * @returns [size, size, 3], 0 to 255
 */
export function resample(image: RgbImage, crop: Crop, flip: boolean, size: number): Float32Array {
  const columns = taps(crop.x, crop.width, image.width, size, flip);
  const rows = taps(crop.y, crop.height, image.height, size, false);
  const top = rows.first[0], bottom = rows.first[size - 1] + rows.count[size - 1];
  const stride = size * 3;
  const narrow = new Float32Array((bottom - top) * stride);
  const { data } = image, { first, count, weights, most } = columns;
  for (let y = top, to = 0; y < bottom; y++) {
    const row = y * image.width;
    for (let x = 0; x < size; x++, to += 3) {
      let r = 0, g = 0, b = 0;
      const end = x * most + count[x];
      for (let w = x * most, p = (row + first[x]) * 3; w < end; w++, p += 3) {
        const weight = weights[w];
        r += weight * data[p];
        g += weight * data[p + 1];
        b += weight * data[p + 2];
      }
      narrow[to] = r;
      narrow[to + 1] = g;
      narrow[to + 2] = b;
    }
  }
  const pixels = new Float32Array(size * stride);
  for (let y = 0; y < size; y++) {
    const to = y * stride, from = (rows.first[y] - top) * stride, w = y * rows.most, n = rows.count[y];
    const first = rows.weights[w],
      second = n > 1 ? rows.weights[w + 1] : 0,
      next = n > 1 ? from + stride : from;
    for (let i = 0; i < stride; i++) pixels[to + i] = first * narrow[from + i] + second * narrow[next + i];
    for (let t = 2; t < n; t++) {
      const weight = rows.weights[w + t], more = from + t * stride;
      for (let i = 0; i < stride; i++) pixels[to + i] += weight * narrow[more + i];
    }
  }
  return pixels;
}

/** For each of `size` outputs: the first input pixel, how many, and their weights. */
function taps(start: number, length: number, limit: number, size: number, reverse: boolean) {
  const scale = length / size, radius = Math.max(1, scale);
  const most = Math.ceil(2 * radius) + 1;
  const first = new Int32Array(size), count = new Int32Array(size), weights = new Float32Array(size * most);
  for (let i = 0; i < size; i++) {
    const centre = start + ((reverse ? size - 1 - i : i) + 0.5) * scale;
    const from = Math.max(0, Math.floor(centre - radius + 0.5));
    const to = Math.min(limit, Math.max(from + 1, Math.floor(centre + radius + 0.5)));
    first[i] = Math.min(from, limit - 1);
    count[i] = to - first[i];
    let sum = 0;
    for (let t = 0; t < count[i]; t++) {
      const weight = Math.max(0, 1 - Math.abs(first[i] + t + 0.5 - centre) / radius);
      sum += weights[i * most + t] = weight;
    }
    for (let t = 0; t < count[i]; t++) weights[i * most + t] /= sum;
  }
  return { first, count, weights, most };
}

/** Gaussian blur of [size, size, 3], edges replicated, cut off at three deviations. */
export function blur(pixels: Float32Array, size: number, deviation: number): Float32Array {
  const radius = Math.ceil(3 * deviation), stride = 3 * size;
  const bell = Float64Array.from({ length: radius + 1 }, (_, t) => Math.exp(-0.5 * (t / deviation) ** 2));
  const sum = bell.reduce((total, value, t) => total + (t === 0 ? value : 2 * value), 0);
  const kernel = bell.map((value) => value / sum);

  const across = new Float32Array(pixels.length);
  const line = new Float32Array(stride + 6 * radius); // a row with its edges replicated
  for (let y = 0; y < size; y++) {
    const row = y * stride, end = 3 * radius + stride;
    line.set(pixels.subarray(row, row + stride), 3 * radius);
    for (let i = 0; i < 3 * radius; i++) {
      line[i] = line[3 * radius + i % 3];
      line[end + i] = line[end - 3 + i % 3];
    }
    for (let i = 0; i < stride; i++) {
      const centre = i + 3 * radius;
      let value = kernel[0] * line[centre];
      for (let t = 1, d = 3; t <= radius; t++, d += 3) {
        value += kernel[t] * (line[centre - d] + line[centre + d]);
      }
      across[row + i] = value;
    }
  }

  const down = new Float32Array(pixels.length);
  for (let y = 0; y < size; y++) {
    const row = y * stride;
    for (let i = 0; i < stride; i++) down[row + i] = kernel[0] * across[row + i];
    for (let t = 1; t <= radius; t++) {
      const weight = kernel[t],
        above = Math.max(0, y - t) * stride,
        below = Math.min(size - 1, y + t) * stride;
      for (let i = 0; i < stride; i++) down[row + i] += weight * (across[above + i] + across[below + i]);
    }
  }
  return down;
}
