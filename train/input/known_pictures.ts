/**
 * The pictures that a run learns from, as they were when it started: a run that goes on with others under the same names
 * would not be the same run. The rule: a picture of the same size and time is the same picture; one of another time is
 * read, and is the same when its SHA-256 is. All are read once, when the run starts, as its first epoch does anyway.
 */
import { join } from "node:path";
import type { Face } from "./data.ts";
import { RunError } from "../runs/run_folder.ts";
import { exists, sha256, writeAtomically } from "../runs/whole_file.ts";

/** A line a picture: bytes, time of change in ms, digest, and its path as JSON; parted by tabs. */
const FILE = "pictures.tsv";
/** Digits of the SHA-256 that are kept. */
const DIGITS = 16;

/** What is known of a picture. */
interface Known {
  readonly size: number;
  readonly time: number;
  readonly digest: string;
}

/**
 * Notes the pictures of a run in its folder, or holds those of a run that is gone on with against what was noted. A run
 * of before there were notes takes them now.
 * @param faces those that the run's config names
 * @throws {RunError} pictures that have changed, counted, the first by its name
 */
export function knowPictures(folder: string, faces: readonly Face[], resumes: boolean): void {
  const path = join(folder, FILE);
  const before = resumes && exists(path) ? readKnown(path) : undefined;
  const now = faces.map(({ image }) => look(image, before?.get(image)));
  const changed = faces.filter(({ image }, i) => {
    const known = before?.get(image);
    return known && known.digest !== now[i].digest;
  });
  if (changed.length > 0) {
    const [{ image, line }] = changed;
    const what = changed.length === 1 ? `The picture ${image} (line ${line})` : `${changed.length} pictures`;
    const first = changed.length === 1 ? "has" : `(the first: ${image}, line ${line}) have`;
    throw new RunError(
      `${what} ${first} changed since the run was started, so the run would not be the same run. ` +
        "Put the old ones back, or start a new run.",
    );
  }
  if (before && faces.every(({ image }, i) => before.get(image)?.time === now[i].time)) return;
  const lines = now.map(({ size, time, digest }, i) =>
    `${size}\t${time}\t${digest}\t${JSON.stringify(faces[i].image)}\n`
  );
  writeAtomically(path, lines.join(""));
}

function look(image: string, before: Known | undefined): Known {
  const { size, mtime } = Deno.statSync(image), time = mtime?.getTime() ?? 0;
  if (before && before.size === size && before.time === time) return before;
  try {
    return { size, time, digest: sha256(Deno.readFileSync(image)).slice(0, DIGITS) };
  } catch {
    return { size, time, digest: "unreadable" }; // what decodes it says why, or leaves it out
  }
}

function readKnown(path: string): Map<string, Known> {
  const lines = Deno.readTextFileSync(path).split("\n").filter(Boolean).map((text) => text.split("\t"));
  return new Map(lines.map(([size, time, digest, image]) => [
    JSON.parse(image),
    { size: Number(size), time: Number(time), digest },
  ]));
}
