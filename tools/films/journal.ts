/**
 * What is done in an output folder, one record a film, so that a run that was stopped goes on film by film, and shares on
 * several machines make one summary.
 * @module
 */
import { join } from "node:path";
import { writeAtomically } from "../../train/runs/whole_file.ts";
import { OutputNames } from "../files/names.ts";
import { exists } from "../files/out_folder.ts";
import type { FilmReport } from "./report.ts";

/** Hidden, so that no walk takes anything of it for a film. */
export const JOURNAL = ".emoco";

/** A film that is done. */
export interface FilmRecord {
  /** Where the film is, and what it was when it was read. */
  readonly path: string;
  readonly size: number;
  readonly modified: number;
  /** Digest of model and options: another table is another record. */
  readonly settings: string;
  readonly table: string;
  readonly summary: readonly string[];
  readonly report: FilmReport;
}

/** The records of a folder. */
export class Journal {
  readonly folder: string;
  readonly #records = new Map<string, FilmRecord>();

  /** Opens or begins it; what is half written of a run before goes. */
  constructor(private readonly out: string) {
    this.folder = join(out, JOURNAL);
    Deno.mkdirSync(this.folder, { recursive: true });
    this.#read();
  }

  /** The table of a film, never one that somebody else has put there. The whole list is asked for in order. */
  tables(films: readonly { readonly path: string; readonly wished: string }[]): string[] {
    const names = new OutputNames();
    const owners = new Map([...this.#records.values()].map(({ table, path }) => [table, path]));
    return films.map(({ path, wished }) => {
      const isFree = (name: string) => owners.get(name) === path || !exists(join(this.out, name));
      return names.take(wished, path, isFree);
    });
  }

  /** Whether a film's table is there, of this very film and these settings. */
  isDone(path: string, table: string, settings: string): boolean {
    const record = this.#records.get(table);
    if (!record || record.path !== path || record.settings !== settings) return false;
    const { size, mtime } = Deno.statSync(path);
    return record.size === size && record.modified === (mtime?.getTime() ?? 0) &&
      exists(join(this.out, table));
  }

  /** Notes a film. */
  add(record: FilmRecord): void {
    writeAtomically(join(this.folder, `${record.table}.json`), JSON.stringify(record));
    this.#records.set(record.table, record);
  }

  /** All films that are done, also by other shares, in the order of their tables' names. */
  records(): FilmRecord[] {
    this.#read();
    return [...this.#records.values()].sort((one, other) => one.table < other.table ? -1 : 1);
  }

  #read(): void {
    for (const { name } of Deno.readDirSync(this.folder)) {
      if (!name.endsWith(".json")) continue;
      const table = name.slice(0, -".json".length);
      if (this.#records.has(table)) continue;
      this.#records.set(table, JSON.parse(Deno.readTextFileSync(join(this.folder, name))));
    }
  }
}
