/**
 * What did not fit, counted by kind, with the first of each by name.
 * @module
 */

/** How many of a kind the report names. */
const NAMED = 100;

/** The kinds, in the order of the report, with what each means for the reader. */
export const KINDS = {
  "no face": "No face was found in these pictures; they are not in the manifest.",
  "unreadable files": "These files could not be read or decoded; they are not in the manifest.",
  "damaged pictures":
    "Some of their pixels are not what they were; they are in the manifest, each with a warning.",
  "labels without a picture": "The labels name pictures or frames that are not there.",
  "pictures without labels": "Pictures and frames that no label speaks of; they were left alone.",
  "labels without meaning": "Values that the set's description does not know; they count as unlabelled.",
  "labelled twice": "Labels for a face that has had some already; the first ones count.",
  "passed over":
    "Links and files that were not read; a picture in another format can be saved as JPEG, PNG or WebP.",
  "other encodings":
    "Tables that are not UTF-8, read as what they look like; see that names are right, or save them as UTF-8.",
  "other classes": "Faces labelled with what is none of the seven emotions; they were left out.",
} as const;

/** A kind of note. */
export type Kind = keyof typeof KINDS;

/** Notes taken while a set is read. */
export class Notes {
  readonly #once = new Set<string>();
  readonly #kinds = new Map<Kind, { count: number; named: string[] }>();

  /** @param write gets every note, for a file that lists them all */
  constructor(readonly write: (kind: Kind, what: string, count: number) => void = () => {}) {}

  /** Notes something, or `count` things of one name. */
  add(kind: Kind, what: string, count = 1): void {
    const noted = this.#kinds.get(kind) ?? { count: 0, named: [] };
    this.#kinds.set(kind, noted);
    noted.count += count;
    if (noted.named.length < NAMED) noted.named.push(count === 1 ? what : `${what} (${count})`);
    this.write(kind, what, count);
  }

  /** Notes something that comes up again and again, the first time only. */
  once(kind: Kind, what: string): void {
    if (this.#once.has(what)) return;
    this.#once.add(what);
    this.add(kind, what);
  }

  /** How many things of a kind there are. */
  count(kind: Kind): number {
    return this.#kinds.get(kind)?.count ?? 0;
  }

  /** The kinds that came up, in the order of `KINDS`. */
  all(): { kind: Kind; count: number; named: readonly string[] }[] {
    return (Object.keys(KINDS) as Kind[]).flatMap((kind) => {
      const noted = this.#kinds.get(kind);
      return noted ? [{ kind, ...noted }] : [];
    });
  }
}
