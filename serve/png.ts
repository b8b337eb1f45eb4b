/**
 * PNG to pixels without native code. The wasm decoders at hand keep a picture's memory for good when one is broken,
 * which a server cannot afford; the hard part, inflating, is the platform's own DecompressionStream.
 * @module
 */
import { ImageError } from "@emoco/web/image-header";

/** Samples a pixel for each PNG colour type, and the bit depths that the standard allows it. */
const COLOUR_TYPES: Record<number, { samples: number; depths: readonly number[] }> = {
  0: { samples: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, depths: [8, 16] },
  3: { samples: 1, depths: [1, 2, 4, 8] },
  4: { samples: 2, depths: [8, 16] },
  6: { samples: 4, depths: [8, 16] },
};
/** Adam7: where each pass begins and how far apart its pixels are, x and y. */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [
  0,
  1,
  1,
  2,
]];

/** Compressed bytes that are inflated at a time. */
const PIECE = 16_384;

interface Format {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly samples: number;
  readonly passes: readonly (readonly number[])[];
  readonly palette?: Uint8Array;
  readonly transparent?: Uint8Array;
}

/** Decodes a PNG whose header was read; RGBA, 8 bits a sample. Rows are unpacked as they are inflated. */
export async function decodePng(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const { format, data } = readChunks(bytes);
  const out = new Uint8ClampedArray(format.width * format.height * 4);
  const step = Math.max(1, format.samples * format.depth >> 3);
  const rows = inflateRows(data, rowLengths(format));
  for (const [x0, y0, dx, dy] of format.passes) {
    const length = rowLength(format, x0, dx);
    let above = new Uint8Array(length);
    for (let y = y0; length > 0 && y < format.height; y += dy) {
      const { value } = await rows.next();
      if (!value) throw broken("its picture data ends early");
      const row = unfilter(value, above, step);
      writeRow(row, format, out, (y * format.width + x0) * 4, dx * 4, Math.ceil((format.width - x0) / dx));
      above = row;
    }
  }
  await rows.return(undefined);
  return out;
}

