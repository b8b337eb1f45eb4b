/**
 * A picture made smaller without rounding: a finder that sees a face 40 pixels wide tells half a level of brightness
 * from none, and would put its points elsewhere for it.
 * @module
 */
import { checkPixels, type Pixels, words } from "./resample.ts";

/** For each pixel of a smaller row the pixels of the larger that it covers, the first and the last of them in part. */
interface Cover {
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** Shares of the mean: of the first pixel, of the last, and of each between them. */
  readonly head: Float64Array;
  readonly tail: Float64Array;
  readonly inner: number;
}

/**
 * The picture at a size that is no larger, as [height, width, 3] of means from 0 to 255 over the area of each pixel,
 * handed over row by row.
 */
export function shrinkRows(
  image: Pixels,
  width: number,
  height: number,
  take: (y: number, row: Float64Array) => void,
): void {
  checkPixels(image);
  if (!(width >= 1 && width <= image.width && height >= 1 && height <= image.height)) {
    throw new RangeError(`Cannot shrink ${image.width} x ${image.height} to ${width} x ${height}.`);
  }
  const source = words(image), across = coverOf(image.width, width), down = coverOf(image.height, height);
  const row = new Float64Array(3 * width), sum = new Float64Array(3 * width);
  let held = -1;
  for (let j = 0; j < height; j++) {
    sum.fill(0);
    for (let y = down.first[j]; y <= down.last[j]; y++) {
      const share = y === down.first[j] ? down.head[j] : y === down.last[j] ? down.tail[j] : down.inner;
      if (held !== y) meanOfRow(source, y * image.width, across, row);
      held = y; // the next row of the smaller picture may begin within this one
      for (let i = 0; i < row.length; i++) sum[i] += row[i] * share;
    }
    take(j, sum);
  }
}

function meanOfRow(
  source: Uint32Array,
  start: number,
  { first, last, head, tail, inner }: Cover,
  row: Float64Array,
): void {
  for (let i = 0, at = 0; i < first.length; i++, at += 3) {
    const from = start + first[i], to = start + last[i];
    const one = source[from], other = source[to], a = head[i], b = tail[i];
    let red = 0, green = 0, blue = 0;
    for (let p = from + 1; p < to; p++) {
      const word = source[p];
      red += word & 0xff;
      green += word >>> 8 & 0xff;
      blue += word >>> 16 & 0xff;
    }
    row[at] = (one & 0xff) * a + (other & 0xff) * b + red * inner;
    row[at + 1] = (one >>> 8 & 0xff) * a + (other >>> 8 & 0xff) * b + green * inner;
    row[at + 2] = (one >>> 16 & 0xff) * a + (other >>> 16 & 0xff) * b + blue * inner;
  }
}

function coverOf(source: number, target: number): Cover {
  const scale = source / target;
  const cover = {
    first: new Int32Array(target),
    last: new Int32Array(target),
    head: new Float64Array(target),
    tail: new Float64Array(target),
    inner: 1 / scale,
  };
  for (let i = 0; i < target; i++) {
    const from = i * scale, to = Math.min(source, (i + 1) * scale);
    const first = Math.floor(from), last = Math.min(source - 1, Math.max(first, Math.ceil(to - 1e-9) - 1));
    cover.first[i] = first;
    cover.last[i] = last;
    cover.head[i] = last === first ? 1 : (first + 1 - from) / scale;
    cover.tail[i] = last === first ? 0 : (to - last) / scale;
  }
  return cover;
}
