/**
 * The public repositories that the pictures of EmoCo's readings are from, and how each picture is cut out of them.
 * @module
 */

/** A public repository of pictures. */
export interface Source {
  /** `from.set` of a reading. */
  readonly set: string;
  /** Owner and name; the checkout is a folder of that name. */
  readonly repository: string;
  readonly licence: string;
  /** Pixels of the longer side of a picture; a tile of a montage keeps its own. */
  readonly side?: number;
  /** Of the JPEG that is written, as of the pictures that were read. */
  readonly quality: number;
}

/** All sources. */
export const SOURCES: readonly Source[] = [
  {
    set: "SFHQ-T2I",
    repository: "SelfishGene/SFHQ-T2I-dataset",
    licence: "MIT License, copyright David Beniaguev. Generated faces, no real persons.",
    quality: 90,
  },
  {
    set: "faker-js person portraits",
    repository: "faker-js/assets-person-portrait",
    licence: "CC0 1.0. Generated portraits, no real persons.",
    side: 400,
    quality: 86,
  },
  {
    set: "Face Research Lab London Set",
    repository: "debruine/webmorphR.stim",
    licence: "CC BY 4.0, Lisa DeBruine and Benedict Jones, Face Research Lab London Set (2017), figshare, " +
      "https://doi.org/10.6084/m9.figshare.5047666. Photographs of people who agreed in writing to their use in " +
      "research and illustration. Made smaller.",
    side: 640,
    quality: 90,
  },
];

/** A montage's tile stands `INSET` pixels inside of its box on every side. */
export const INSET = 2;

/** Where a picture is in its repository. */
export type Origin =
  & { readonly source: Source; readonly file: string }
  & ({ readonly box: readonly [left: number, top: number, right: number, bottom: number] } | {
    readonly box?: never;
  });

/**
 * Reads `from` of a reading.
 * @throws {TypeError} a set that is none, or fields that do not say where the picture is
 */
export function originOf(from: unknown): Origin {
  const { set, file, figure, box } = (from ?? {}) as Record<string, unknown>;
  const source = SOURCES.find((one) => one.set === set);
  if (!source) {
    throw new TypeError(
      `"from" names the set ${JSON.stringify(set)}; sets are ${SOURCES.map((one) => one.set).join(", ")}.`,
    );
  }
  if (typeof file === "string") return { source, file };
  if (
    typeof figure === "string" && Array.isArray(box) && box.length === 4 && box.every(Number.isInteger) &&
    box[0] + 2 * INSET < box[2] && box[1] + 2 * INSET < box[3]
  ) return { source, file: `figures/${figure}`, box: box as [number, number, number, number] };
  throw new TypeError(
    '"from" must have a "file", or a "figure" and a "box" of [left, top, right, bottom] pixels.',
  );
}
