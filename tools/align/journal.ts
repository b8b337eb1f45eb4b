/**
 * What became of each photo, a line each, appended as it happens: what makes an alignment resumable.
 * @module
 */

/** A photo's outcome: the aligned face's path, or why there is none. */
export type Entry =
  & { readonly source: string }
  & (
    | {
      readonly image: string;
      /** How many faces the photo shows, and the score and points of the one taken, in the photo's pixels. */
      readonly photo: {
        readonly faces: number;
        readonly score: number;
        readonly points: Record<string, number[]>;
      };
    }
    | { readonly reason: string }
  );

/** The journal of an output folder. */
export class Journal {
  readonly entries = new Map<string, Entry>();
  readonly #file: Deno.FsFile;

  /** Opens or begins the journal; an alignment with another size than before is refused. */
  constructor(readonly path: string, size: number) {
    const settings = JSON.stringify({ size });
    const lines = readLines(path);
    if (lines.length > 0 && lines[0] !== settings) {
      throw new Error(
        `${path} was begun with ${lines[0]}, not ${settings}; choose another --out or the same size.`,
      );
    }
    for (const line of lines.slice(1)) {
      const entry: Entry = JSON.parse(line);
      this.entries.set(entry.source, entry);
    }
    // Written anew, so that a line torn by a crash does not stay in the middle.
    Deno.writeTextFileSync(`${path}.part`, [settings, ...lines.slice(1), ""].join("\n"));
    Deno.renameSync(`${path}.part`, path);
    this.#file = Deno.openSync(path, { append: true });
  }

  add(entry: Entry): void {
    this.entries.set(entry.source, entry);
    const line = new TextEncoder().encode(`${JSON.stringify(entry)}\n`);
    for (let done = 0; done < line.length;) done += this.#file.writeSync(line.subarray(done));
  }

  close(): void {
    this.#file.close();
  }
}

function readLines(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(0, -1); // what follows the last line break is torn
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
