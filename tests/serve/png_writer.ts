/** Writes PNG of every kind, as the standard describes it, for tests of decoders. */

/** What kind of PNG. */
export interface PngKind {
  readonly width: number;
  readonly height: number;
  /** 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA. */
  readonly colour: number;
  readonly interlaced: boolean;
  /** Content of PLTE and tRNS. */
  readonly palette?: Uint8Array;
  readonly transparent?: Uint8Array;
  /** More chunks before the data: name and content. */
  readonly extra?: readonly [name: string, content: Uint8Array][];
}

const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** A PNG whose sample (x, y, s) is `sample(x, y, s)` in its own depth; the five filters take turns. */
export async function writePng(
  kind: PngKind,
  sample: (x: number, y: number, s: number) => number,
): Promise<Uint8Array<ArrayBuffer>> {
  const { width, height, depth, colour } = kind;
  const samples = SAMPLES[colour], step = Math.max(1, samples * depth / 8);
  const passes = kind.interlaced
    ? [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]]
      .map(([x, y, dx, dy]) => ({ xs: range(x, width, dx), ys: range(y, height, dy) }))
    : [{ xs: range(0, width, 1), ys: range(0, height, 1) }];
  const raw: number[] = [];
  for (const { xs, ys } of passes) {
    if (xs.length === 0) continue;
    let above: number[] = [];
    ys.forEach((y, turn) => {
      const bits = xs.flatMap((x) =>
        Array.from({ length: samples }, (_, s) => sample(x, y, s).toString(2).padStart(depth, "0"))
      ).join("");
      const row = range(0, bits.length, 8).map((at) => parseInt(bits.slice(at, at + 8).padEnd(8, "0"), 2));
      const filter = turn % 5;
      raw.push(
        filter,
        ...row.map((value, i) => {
          const left = row[i - step] ?? 0, up = above[i] ?? 0, corner = above[i - step] ?? 0;
          const guess = left + up - corner;
          const nearest = [left, up, corner].reduce((best, candidate) =>
            Math.abs(guess - candidate) < Math.abs(guess - best) ? candidate : best
          );
          return (value - [0, left, up, Math.floor((left + up) / 2), nearest][filter]) & 255;
        }),
      );
      above = row;
    });
  }
  return pngOf(kind, await deflate(Uint8Array.from(raw)));
}

/** A PNG of that kind around ready zlib data, which is cut into two IDAT chunks. */
export function pngOf(kind: PngKind, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, kind.width);
  view.setUint32(4, kind.height);
  header.set([kind.depth, kind.colour, 0, 0, kind.interlaced ? 1 : 0], 8);
  const half = data.length >> 1;
  const chunks = [
    chunk("IHDR", header),
    ...(kind.extra ?? []).map(([name, content]) => chunk(name, content)),
  ];
  if (kind.palette) chunks.push(chunk("PLTE", kind.palette));
  if (kind.transparent) chunks.push(chunk("tRNS", kind.transparent));
  chunks.push(chunk("IDAT", data.subarray(0, half)), chunk("IDAT", data.subarray(half)));
  chunks.push(chunk("IEND", new Uint8Array()));
  return Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, ...chunks.flatMap((bytes) => [...bytes])]);
}

/** The bytes as a zlib stream. */
export async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function chunk(name: string, content: Uint8Array): Uint8Array {
  const out = new Uint8Array(content.length + 12), view = new DataView(out.buffer);
  view.setUint32(0, content.length);
  out.set(new TextEncoder().encode(name), 4);
  out.set(content, 8);
  let crc = -1;
  for (const byte of out.subarray(4, content.length + 8)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  view.setUint32(content.length + 8, ~crc);
  return out;
}

function range(from: number, to: number, step: number): number[] {
  const out: number[] = [];
  for (let value = from; value < to; value += step) out.push(value);
  return out;
}