function readChunks(bytes: Uint8Array<ArrayBuffer>): { format: Format; data: Uint8Array<ArrayBuffer>[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data: Uint8Array<ArrayBuffer>[] = [];
  let palette: Uint8Array | undefined, transparent: Uint8Array | undefined;
  for (let at = 8; at < bytes.length; at += 12 + view.getUint32(at)) {
    const chunk = bytes.subarray(at + 8, at + 8 + view.getUint32(at));
    const kind = view.getUint32(at + 4);
    if (kind === 0x49444154) data.push(chunk); // IDAT
    else if (kind === 0x504c5445) palette = chunk; // PLTE
    else if (kind === 0x74524e53) transparent = chunk; // tRNS
    else if (kind === 0x49454e44) break; // IEND
  }
  const [depth, colour, compression, filter, interlace] = bytes.subarray(24, 29);
  const type = COLOUR_TYPES[colour];
  if (!type?.depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw broken("its header names a format that does not exist");
  }
  if (colour === 3 && !palette) throw broken("its palette is missing");
  const passes = interlace ? ADAM7 : [[0, 0, 1, 1]];
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  return { format: { ...size, depth, colour, samples: type.samples, passes, palette, transparent }, data };
}

function rowLength({ width, samples, depth }: Format, x0: number, dx: number): number {
  return Math.ceil(Math.max(0, Math.ceil((width - x0) / dx)) * samples * depth / 8);
}

/** Bytes of each row, its filter byte included, in the order of the file. */
function* rowLengths(format: Format): Generator<number> {
  for (const [x0, y0, dx, dy] of format.passes) {
    const length = rowLength(format, x0, dx);
    for (let y = y0; length > 0 && y < format.height; y += dy) yield length + 1;
  }
}

/** The rows as they come out of the zlib stream; what follows the last row is never inflated. */
async function* inflateRows(
  chunks: Uint8Array<ArrayBuffer>[],
  lengths: Generator<number>,
): AsyncGenerator<Uint8Array> {
  // Small pieces, since the platform inflates each one whole: zlib can turn one byte into a thousand.
  const pieces = chunks.flatMap((chunk) =>
    Array.from(
      { length: Math.ceil(chunk.length / PIECE) },
      (_, i) => chunk.subarray(i * PIECE, (i + 1) * PIECE),
    )
  );
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece) controller.enqueue(piece);
      else controller.close();
    },
  });
  const reader = source.pipeThrough(new DecompressionStream("deflate")).getReader();
  let part: Uint8Array = new Uint8Array(0), at = 0;
  try {
    for (const length of lengths) {
      const row = new Uint8Array(length);
      for (let filled = 0; filled < length;) {
        if (at === part.length) {
          const { value, done } = await reader.read();
          if (done) return;
          [part, at] = [value, 0];
        }
        const taken = part.subarray(at, at + length - filled);
        row.set(taken, filled);
        filled += taken.length;
        at += taken.length;
      }
      yield row;
    }
  } catch (error) {
    throw broken("its picture data cannot be inflated", error);
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Undoes a row's filter (PNG 9.2); `row` starts with the filter's number, `step` is the bytes of a pixel. */
function unfilter(row: Uint8Array, above: Uint8Array, step: number): Uint8Array<ArrayBuffer> {
  const filter = row[0], out = row.slice(1);
  if (filter > 4) throw broken(`it uses filter ${filter}`);
  for (let i = 0; i < out.length && filter > 0; i++) {
    const a = i < step ? 0 : out[i - step], b = above[i], c = i < step ? 0 : above[i - step];
    if (filter === 1) out[i] += a;
    else if (filter === 2) out[i] += b;
    else if (filter === 3) out[i] += (a + b) >> 1;
    else {
      const da = Math.abs(b - c), db = Math.abs(a - c), dc = Math.abs(a + b - 2 * c);
      out[i] += da <= db && da <= dc ? a : db <= dc ? b : c;
    }
  }
  return out;
}

/** Writes a row's pixels as RGBA, `stride` bytes from one to the next. */
function writeRow(
  row: Uint8Array,
  { depth, colour, samples, palette, transparent }: Format,
  out: Uint8ClampedArray,
  start: number,
  stride: number,
  count: number,
): void {
  const mask = (1 << Math.min(depth, 8)) - 1;
  // Sample i in its own depth; scaled to 8 bits, 16 of them are cut to the upper 8.
  const raw = (i: number) =>
    depth === 8
      ? row[i]
      : depth === 16
      ? row[2 * i] << 8 | row[2 * i + 1]
      : row[i * depth >> 3] >> 8 - depth - i * depth % 8 & mask;
  const scaled = (i: number) => depth === 8 ? row[i] : depth === 16 ? row[2 * i] : raw(i) * 255 / mask;
  // The one colour that counts as transparent, in the picture's own depth.
  const key = transparent && colour !== 3
    ? Array.from({ length: samples }, (_, i) => transparent[2 * i] << 8 | transparent[2 * i + 1])
    : undefined;
  for (let i = 0, at = start; i < count; i++, at += stride) {
    const first = i * samples;
    if (colour === 3) {
      const index = raw(i);
      if (index * 3 >= palette!.length) throw broken("it uses a colour that its palette does not hold");
      out.set(palette!.subarray(index * 3, index * 3 + 3), at);
      out[at + 3] = transparent?.[index] ?? 255;
    } else {
      out[at] = scaled(first);
      out[at + 1] = samples < 3 ? out[at] : scaled(first + 1);
      out[at + 2] = samples < 3 ? out[at] : scaled(first + 2);
      out[at + 3] = samples % 2 === 0
        ? scaled(first + samples - 1)
        : key?.every((value, s) => raw(first + s) === value)
        ? 0
        : 255;
    }
  }
}

function broken(what: string, cause?: unknown): ImageError {
  return new ImageError("broken", `The PNG is broken: ${what}.`, { cause });
}
