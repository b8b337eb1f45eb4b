/**
 * Rows on disk while a film is analysed: what a table is made of can be more than memory should hold, and a person's
 * resting face is known only at the end.
 * @module
 */

/** Rows a piece that is read or written at once. */
const PIECE = 512;

/** Rows of one width, written once and read from the beginning any number of times. */
export class Spool implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #piece: Float64Array<ArrayBuffer>;
  #filled = 0;
  #rows = 0;

  /** @param path of a file of its own, which goes when the spool is closed */
  constructor(private readonly path: string, private readonly width: number) {
    this.#file = Deno.openSync(path, { read: true, write: true, create: true, truncate: true });
    this.#piece = new Float64Array(PIECE * width);
  }

  /** How many there are. */
  get rows(): number {
    return this.#rows;
  }

  /** Adds a row, which `write` fills in. */
  add(write: (row: Float64Array) => void): Float64Array {
    if (this.#filled === PIECE) this.#flush();
    const row = this.#piece.subarray(this.#filled * this.width, ++this.#filled * this.width);
    write(row);
    this.#rows++;
    return row;
  }

  /** All rows, in pieces; each piece is valid until the next one is asked for. */
  *pieces(): Generator<readonly Float64Array[]> {
    this.#flush();
    this.#file.seekSync(0, Deno.SeekMode.Start);
    const piece = new Float64Array(PIECE * this.width), bytes = new Uint8Array(piece.buffer);
    for (let left = this.#rows; left > 0; left -= PIECE) {
      const count = Math.min(PIECE, left), length = count * this.width * 8;
      for (let done = 0; done < length;) {
        const read = this.#file.readSync(bytes.subarray(done, length));
        if (!read) throw new Error(`${this.path} is shorter than what was written to it.`);
        done += read;
      }
      yield Array.from({ length: count }, (_, i) => piece.subarray(i * this.width, (i + 1) * this.width));
    }
    this.#file.seekSync(0, Deno.SeekMode.End);
  }

  /** One after the other; each is valid until the next piece is read. */
  *read(): Generator<Float64Array> {
    for (const piece of this.pieces()) yield* piece;
  }

  [Symbol.dispose](): void {
    this.#file.close();
    Deno.removeSync(this.path);
  }

  #flush(): void {
    const bytes = new Uint8Array(this.#piece.buffer, 0, this.#filled * this.width * 8);
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#filled = 0;
  }
}
