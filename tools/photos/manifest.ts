/**
 * A folder of photographs with a manifest: what each picture shows as far as anybody has said, and where it is.
 * @module
 */
import { actionUnit, type Emotion, EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { UsageError } from "../../train/runs/flags.ts";

/** A photograph and what is said of it. */
export interface Photo {
  /** The manifest's path, and the file's. */
  readonly image: string;
  readonly path: string;
  /** Line of the manifest, counted from 1. */
  readonly line: number;
  /** Who is shown; a line that names nobody is a person of its own. */
  readonly subject: string;
  /** Action units by number; what was not or could not be judged is not among them. */
  readonly present: ReadonlyMap<number, boolean>;
  readonly emotion?: Emotion;
  /** A rival's readings of the picture; null where the rival found no face, absent where nobody has asked it. */
  readonly blendshapes?: Readonly<Record<string, number>> | null;
  /** All that the line holds. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Which lines are read. */
export interface Choice {
  /** The split; without one, `test` where the manifest knows splits, else all lines. */
  readonly split?: string;
  /** Every second line of the split, counted from 0: choices are made on the even ones, the odd ones stay unseen. */
  readonly half?: "even" | "odd";
}

/** A manifest that cannot be read; the message says which line and what is wrong with it. */
export class ManifestError extends Error {
  override name = "ManifestError";
}

/**
 * Reads the chosen lines of a folder's `manifest.jsonl`, `every` line of the split and the ones of the half.
 * @throws {ManifestError} no manifest, a line that is wrong, or no line that is left
 */
export function readPhotos(folder: string, { split: wanted, half }: Choice = {}): {
  split: string;
  every: Photo[];
  photos: Photo[];
} {
  const path = join(folder, "manifest.jsonl");
  const lines = readLines(path);
  const splits = new Set(lines.flatMap(({ entry }) => typeof entry.split === "string" ? [entry.split] : []));
  if (wanted !== undefined && !splits.has(wanted)) {
    throw new ManifestError(
      `--split=${wanted}: ${path} has no such split` +
        (splits.size ? `, it has ${[...splits].join(", ")}.` : "; leave --split out to take every line."),
    );
  }
  const split = wanted ?? (splits.size > 0 ? "test" : "all");
  const every = lines.filter(({ entry }) => split === "all" || entry.split === split)
    .map(({ entry, line }) => photoOf(entry, line, folder, `${path}, line ${line}`));
  const photos = every.filter((_, index) => half === undefined || index % 2 === (half === "odd" ? 1 : 0));
  if (photos.length === 0) {
    throw new ManifestError(
      `${path} has no line of split "${split}"${
        half ? ` in its ${half} half` : ""
      }; name another by --split=.`,
    );
  }
  return { split, every, photos };
}

/** The lines of a manifest as JSON objects. */
function readLines(path: string): { entry: Record<string, unknown>; line: number }[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory)) throw error;
    throw new ManifestError(
      `${path} does not exist: a folder of photographs has a manifest, a line a picture.`,
    );
  }
  return text.split("\n").flatMap((content, index) => {
    if (content.trim() === "") return [];
    const line = index + 1;
    let entry: unknown;
    try {
      entry = JSON.parse(content);
    } catch (error) {
      throw new ManifestError(`${path}, line ${line}: not JSON (${(error as Error).message}).`);
    }
    if (!isRecord(entry)) throw new ManifestError(`${path}, line ${line}: not a JSON object.`);
    return [{ entry, line }];
  });
}

function photoOf(fields: Record<string, unknown>, line: number, folder: string, where: string): Photo {
  const { image, subject } = fields;
  if (typeof image !== "string" || image === "") {
    throw new ManifestError(`${where}: "image" must be a picture's path.`);
  }
  if (subject !== undefined && typeof subject !== "string") {
    throw new ManifestError(`${where}: "subject" must be a person's name as text.`);
  }
  const emotion = emotionOf(fields);
  return {
    image,
    path: join(folder, image),
    line,
    subject: subject ?? image,
    present: presentOf(fields.present, where),
    ...(emotion && { emotion }),
    ...("blendshapes" in fields && { blendshapes: blendshapesOf(fields.blendshapes, where) }),
    fields,
  };
}

function presentOf(value: unknown, where: string): Map<number, boolean> {
  if (value === undefined || value === null) return new Map();
  if (!isRecord(value)) {
    throw new ManifestError(`${where}: "present" must be an object of action units, as {"12":1,"4":null}.`);
  }
  const present = new Map<number, boolean>();
  for (const [key, label] of Object.entries(value)) {
    const au = Number(key);
    try {
      actionUnit(au);
    } catch (error) {
      throw new ManifestError(`${where}: "present": ${(error as RangeError).message}`);
    }
    if (label !== 0 && label !== 1 && label !== null) {
      throw new ManifestError(
        `${where}: "present" of AU${au} must be 0, 1 or null, is ${JSON.stringify(label)}.`,
      );
    }
    if (label !== null) present.set(au, label === 1);
  }
  return present;
}

/** The emotion that a line names, or that its picture was asked for by: a `query` of other words says none. */
function emotionOf({ emotion, query }: Record<string, unknown>): Emotion | undefined {
  return EMOTIONS.find((name) => name === emotion) ?? EMOTIONS.find((name) => name === query);
}

function blendshapesOf(value: unknown, where: string): Record<string, number> | null {
  if (value === null) return null;
  if (isRecord(value) && Object.values(value).every(Number.isFinite)) return value as Record<string, number>;
  throw new ManifestError(
    `${where}: "blendshapes" must be an object of numbers, or null where no face was found.`,
  );
}

/** The value of a field such as `from.set`, as the name of a part. */
export function partOf({ fields }: Photo, field: string): string {
  const value = field.split(".").reduce<unknown>(
    (inside, key) => isRecord(inside) ? inside[key] : undefined,
    fields,
  );
  return value === undefined || value === null
    ? "(none)"
    : typeof value === "string"
    ? value
    : JSON.stringify(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Which half a flag names. @throws {UsageError} */
export function halfOf(text: string | undefined): Choice["half"] {
  if (text === undefined || text === "even" || text === "odd") return text;
  throw new UsageError(`--half=${text}: a half is even or odd.`);
}
