/**
 * Tables as rows of text, read as a stream: AffectNet's lists are hundreds of megabytes long.
 * @module
 */
import { parse } from "csv-parse";
import { createReadStream } from "node:fs";
import { encodingOf } from "../files/text.ts";

/** What stands between two cells. */
export type Delimiter = "," | ";" | "\t" | " ";

/**
 * The rows of a table, cells without the spaces around them; empty lines, a byte order mark, CRLF and the encoding (UTF-8,
 * UTF-16 or Windows-1252) are no matter.
 */
export async function* readRows(path: string, delimiter: Delimiter = ","): AsyncGenerator<string[]> {
  const rows = parse({
    bom: true,
    delimiter,
    record_delimiter: ["\r\n", "\n", "\r"],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
  });
  const file = createReadStream(path), encoding = encodingOf(path);
  file.on("error", (error) => rows.destroy(error));
  try {
    if (encoding === "utf-8") yield* file.pipe(rows);
    else {
      const text = new TextDecoder(encoding);
      file.on(
        "data",
        (part: string | Uint8Array) =>
          rows.write(typeof part === "string" ? part : text.decode(part, { stream: true })),
      );
      file.on("end", () => rows.end(text.decode()));
      yield* rows;
    }
  } finally {
    file.destroy();
  }
}

/** Comma, unless the first line holds none but tabs or semicolons. */
export async function guessDelimiter(path: string): Promise<Delimiter> {
  using file = await Deno.open(path);
  const start = new Uint8Array(1 << 16);
  const count = await file.read(start) ?? 0;
  const [line] = new TextDecoder(encodingOf(path)).decode(start.subarray(0, count)).split(/[\r\n]/);
  return ([",", "\t", ";"] as const).find((delimiter) => line.includes(delimiter)) ?? ",";
}
