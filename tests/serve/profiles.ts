/** ICC profiles of matrices and curves, made from the chromaticities that their standards name, and put into files. */
import { deflateSync } from "node:zlib";

type Row = readonly [number, number, number];

/** White of D65, and Bradford's way from it to ICC's D50. */
const D65: Row = [0.95047, 1, 1.08883], D50: Row = [0.9642, 1, 0.8249];
const BRADFORD: readonly Row[] = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [
  0.0389,
  -0.0685,
  1.0296,
]];

const times = (m: readonly Row[], v: Row): Row =>
  m.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]) as unknown as Row;

function inverse([[a, b, c], [d, e, f], [g, h, i]]: readonly Row[]): Row[] {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  return [
    [(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
    [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
    [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det],
  ];
}

/** XYZ of the three primaries under D50. */
function colourants(xy: readonly (readonly [number, number])[], white: Row): Row[] {
  const xyz = xy.map(([x, y]): Row => [x / y, 1, (1 - x - y) / y]);
  const columns: Row[] = [0, 1, 2].map((r) => [xyz[0][r], xyz[1][r], xyz[2][r]]);
  const scale = times(inverse(columns), white);
  const from = times(BRADFORD, white), to = times(BRADFORD, D50);
  return xyz.map((one, i) => {
    const cone = times(BRADFORD, one.map((value) => value * scale[i]) as unknown as Row);
    return times(inverse(BRADFORD), [
      cone[0] * to[0] / from[0],
      cone[1] * to[1] / from[1],
      cone[2] * to[2] / from[2],
    ]);
  });
}

const fixed = (values: readonly number[]) => {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  values.forEach((value, i) => view.setInt32(4 * i, Math.round(value * 65536)));
  return new Uint8Array(view.buffer);
};
const ascii = (text: string) => new TextEncoder().encode(text);
const join = (...parts: Uint8Array[]) => new Uint8Array(parts.flatMap((part) => [...part]));
const number = (value: number, bytes: number) =>
  Uint8Array.from({ length: bytes }, (_, i) => value >> 8 * (bytes - 1 - i) & 255);

/** A profile of the display class, version 4. */
function profile(primaries: Row[], curve: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = (value: string) =>
    join(
      ascii("mluc"),
      number(0, 4),
      number(1, 4),
      number(12, 4),
      ascii("enUS"),
      number(2 * value.length, 4),
      number(28, 4),
      join(...[...value].map((letter) => number(letter.charCodeAt(0), 2))),
    );
  const xyz = (values: Row) => join(ascii("XYZ "), number(0, 4), fixed(values));
  const data: [string, Uint8Array][] = [
    ["desc", text("test")],
    ["cprt", text("none")],
    ["wtpt", xyz(D50)],
    ["rXYZ", xyz(primaries[0])],
    ["gXYZ", xyz(primaries[1])],
    ["bXYZ", xyz(primaries[2])],
    ["rTRC", curve],
    ["gTRC", curve],
    ["bTRC", curve],
  ];
  let at = 132 + 12 * data.length;
  const table: Uint8Array[] = [], body: Uint8Array[] = [];
  for (const [name, bytes] of data) {
    table.push(ascii(name), number(at, 4), number(bytes.length, 4));
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    body.push(padded);
    at += padded.length;
  }
  const header = new Uint8Array(128);
  header.set(number(at, 4), 0);
  header.set([4, 0x20, 0, 0], 8);
  header.set(ascii("mntrRGB XYZ "), 12);
  header.set(ascii("acsp"), 36);
  header.set(fixed(D50), 68);
  return new Uint8Array(join(header, number(data.length, 4), ...table, ...body));
}

const power = (gamma: number) =>
  join(ascii("curv"), number(0, 4), number(1, 4), number(Math.round(gamma * 256), 2));
const srgbCurve = () =>
  join(
    ascii("para"),
    number(0, 4),
    number(3, 2),
    number(0, 2),
    fixed([2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045]),
  );
/** The same as a table. */
const srgbTable = () => {
  const values = Array.from({ length: 1024 }, (_, i) => {
    const value = i / 1023;
    return Math.round(65535 * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  });
  return join(ascii("curv"), number(0, 4), number(1024, 4), ...values.map((value) => number(value, 2)));
};

/** Profiles by name: Display P3 (phones), ProPhoto, Adobe RGB, and sRGB itself. */
export const PROFILES = {
  p3: () => profile(colourants([[0.68, 0.32], [0.265, 0.69], [0.15, 0.06]], D65), srgbTable()),
  prophoto: () =>
    profile(colourants([[0.7347, 0.2653], [0.1596, 0.8404], [0.0366, 0.0001]], D50), power(1.8)),
  adobe: () => profile(colourants([[0.64, 0.33], [0.21, 0.71], [0.15, 0.06]], D65), power(2.19921875)),
  srgb: () => profile(colourants([[0.64, 0.33], [0.3, 0.6], [0.15, 0.06]], D65), srgbCurve()),
};

/** A file with a profile put into it, its pixels as they were; a JPEG's in two parts. */
export function withProfile(
  bytes: Uint8Array,
  format: "jpeg" | "png" | "webp",
  icc: Uint8Array,
): Uint8Array<ArrayBuffer> {
  if (format === "jpeg") {
    const cut = icc.length >> 1;
    const parts = [icc.subarray(0, cut), icc.subarray(cut)].map((part, i) =>
      join(
        Uint8Array.of(0xff, 0xe2),
        number(part.length + 16, 2),
        ascii("ICC_PROFILE\0"),
        Uint8Array.of(i + 1, 2),
        part,
      )
    );
    return new Uint8Array(join(bytes.subarray(0, 2), ...parts, bytes.subarray(2)));
  }
  if (format === "png") {
    const content = join(ascii("iCCPtest\0\0"), deflateSync(icc));
    const chunk = join(number(content.length - 4, 4), content, number(crc32(content), 4));
    return new Uint8Array(join(bytes.subarray(0, 33), chunk, bytes.subarray(33)));
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset), bits = view.getUint32(21, true); // VP8L
  const [width, height] = [bits & 0x3fff, bits >>> 14 & 0x3fff],
    little = (value: number, count: number) => number(value, count).reverse();
  const padded = icc.length % 2 ? join(icc, Uint8Array.of(0)) : icc;
  const body = join(
    ascii("WEBPVP8X"),
    little(10, 4),
    little(0x20, 4),
    little(width, 3),
    little(height, 3),
    ascii("ICCP"),
    little(icc.length, 4),
    padded,
    bytes.subarray(12),
  );
  return new Uint8Array(join(ascii("RIFF"), little(body.length, 4), body));
}

function crc32(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc;
}
