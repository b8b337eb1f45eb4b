/**
 * Tables as files: CSV, JSON, JSON lines, Parquet. Each file appears when it is whole.
 * @module
 */
import { fileWriter, ParquetWriter } from "hyparquet-writer";
import type { Column } from "./row.ts";
import type { Spool } from "./spool.ts";

/** The formats by the names that people give them. */
export const FORMATS = ["csv", "json", "jsonl", "parquet", "openface"] as const;

/** A name of `FORMATS`. */
export type Format = (typeof FORMATS)[number];

/** The ending of a format's files. */
export function endingOf(format: Format): string {
  return format === "openface" ? ".csv" : `.${format}`;
}

/**
 * Writes a table of all rows.
 * @param facts what a JSON table says of itself beside its rows
 */
export async function writeTable(
  path: string,
  format: Format,
  rows: Pick<Spool, "pieces">,
  columns: readonly Column[],
  facts: object,
): Promise<void> {
  const half = `${path}.part`;
  try {
    if (format === "parquet") await writeParquet(half, rows, columns);
    else writeText(half, linesOf(format, rows, columns, facts));
    Deno.renameSync(half, path);
  } catch (error) {
    try {
      Deno.removeSync(half);
    } catch {
      // It was not made yet.
    }
    throw error;
  }
}

/** The table in pieces of text. */
export function* linesOf(
  format: Exclude<Format, "parquet">,
  rows: Pick<Spool, "pieces">,
  columns: readonly Column[],
  facts: object,
): Generator<string> {
  const isCsv = format === "csv" || format === "openface";
  if (isCsv) yield `${columns.map(({ name }) => name).join(",")}\n`;
  if (format === "json") yield `${JSON.stringify(facts).slice(0, -1)},"rows":[\n`;
  let isFirst = true;
  for (const piece of rows.pieces()) {
    let text = "";
    for (const row of piece) {
      if (isCsv) text += `${columns.map((column) => csvCell(column, row)).join(",")}\n`;
      else {text += `${format === "json" && !isFirst ? ",\n" : ""}${jsonRow(columns, row)}${
          format === "json" ? "" : "\n"
        }`;}
      isFirst = false;
    }
    yield text;
  }
  if (format === "json") yield "\n]}\n";
}

function csvCell(column: Column, row: Float64Array): string {
  const value = column.value(row);
  if (value === null) return "";
  if (typeof value === "number") return String(rounded(value, column.digits));
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function jsonRow(columns: readonly Column[], row: Float64Array): string {
  return JSON.stringify(Object.fromEntries(columns.map((column) => {
    const value = column.value(row);
    return [column.name, typeof value === "number" ? rounded(value, column.digits) : value];
  })));
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function writeText(path: string, pieces: Iterable<string>): void {
  using file = Deno.openSync(path, { write: true, create: true, truncate: true });
  const encoder = new TextEncoder();
  for (const piece of pieces) {
    const bytes = encoder.encode(piece);
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
  }
  file.syncSync();
}

/** A row group a piece; what is not known is null. */
async function writeParquet(
  path: string,
  rows: Pick<Spool, "pieces">,
  columns: readonly Column[],
): Promise<void> {
  const writer = new ParquetWriter({
    writer: fileWriter(path),
    schema: [
      { name: "root", num_children: columns.length },
      ...columns.map(({ name, kind }) =>
        kind === "text"
          ? { name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" } as const
          : { name, type: kind === "whole" ? "INT32" : "DOUBLE", repetition_type: "OPTIONAL" } as const
      ),
    ],
  });
  for (const piece of rows.pieces()) {
    writer.write({
      columnData: columns.map((column) => ({
        name: column.name,
        data: piece.map((row) => {
          const value = column.value(row);
          return typeof value === "number" ? rounded(value, column.digits) : value;
        }),
      })),
    });
  }
  await writer.finish();
}
