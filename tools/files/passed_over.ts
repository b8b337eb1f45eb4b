/**
 * What a walk did not take, counted by kind and named, so that nothing is left out without a word.
 * @module
 */

/** The kinds, with what is said of them. */
export const PASSED_OVER = {
  "unread format": "pictures in formats that are not read; save them as JPEG, PNG or WebP",
  "double": "links to what was taken already",
  "loop": "links that lead back to a folder they are in",
  "broken link": "links that lead nowhere",
  "own output": "faces, tables and drawings that these programs wrote",
  "unreadable": "files and folders that may not be read",
} as const;

/** A kind of what was passed over. */
export type PassedKind = keyof typeof PASSED_OVER;

/** How many of a kind are named on the terminal. */
const NAMED = 10;

/** Takes note of what a walk passes over. */
export class PassedOver {
  readonly #items: { kind: PassedKind; path: string }[] = [];

  add(kind: PassedKind, path: string): void {
    this.#items.push({ kind, path });
  }

  /** All of it, in the order of the walk. */
  get items(): readonly { readonly kind: PassedKind; readonly path: string }[] {
    return this.#items;
  }

  /** A line a kind, then the first of each by name; nothing where nothing was passed over. */
  lines(shown: (path: string) => string = (path) => path): string[] {
    return (Object.keys(PASSED_OVER) as PassedKind[]).flatMap((kind) => {
      const found = this.#items.filter((item) => item.kind === kind);
      if (found.length === 0) return [];
      const named = found.slice(0, NAMED).map(({ path }) => `  ${shown(path)}`);
      const rest = found.length > NAMED ? [`  and ${found.length - NAMED} more`] : [];
      return [`Passed over: ${found.length} ${PASSED_OVER[kind]}:`, ...named, ...rest];
    });
  }
}
