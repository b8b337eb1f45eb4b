/**
 * Names of outputs. The rule, everywhere: an output is named after its source; where that name is taken already, by
 * another source or but for upper and lower case or Unicode's composition, which some file systems take for the same,
 * `~2`, `~3` ... stands before its ending. A name that is too long for a file system is cut.
 * @module
 */
import { extname } from "node:path";

/** Bytes of a name that are kept, of the 255 that file systems take: room is left for numbers and endings. */
const LONGEST = 200;

/** Names that are given out, each to one source. */
export class OutputNames {
  readonly #owners = new Map<string, string>();

  /** Notes a name that was given to a source by an earlier run. */
  reserve(path: string, source: string): void {
    this.#owners.set(fold(path), source);
  }

  /** The name for a source: the one wished for, else the first numbered one that is free or its own. */
  take(path: string, source: string, isFree: (path: string) => boolean = () => true): string {
    const wished = path.split("/").map(cut).join("/"), ending = extname(wished);
    const stem = wished.slice(0, wished.length - ending.length);
    for (let number = 1;; number++) {
      const name = number === 1 ? wished : `${stem}~${number}${ending}`, owner = this.#owners.get(fold(name));
      if (owner !== undefined && owner !== source || owner === undefined && !isFree(name)) continue;
      this.#owners.set(fold(name), source);
      return name;
    }
  }
}

/** Two names that fold alike can be one file. */
function fold(path: string): string {
  return path.normalize("NFC").toUpperCase().toLowerCase().normalize("NFC");
}

/** A part of a path, cut to what file systems take; its ending stays. */
function cut(part: string): string {
  const encoder = new TextEncoder(), ending = extname(part).slice(0, 20);
  if (encoder.encode(part).length <= LONGEST) return part;
  const bytes = new Uint8Array(LONGEST - encoder.encode(ending).length);
  const { read } = encoder.encodeInto(part.slice(0, part.length - ending.length), bytes);
  return part.slice(0, read) + ending;
}
