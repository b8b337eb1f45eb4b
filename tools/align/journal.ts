/**
 * What became of each photo, a line each, appended as it happens: what makes an alignment resumable. Only where each
 * line stands is kept in memory, so that it stays small over hundreds of thousands of faces.
 * @module
 */

/** The aligned face and how it was found. */
export interface AlignedFace {
  /** Path of the face, relative to the output folder. */
  readonly image: string;
  readonly photo: {
    /** How many faces the photo shows, and the score of the one taken; absent where no finder was asked. */
    readonly faces?: number;
    readonly score?: number;
    /** The points it was aligned by, in the photo's pixels. */
    readonly points: Record<string, number[]>;
    /** Mean distance between the finder's points and those that came with the photo, in distances of the eyes. */
    readonly off?: number;
    /** `damaged`: some of the photo's pixels are. */
    readonly warnings?: readonly string[];
  };
}

/** Why there is no face: the file is not there, cannot be decoded, or shows none. */
export interface NoFace {
  readonly reason: string;
  readonly why: "missing" | "unreadable" | "no face";
}

/** The outcome of a photo, or of a frame of a video, by the name of its source. */
export type Entry = { readonly source: string } & (AlignedFace | NoFace);

/** A journal that cannot be gone on with; the message says why, and what to do. */
export class JournalError extends Error {
  override name = "JournalError";
}

/** The journal of an output folder. */
export class Journal<Line extends { readonly source: string } = Entry> {
  /** Start and length in bytes of each source's line. */
  readonly #places = new Map<string, readonly [start: number, length: number]>();
  readonly #file: Deno.FsFile;
  #end = 0;

  /**
   * Opens or begins the journal; an alignment with other settings than before is refused. A photo that was missing or
   * unreadable does not count as done: it may have come since, or been repaired.
   * @param known gets every line that stands in it already
   * @throws {JournalError} other settings, or another process at work
   */
  constructor(
    readonly path: string,
    settings: Readonly<Record<string, unknown>>,
    known: (line: Line) => void = () => {},
  ) {
    const first = JSON.stringify(settings);
    this.#file = Deno.openSync(path, { read: true, write: true, create: true });
    if (!this.#file.tryLockSync(true)) {
      this.#file.close();
      throw new JournalError(`${path} is being written by another process; stop that one first.`);
    }
    let isFirst = true;
    for (const { text, start, length } of this.#lines()) {
      if (isFirst && text !== first) {
        this.#file.close();
        throw new JournalError(
          `${path} was begun with ${text}, not ${first}; choose another --out or the same.`,
        );
      }
      const line = isFirst ? undefined : parseLine<Line>(text);
      if (!isFirst && !line) break; // torn by a crash of the machine; what follows it is cut off
      isFirst = false;
      this.#end = start + length + 1;
      if (line) known(line);
      if (line && !("why" in line && line.why !== "no face")) this.#places.set(line.source, [start, length]);
    }
    this.#file.truncateSync(this.#end);
    if (isFirst) this.#write(first);
  }

  has(source: string): boolean {
    return this.#places.has(source);
  }

  /** What became of a source, if anything did yet. */
  read(source: string): Line | undefined {
    const place = this.#places.get(source);
    if (!place) return undefined;
    const bytes = new Uint8Array(place[1]);
    this.#file.seekSync(place[0], Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) done += this.#file.readSync(bytes.subarray(done))!;
    return JSON.parse(new TextDecoder().decode(bytes));
  }

  add(line: Line): void {
    this.#places.set(line.source, this.#write(JSON.stringify(line)));
  }

  close(): void {
    this.#file.close();
  }

  #write(text: string): readonly [number, number] {
    const bytes = new TextEncoder().encode(`${text}\n`), start = this.#end;
    this.#file.seekSync(start, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#end = start + bytes.length;
    return [start, bytes.length - 1];
  }

  /** The whole lines; what follows the last line break was torn by a crash. */
  *#lines(): Generator<{ text: string; start: number; length: number }> {
    const chunk = new Uint8Array(1 << 16), decoder = new TextDecoder();
    let rest = new Uint8Array(0), start = 0;
    for (let count; (count = this.#file.readSync(chunk)) !== null;) {
      const bytes = new Uint8Array(rest.length + count);
      bytes.set(rest);
      bytes.set(chunk.subarray(0, count), rest.length);
      let from = 0;
      for (let end; (end = bytes.indexOf(10, from)) >= 0; from = end + 1) {
        yield { text: decoder.decode(bytes.subarray(from, end)), start: start + from, length: end - from };
      }
      start += from;
      rest = bytes.slice(from);
    }
  }
}

function parseLine<Line>(text: string): Line | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
