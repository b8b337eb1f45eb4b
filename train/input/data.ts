/**
 * The manifest of faces: one JSON object a line, checked line by line.
 *
 * The room `input`: faces from disk to batches of views; it imports `runs`.
 */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PURPOSE, randomStream } from "../runs/random.ts";

/** Folder of the faces that come with the project. */
export const COMMITTED_FACES = fileURLToPath(new URL("../faces", import.meta.url));

/** Folder of the clips that come with the project: the faces of methods that learn from frames. */
export const COMMITTED_CLIPS = join(COMMITTED_FACES, "clips");

/** One face of a manifest. */
export interface Face {
  /** Absolute path of the picture. */
  image: string;
  /** 1-based line of the manifest, for messages. */
  line: number;
  subject: string;
  emotion?: Emotion;
  split?: Split;
  /** Occurrence of each labelled action unit; unlabelled ones are absent. */
  present: Map<number, boolean>;
  /** Intensity 0-5 of each graded action unit. */
  intensity: Map<number, number>;
  /** Every other field of the line (pose, skin group, video, frame, ...), untouched. */
  other: Record<string, unknown>;
}

/** What a subject's faces are for. */
export const SPLITS = ["pretrain", "au", "test"] as const;

export type Split = (typeof SPLITS)[number];

/** A manifest that cannot be used; the message names file and line, and what to do. */
export class ManifestError extends Error {
  override name = "ManifestError";
}

/**
 * Reads `manifest.jsonl`. A line that breaks a rule stops the reading with a sentence that names it; with `skipBroken`
 * such lines are left out, and handed to `onBroken` one by one.
 * @throws {ManifestError} no file, no faces, a broken line, a missing picture, a subject in two splits
 */
export function readManifest(
  path: string,
  { skipBroken = false, onBroken = () => {} }: {
    skipBroken?: boolean;
    onBroken?: (sentence: string) => void;
  } = {},
): Face[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path).replace(/^\uFEFF/, "");
  } catch {
    throw new ManifestError(
      `${path} cannot be read: --data takes a folder with a manifest.jsonl, or such a file.`,
    );
  }
  const faces: Face[] = [];
  const splitOf = new Map<string, { split: Split; line: number }>();
  text.split("\n").forEach((content, index) => {
    if (content.trim() === "") return;
    const line = index + 1;
    try {
      const face = readLine(content, path, line);
      const earlier = splitOf.get(face.subject);
      if (face.split && earlier && earlier.split !== face.split) {
        throw new ManifestError(
          `${path}, line ${line}: subject "${face.subject}" is in split "${face.split}" here but in ` +
            `"${earlier.split}" on line ${earlier.line}: a subject belongs to one split only.`,
        );
      }
      if (face.split && !earlier) splitOf.set(face.subject, { split: face.split, line });
      faces.push(face);
    } catch (error) {
      if (!(error instanceof ManifestError) || !skipBroken) throw error;
      onBroken(error.message);
    }
  });
  if (faces.length === 0) throw new ManifestError(`${path} lists no faces.`);
  return faces;
}

/** `folder` or `folder/manifest.jsonl` to the manifest's path. */
export function manifestPath(data: string): string {
  return data.endsWith(".jsonl") ? data : join(data, "manifest.jsonl");
}

/**
 * Splits off a share of the subjects, chosen by (seed, subject) alone: a subject added to the data later moves nobody.
 * @param share 0 to 1
 */
export function holdBackSubjects(
  faces: readonly Face[],
  share: number,
  seed: number,
): { kept: Face[]; held: Face[] } {
  const subjects = [...new Set(faces.map((face) => face.subject))];
  const drawn = subjects.map((subject) => ({
    subject,
    draw: randomStream(seed, PURPOSE.folds, ...codes(subject))(),
  }));
  drawn.sort((one, other) => one.draw - other.draw || (one.subject < other.subject ? -1 : 1));
  const held = new Set(drawn.slice(0, Math.round(share * drawn.length)).map(({ subject }) => subject));
  return {
    kept: faces.filter((face) => !held.has(face.subject)),
    held: faces.filter((face) => held.has(face.subject)),
  };
}

/** Faces of each emotion, in the order of `EMOTIONS`. */
export function countEmotions(faces: readonly Face[]): number[] {
  return EMOTIONS.map((emotion) => faces.filter((face) => face.emotion === emotion).length);
}

function readLine(content: string, path: string, line: number): Face {
  const wrong = (what: string) => new ManifestError(`${path}, line ${line}: ${what}`);
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(content);
  } catch (error) {
    throw wrong(`not JSON (${(error as Error).message}). A manifest holds one JSON object a line.`);
  }
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) throw wrong("not a JSON object.");
  const { image, subject, emotion, split, present = {}, intensity = {}, ...other } = entry;
  if (typeof image !== "string" || image === "") throw wrong('"image" must be the path of a picture.');
  if (typeof subject !== "string" || subject === "") {
    throw wrong('"subject" must name the person, so that nobody is in training and test at once.');
  }
  if (emotion !== undefined && emotion !== null && !EMOTIONS.includes(emotion as Emotion)) {
    throw wrong(`unknown emotion ${JSON.stringify(emotion)}. Known are ${EMOTIONS.join(", ")}.`);
  }
  if (split !== undefined && split !== "pretrain" && split !== "au" && split !== "test") {
    throw wrong(`unknown split ${JSON.stringify(split)}. Known are pretrain, au, test.`);
  }
  const file = resolve(dirname(path), image);
  try {
    if (!Deno.statSync(file).isFile) throw wrong(`${file} is not a file.`);
  } catch (error) {
    if (error instanceof ManifestError) throw error;
    throw wrong(`the picture ${file} is missing. Correct the path, or go on without it with --skipBroken.`);
  }
  return {
    image: file,
    line,
    subject,
    emotion: (emotion ?? undefined) as Emotion | undefined,
    split,
    present: new Map(
      labels(present, "present", wrong, (value) => value === 0 || value === 1, "0, 1 or null")
        .map(([au, value]) => [au, value === 1]),
    ),
    intensity: new Map(
      labels(intensity, "intensity", wrong, (value) => value >= 0 && value <= 5, "0 to 5 or null"),
    ),
    other,
  };
}

/** The labelled entries of `present` or `intensity`, action units as numbers. */
function labels(
  value: unknown,
  field: string,
  wrong: (what: string) => ManifestError,
  isValid: (value: number) => boolean,
  range: string,
): [number, number][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(`"${field}" must be an object.`);
  }
  const entries: [number, number][] = [];
  for (const [key, label] of Object.entries(value)) {
    const au = Number(key);
    if (!Number.isInteger(au) || au < 1) {
      throw wrong(`"${field}" has the key "${key}", which is no action unit.`);
    }
    if (label === null) continue;
    if (typeof label !== "number" || !isValid(label)) {
      throw wrong(`"${field}" of AU${au} is ${JSON.stringify(label)}; it must be ${range}.`);
    }
    entries.push([au, label]);
  }
  return entries;
}

function codes(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}
