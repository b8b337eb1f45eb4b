/** NumPy's .npz archives and .npy files, as far as head packs and data sets need them (the NPY format, version 1.0). */
import { unzipSync, zipSync } from "fflate";

/** One array of an archive; float16 is widened to Float32Array, text becomes a list of strings. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | readonly string[];
}

/** Reads an .npy file; 64-bit integers become float64. @throws {Error} naming what cannot be read */
export function parseNpy(name: string, bytes: Uint8Array): NpyArray {
  const magic = String.fromCharCode(...bytes.subarray(1, 6));
  if (bytes.length < 10 || bytes[0] !== 0x93 || magic !== "NUMPY") {
    throw new Error(`array "${name}" is not in NumPy's format; make the pack again`);
  }
  const long = bytes[6] > 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = long ? 12 : 10;
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder().decode(bytes.subarray(start, end));
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1].split(",").filter((s) => s.trim()).map(Number);
  if (!type || !shape) throw new Error(`array "${name}" has an unreadable header; make the pack again`);
  if (/'fortran_order':\s*True/.test(header) && shape.length > 1) {
    throw new Error(`array "${name}" is in Fortran order; save it in C order`);
  }
  const count = shape.reduce((a, b) => a * b, 1);
  const width = type.startsWith("<U") ? 4 * Number(type.slice(2)) : Number(type.slice(2));
  if (end + count * width > bytes.length) {
    throw new Error(`array "${name}" is cut short; copy or make the pack again`);
  }
  const body = bytes.slice(end, end + count * width).buffer;
  if (type === "<f4") return { shape, data: new Float32Array(body) };
  if (type === "<f2") return { shape, data: Float32Array.from(new Float16Array(body)) };
  if (type === "<f8") return { shape, data: new Float64Array(body) };
  if (type === "<i8") return { shape, data: Float64Array.from(new BigInt64Array(body), Number) };
  if (type === "<i4") return { shape, data: new Int32Array(body) };
  if (type === "|u1") return { shape, data: new Uint8Array(body) };
  if (type.startsWith("<U")) {
    const letters = new Uint32Array(body);
    const texts: string[] = [];
    for (let i = 0; i < count; i++) {
      const word = letters.subarray(i * width / 4, (i + 1) * width / 4);
      texts.push(String.fromCodePoint(...word).replace(/\0+$/, ""));
    }
    return { shape, data: texts };
  }
  throw new Error(`array "${name}" has type ${type}; expected float16 to 64, int32, int64, uint8 or text`);
}

/** Reads every array of an .npz archive; throws an Error naming what cannot be read. */
export function readNpz(bytes: Uint8Array): Map<string, NpyArray> {
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes);
  } catch (error) {
    throw new Error("not an .npz archive (it does not unzip)", { cause: error });
  }
  const arrays = new Map<string, NpyArray>();
  for (const [file, content] of Object.entries(files)) {
    const name = file.replace(/\.npy$/, "");
    arrays.set(name, parseNpy(name, content));
  }
  return arrays;
}

function encodeNpy(array: NpyArray, half: boolean): Uint8Array {
  let type: string;
  let body: Uint8Array;
  const { data } = array;
  if (data instanceof Float32Array) {
    type = half ? "<f2" : "<f4";
    const values = half ? Float16Array.from(data) : data.slice();
    body = new Uint8Array(values.buffer);
  } else if (data instanceof Float64Array) {
    type = "<f8";
    body = new Uint8Array(data.slice().buffer);
  } else if (data instanceof Int32Array) {
    type = "<i4";
    body = new Uint8Array(data.slice().buffer);
  } else if (data instanceof Uint8Array) {
    type = "|u1";
    body = data;
  } else {
    const length = Math.max(1, ...data.map((text) => [...text].length));
    const letters = new Uint32Array(length * data.length);
    data.forEach((text, i) => [...text].forEach((c, j) => letters[i * length + j] = c.codePointAt(0)!));
    type = `<U${length}`;
    body = new Uint8Array(letters.buffer);
  }
  const shape = array.shape.length === 1 ? `${array.shape[0]},` : array.shape.join(", ");
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const out = new Uint8Array(10 + padded.length + body.length);
  out.set([0x93, 78, 85, 77, 80, 89, 1, 0, padded.length & 255, padded.length >> 8]);
  out.set(new TextEncoder().encode(padded), 10);
  out.set(body, 10 + padded.length);
  return out;
}

/** Writes arrays as an .npz archive; those named in `half` are stored as float16. Same input, same bytes. */
export function writeNpz(arrays: ReadonlyMap<string, NpyArray>, half: ReadonlySet<string>): Uint8Array {
  const files: Record<string, Uint8Array> = {};
  for (const [name, array] of arrays) files[`${name}.npy`] = encodeNpy(array, half.has(name));
  return zipSync(files, { level: 6, mtime: "2000-01-01T00:00:00" });
}
