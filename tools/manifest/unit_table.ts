/**
 * Tables of action units: a header row with the units' numbers, then a row a frame.
 * @module
 */
import { basename } from "node:path";
import { inside } from "./layout.ts";
import type { Notes } from "./notes.ts";
import { guessDelimiter, readRows } from "./rows.ts";
import { isKnownUnit, type Label, readOccurrence } from "./unit_labels.ts";

/** A row: the frame's number and its labels by unit. */
export interface UnitRow {
  readonly frame: number;
  readonly labels: Record<string, number | null>;
}

/** The number of the unit that a header cell names: "12", "AU12", "au_06"; nothing for other columns. */
export function unitOf(header: string): number | undefined {
  const au = /^(?:AU)?[ _]?0*(\d+)$/i.exec(header.trim())?.[1];
  return au === undefined ? undefined : Number(au);
}

/** Notes a unit that the project cannot name; its labels are left out. */
export function noteUnknownUnit(au: number, notes: Notes): void {
  notes.once("labels without meaning", `AU${au} is none that this project knows; it was left out everywhere`);
}

/**
 * The rows of a table whose first column is the frame. Units that the project does not know are left out, and noted
 * once; a value without meaning is unlabelled, and noted.
 */
export async function* readUnitTable(
  root: string,
  path: string,
  notes: Notes,
  readLabel: (text?: string) => Label = readOccurrence,
): AsyncGenerator<UnitRow> {
  const name = inside(root, path);
  let columns: { au: number; at: number }[] | undefined;
  for await (const row of readRows(path, await guessDelimiter(path))) {
    if (!columns) {
      const named = row.flatMap((cell, at) => {
        const au = at === 0 ? undefined : unitOf(cell);
        return au === undefined ? [] : [{ au, at }];
      });
      columns = named.filter(({ au }) => isKnownUnit(au));
      for (const { au } of named) if (!isKnownUnit(au)) noteUnknownUnit(au, notes);
      if (columns.length === 0) {
        notes.add("labels without meaning", `${name}: the first row names no action units`);
      }
      continue;
    }
    if (columns.length === 0) return;
    if (!/^\d+(\.0+)?$/.test(row[0])) {
      notes.add("labels without meaning", `${name}: frame "${row[0]}"`);
      continue;
    }
    const frame = Number(row[0]), labels: Record<string, number | null> = {};
    for (const { au, at } of columns) {
      const label = readLabel(row[at]);
      if (label === undefined) {
        notes.add("labels without meaning", `${basename(name)}: frame ${frame}, AU${au} is "${row[at]}"`);
      }
      labels[au] = label ?? null;
    }
    yield { frame, labels };
  }
}
