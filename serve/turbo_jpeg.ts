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
  /** The first thing that libjpeg complains of when it reads the whole file; empty where it has no fault to find. */
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
  tj3Destroy: { parameters: [HANDLE], result: "void" },
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
  if (!tj) return undefined;
  let handle = tj.tj3Init(TJINIT_DECOMPRESS);
  if (!handle) return undefined;
  const stopOnWarning = (isStopping: boolean) => tj.tj3Set(handle, TJPARAM_STOPONWARNING, Number(isStopping));
  /** The library holds on to a picture that it did not finish, and refuses every one after it: it starts anew. */
  const forget = () => {
    tj.tj3Destroy(handle);
    handle = tj.tj3Init(TJINIT_DECOMPRESS);
    stopOnWarning(true);
  };
  stopOnWarning(true);
  let spare: ArrayBuffer | undefined;
  const take = (length: number) => {
    if (!spare || spare.byteLength < length) return new Uint8ClampedArray(length);
    const data = new Uint8ClampedArray(spare, 0, length);
    spare = undefined;
    return data;
  };
  /** Reads a file's header and says how the pixels are wanted; the size is the one that the library itself has read. */
  const begin = (bytes: Uint8Array<ArrayBuffer>, shrink: number, region: number[]) => {
    if (tj.tj3DecompressHeader(handle, bytes, BigInt(bytes.length)) !== 0) return undefined;
    const isSet = tj.tj3SetScalingFactor(handle, Int32Array.of(1, shrink)) === 0 &&
      tj.tj3SetCroppingRegion(handle, Int32Array.from(region)) === 0;
    return isSet
      ? { width: tj.tj3Get(handle, TJPARAM_JPEGWIDTH), height: tj.tj3Get(handle, TJPARAM_JPEGHEIGHT) }
      : undefined;
  };
  const fill = (bytes: Uint8Array<ArrayBuffer>, data: Uint8ClampedArray<ArrayBuffer>, width: number) =>
    tj.tj3Decompress8(handle, bytes, BigInt(bytes.length), data, width * 4, TJPF_RGBA) === 0;
  return {
    decode(bytes, size, { shrink, x, y, width, height }) {
      const [fromX, fromY, partWidth, partHeight] = [x, y, width, height].map((value) => value / shrink);
      const stored = begin(bytes, shrink, [fromX, fromY, partWidth, partHeight]);
      if (stored?.width === size.width && stored.height === size.height) {
        const across = partWidth || Math.ceil(size.width / shrink) - fromX;
        const down = partHeight || Math.ceil(size.height / shrink) - fromY;
        const data = take(across * down * 4);
        if (fill(bytes, data, across)) return { width: across, height: down, data };
      }
      forget();
      return undefined;
    },
    complaints(bytes) {
      const least = 8;
      stopOnWarning(false);
      const stored = begin(bytes, least, [0, 0, 0, 0]);
      const [across, down] = stored
        ? [stored.width, stored.height].map((side) => Math.ceil(side / least))
        : [0, 0];
      const isSound = stored !== undefined && fill(bytes, new Uint8ClampedArray(across * down * 4), across);
      const said = isSound ? null : tj.tj3GetErrorStr(handle);
      const complaints = said ? [Deno.UnsafePointerView.getCString(said)] : [];
      forget();
      return complaints;
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
