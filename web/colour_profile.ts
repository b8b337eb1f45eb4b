/**
 * ICC profiles: from the colours of a picture to sRGB, the same for every decoder. Profiles of matrices and curves are
 * read (cameras, phones, screens, Adobe RGB, ProPhoto, grey); those of tables, which printers and scanners have, count
 * as sRGB. ICC.1:2022, sections 8 to 10.
 * @module
 */
import type { ImageHeader } from "./image_header.ts";

/** Linear steps in which sRGB's curve is tabulated: fine enough that neighbours differ by less than a level. */
const STEPS = 1 << 14;
/** From XYZ under D50, ICC's light, to linear sRGB: the inverse of sRGB's own colourants in its profile. */
const TO_SRGB = [
  [3.1341359, -1.6173986, -0.4906619],
  [-0.9787955, 1.9162543, 0.0334427],
  [0.0719554, -0.2289769, 1.4053861],
];

type Curve = (value: number) => number;

/** What turns a picture's colours into sRGB, in place; RGBA, 8 bits a sample. */
export type ToSrgb = (data: Uint8ClampedArray | Uint8Array) => void;

/** What turns the colours of a file's picture into sRGB, where they are others. */
export async function profileOf({ profile }: ImageHeader): Promise<ToSrgb | undefined> {
  if (!profile) return undefined;
  const packed = new Blob(profile.parts as Uint8Array<ArrayBuffer>[]);
  try {
    const stream = profile.isPacked
      ? packed.stream().pipeThrough(new DecompressionStream("deflate"))
      : undefined;
    return readProfile(new Uint8Array(await (stream ? new Response(stream) : packed).arrayBuffer()));
  } catch {
    return undefined; // damaged: the picture is shown as if it had none
  }
}

/** Reads a profile; nothing where it is one of tables, or damaged, or means what sRGB means. */
export function readProfile(bytes: Uint8Array): ToSrgb | undefined {
  let levels: Float64Array[], matrix: number[][];
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const space = text(bytes, 16), tags = readTags(bytes, view);
    if (text(bytes, 36) !== "acsp" || text(bytes, 20) !== "XYZ " || tags.has("A2B0")) return undefined;
    const curve = (name: string) => tabulate(readCurve(view, tags.get(name)!));
    if (space === "GRAY" && tags.has("kTRC")) return greyOf(curve("kTRC"));
    if (space !== "RGB " || !tags.has("rXYZ")) return undefined;
    levels = ["rTRC", "gTRC", "bTRC"].map(curve);
    const columns = ["rXYZ", "gXYZ", "bXYZ"].map((name) => readXyz(view, tags.get(name)!));
    matrix = TO_SRGB.map((row) => columns.map((xyz) => row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]));
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined; // read past its end, or no tag
    throw error;
  }
  const convert = rgbOf(levels, matrix);
  return isSrgb(convert) ? undefined : convert;
}

function rgbOf([red, green, blue]: readonly Float64Array[], [r, g, b]: readonly number[][]): ToSrgb {
  return (data) => {
    for (let i = 0; i < data.length; i += 4) {
      const x = red[data[i]], y = green[data[i + 1]], z = blue[data[i + 2]];
      data[i] = encode(r[0] * x + r[1] * y + r[2] * z);
      data[i + 1] = encode(g[0] * x + g[1] * y + g[2] * z);
      data[i + 2] = encode(b[0] * x + b[1] * y + b[2] * z);
    }
  };
}

function greyOf(levels: Float64Array): ToSrgb | undefined {
  const table = Uint8Array.from(levels, encode);
  if (table.every((value, i) => Math.abs(value - i) <= 1)) return undefined;
  return (data) => {
    for (let i = 0; i < data.length; i += 4) {
      for (let c = i; c < i + 3; c++) data[c] = table[data[c]];
    }
  };
}

/** Whether a conversion changes nothing that could be seen: most profiles are sRGB's own, rounded. */
function isSrgb(convert: ToSrgb): boolean {
  const steps = [0, 16, 64, 128, 200, 255];
  const before = steps.flatMap((r) => steps.flatMap((g) => steps.flatMap((b) => [r, g, b, 255])));
  const after = Uint8ClampedArray.from(before);
  convert(after);
  return before.every((value, i) => Math.abs(value - after[i]) <= 2);
}

const SRGB = Uint8Array.from({ length: STEPS + 1 }, (_, i) => {
  const linear = i / STEPS;
  return Math.round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
});

function encode(linear: number): number {
  return SRGB[linear <= 0 ? 0 : linear >= 1 ? STEPS : Math.round(linear * STEPS)];
}

function tabulate(curve: Curve): Float64Array {
  return Float64Array.from({ length: 256 }, (_, i) => curve(i / 255));
}

/** Where each tag's data begin. */
function readTags(bytes: Uint8Array, view: DataView): Map<string, number> {
  const count = Math.min(view.getUint32(128), 200);
  return new Map(Array.from({ length: count }, (_, i) => {
    const at = 132 + 12 * i;
    return [text(bytes, at), view.getUint32(at + 4)];
  }));
}

function readXyz(view: DataView, at: number): [number, number, number] {
  return [fixed(view, at + 8), fixed(view, at + 12), fixed(view, at + 16)];
}

/** From the picture's value to light, both 0-1: a table, a power, or one of the parametric forms (10.6, 10.18). */
function readCurve(view: DataView, at: number): Curve {
  const kind = view.getUint32(at);
  if (kind === 0x63757276) { // curv
    const count = view.getUint32(at + 8);
    if (count === 0) return (value) => value;
    if (count === 1) {
      const power = view.getUint16(at + 12) / 256;
      return (value) => value ** power;
    }
    const table = Float64Array.from({ length: count }, (_, i) => view.getUint16(at + 12 + 2 * i) / 65535);
    return (value) => {
      const place = value * (count - 1), below = Math.min(count - 2, Math.floor(place)), part = place - below;
      return table[below] * (1 - part) + table[below + 1] * part;
    };
  }
  if (kind !== 0x70617261) throw new TypeError("neither curv nor para");
  const form = view.getUint16(at + 8), numbers = [1, 3, 4, 5, 7][form];
  if (numbers === undefined) throw new TypeError(`parametric curve ${form}`);
  const [g, a = 1, b = 0, c = 0, d = 0, e = 0, f = 0] = Array.from(
    { length: numbers },
    (_, i) => fixed(view, at + 12 + 4 * i),
  );
  const power = (value: number) => Math.max(0, a * value + b) ** g;
  if (form === 0) return (value) => value ** g;
  if (form === 1) return (value) => value >= -b / a ? power(value) : 0;
  if (form === 2) return (value) => value >= -b / a ? power(value) + c : c;
  return (value) => value >= d ? power(value) + e : c * value + f;
}

function fixed(view: DataView, at: number): number {
  return view.getInt32(at) / 65536;
}

function text(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}
