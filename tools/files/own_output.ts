/**
 * What these programs wrote themselves, so that it is never read as if it were a user's picture.
 * @module
 */
import { join } from "node:path";

/** Stands in the metadata of every drawing, with a digest of the photo's place after it. */
export const DRAWING = "EmoCo drawing ";
/** Bytes at both ends in which it is looked for: metadata stand before the pixels, in WebP after them. */
const REACH = 4096;

/** Whether a folder is one into which `align` or `manifest` writes: its journal begins with their settings. */
export function isOwnFolder(folder: string): boolean {
  const [line] = ends(join(folder, "journal.jsonl"), 1024)?.split("\n") ?? [];
  return /^\{("set":"[^"]*",)?"size":\d+/.test(line ?? "");
}

/** Whether a file is a drawing of `detect`. */
export function isOwnDrawing(path: string): boolean {
  return /\.(png|jpe?g|webp|mp4)$/i.test(path) && markOf(path) !== undefined;
}

/** The mark of a drawing: it tells of which photo it is one. */
export function markOf(path: string): string | undefined {
  return new RegExp(`${DRAWING}[0-9a-f]{16}`).exec(ends(path, REACH) ?? "")?.[0];
}

/** Beginning and end of a file, a letter a byte. */
function ends(path: string, bytes: number): string | undefined {
  try {
    using file = Deno.openSync(path);
    const { size, isFile } = file.statSync();
    if (!isFile) return undefined;
    const first = read(file, Math.min(bytes, size));
    if (size <= bytes) return first;
    file.seekSync(-Math.min(bytes, size - bytes), Deno.SeekMode.End);
    return first + read(file, Math.min(bytes, size - bytes));
  } catch {
    return undefined; // whoever reads it says why it cannot be read
  }
}

function read(file: Deno.FsFile, length: number): string {
  const bytes = new Uint8Array(length);
  let done = 0;
  for (let count; done < length && (count = file.readSync(bytes.subarray(done))); done += count);
  return new TextDecoder("latin1").decode(bytes.subarray(0, done));
}
