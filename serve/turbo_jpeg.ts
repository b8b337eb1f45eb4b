/**
 * libjpeg-turbo, called in place: JPEG to RGBA, a half, quarter or eighth of its size where that is asked for, and only
 * a part of it. The library comes with @julusian/jpeg-turbo, whose own functions know neither; elsewhere than in Deno on
 * Linux there is none, and sharp decodes.
 *
 * Why beside sharp: a photo of 640 x 480 takes 1.0 ms of processor time here and 4.5 there, where each picture passes
 * through three threads and its colours through four steps; the shares of larger ones are similar.
 * @module
 */
import type { Pixels } from "@emoco/web/image";
import type { StoredPart } from "./file_picture.ts";

/** The decoder of one thread. */
export interface TurboJpeg {
  /**
   * The part of a picture whose header said `size`. Undefined where the library has any fault to find with the file, so
   * that another decoder may judge it, and where the part cannot be had alone.
   */
  decode(
    bytes: Uint8Array<ArrayBuffer>,
    size: { readonly width: number; readonly height: number },
    part: StoredPart,
  ): Pixels | undefined;
  /** The last thing that libjpeg complains of when it reads the whole file; empty where it has no fault to find. */
  complaints(bytes: Uint8Array<ArrayBuffer>): string[];
  /** Takes the memory of pixels back, for the next picture. */
  giveBack(pixels: Pixels): void;
}

// Of turbojpeg.h (3.1).
const TJINIT_DECOMPRESS = 1, TJPF_RGBA = 7;
const TJPARAM_STOPONWARNING = 0, TJPARAM_JPEGWIDTH = 5, TJPARAM_JPEGHEIGHT = 6;

/** Bytes that are kept for the next picture: fresh memory takes a third of the time of decoding into it. */
const MOST_SPARE = 16_000_000;

const INT = "i32", BYTES = "buffer", LENGTH = "usize", HANDLE = "pointer";
const FUNCTIONS = {
  tj3Init: { parameters: [INT], result: HANDLE },
  tj3Set: { parameters: [HANDLE, INT, INT], result: INT },
  tj3Get: { parameters: [HANDLE, INT], result: INT },
  tj3DecompressHeader: { parameters: [HANDLE, BYTES, LENGTH], result: INT },
  tj3SetScalingFactor: { parameters: [HANDLE, { struct: [INT, INT] }], result: INT },
  tj3SetCroppingRegion: { parameters: [HANDLE, { struct: [INT, INT, INT, INT] }], result: INT },
  tj3GetErrorStr: { parameters: [HANDLE], result: "pointer" },
  tj3Decompress8: { parameters: [HANDLE, BYTES, LENGTH, BYTES, INT, INT], result: INT },
} as const;

/** Opens the library; undefined where there is none, or no permission to load it. */
export function openTurboJpeg(): TurboJpeg | undefined {
  const tj = load();
  const handle = tj?.tj3Init(TJINIT_DECOMPRESS);
  if (!tj || !handle) return undefined;
  tj.tj3Set(handle, TJPARAM_STOPONWARNING, 1);
  let spare: ArrayBuffer | undefined;
  const take = (length: number) => {
    if (!spare || spare.byteLength < length) return new Uint8ClampedArray(length);
    const data = new Uint8ClampedArray(spare, 0, length);
    spare = undefined;
    return data;
  };
  return {
    decode(bytes, size, { shrink, x, y, width, height }) {
      const length = BigInt(bytes.length);
      if (tj.tj3DecompressHeader(handle, bytes, length) !== 0) return undefined;
      // The buffer's length follows from the size that the library itself has read.
      const stored = [tj.tj3Get(handle, TJPARAM_JPEGWIDTH), tj.tj3Get(handle, TJPARAM_JPEGHEIGHT)];
      if (stored[0] !== size.width || stored[1] !== size.height) return undefined;
      const [fromX, fromY, partWidth, partHeight] = [x, y, width, height].map((value) => value / shrink);
      const across = partWidth || Math.ceil(size.width / shrink) - fromX;
      const down = partHeight || Math.ceil(size.height / shrink) - fromY;
      if (
        tj.tj3SetScalingFactor(handle, Int32Array.of(1, shrink)) !== 0 ||
        tj.tj3SetCroppingRegion(handle, Int32Array.of(fromX, fromY, partWidth, partHeight)) !== 0
      ) return undefined;
      const data = take(across * down * 4);
      return tj.tj3Decompress8(handle, bytes, length, data, across * 4, TJPF_RGBA) === 0
        ? { width: across, height: down, data }
        : undefined;
    },
    complaints(bytes) {
      const length = BigInt(bytes.length), least = 8;
      tj.tj3Set(handle, TJPARAM_STOPONWARNING, 0);
      try {
        let isSound = tj.tj3DecompressHeader(handle, bytes, length) === 0;
        if (isSound) {
          const [width, height] = [TJPARAM_JPEGWIDTH, TJPARAM_JPEGHEIGHT].map((what) =>
            Math.ceil(tj.tj3Get(handle, what) / least)
          );
          isSound = tj.tj3SetScalingFactor(handle, Int32Array.of(1, least)) === 0 &&
            tj.tj3SetCroppingRegion(handle, Int32Array.of(0, 0, 0, 0)) === 0 &&
            tj.tj3Decompress8(
                handle,
                bytes,
                length,
                new Uint8ClampedArray(width * height * 4),
                width * 4,
                TJPF_RGBA,
              ) === 0;
        }
        const said = isSound ? null : tj.tj3GetErrorStr(handle);
        return said ? [Deno.UnsafePointerView.getCString(said)] : [];
      } finally {
        tj.tj3Set(handle, TJPARAM_STOPONWARNING, 1);
      }
    },
    giveBack({ data: { buffer } }) {
      if (buffer.byteLength > MOST_SPARE || buffer.byteLength < (spare?.byteLength ?? 0)) return;
      new Uint8Array(buffer).fill(0); // no picture outlives its request
      spare = buffer;
    },
  };
}

function load(): Deno.DynamicLibrary<typeof FUNCTIONS>["symbols"] | undefined {
  if (typeof Deno === "undefined" || Deno.build.os !== "linux") return undefined;
  const kind = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  for (const libc of ["", "-musl"]) {
    try {
      const path = `@julusian/jpeg-turbo/prebuilds/jpeg-turbo-linux-${kind}${libc}/libturbojpeg.so.0`;
      return Deno.dlopen(new URL(import.meta.resolve(path)), FUNCTIONS).symbols;
    } catch {
      continue; // not there, of another libc, or not permitted: the caller has another decoder
    }
  }
}
