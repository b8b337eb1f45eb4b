/**
 * Text as people's programs write it: UTF-8, UTF-16 (Excel's "Unicode text", PowerShell), or Windows-1252 (Excel's CSV).
 * @module
 */

/** How a file's text is written; Windows-1252 stands for every 8-bit encoding that is not UTF-8. */
export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

const CHUNK = 1 << 20;

/** Recognises the encoding: by its mark, by the zeros of UTF-16, else by whether all of the file is valid UTF-8. */
export function encodingOf(path: string): Encoding {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(CHUNK), utf8 = new TextDecoder("utf-8", { fatal: true });
  let isFirst = true;
  for (let count; (count = file.readSync(bytes)); isFirst = false) {
    const part = bytes.subarray(0, count);
    if (isFirst) {
      const utf16 = utf16Of(part);
      if (utf16) return utf16;
    }
    try {
      utf8.decode(part, { stream: true });
    } catch {
      return "windows-1252";
    }
  }
  try {
    utf8.decode();
    return "utf-8";
  } catch {
    return "windows-1252";
  }
}

/** The text of a file, without a byte order mark. */
export function readText(path: string): string {
  return new TextDecoder(encodingOf(path)).decode(Deno.readFileSync(path));
}

function utf16Of(start: Uint8Array): Encoding | undefined {
  if (start[0] === 0xff && start[1] === 0xfe) return "utf-16le";
  if (start[0] === 0xfe && start[1] === 0xff) return "utf-16be";
  // Without a mark: nearly every other byte of western text is zero, which no text in 8 bits has.
  const zeros = [0, 0], looked = Math.min(start.length, 4096);
  for (let i = 0; i < looked; i++) if (start[i] === 0) zeros[i % 2]++;
  if (looked < 4) return undefined;
  if (zeros[1] > looked / 4 && zeros[0] < zeros[1] / 4) return "utf-16le";
  return zeros[0] > looked / 4 && zeros[1] < zeros[0] / 4 ? "utf-16be" : undefined;
}
