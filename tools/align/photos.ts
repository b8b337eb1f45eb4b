/**
 * The photos of a folder: those of its `manifest.jsonl` with their labels, else every picture below it.
 * @module
 */
import { extname, join, relative, sep } from "node:path";
import { isPicture, PICTURES } from "../files/kinds.ts";
import type { PassedOver } from "../files/passed_over.ts";
import { readText } from "../files/text.ts";
import { walkFiles } from "../files/walk.ts";
import { readEmotion, readSplit } from "../manifest/folder.ts";

/** A photo to align, by its path inside the folder, with the manifest fields that its face will keep. */
export interface Photo {
  readonly source: string;
  readonly labels: Readonly<Record<string, unknown>>;
}

/**
 * Lists the photos in a fixed order, each once, with what was passed over; throws an Error with one sentence where the
 * folder or its manifest is wrong.
 */
export function listPhotos(folder: string, passed: PassedOver): Photo[] {
  try {
    if (!Deno.statSync(folder).isDirectory) throw new Error(`--in=${folder} is not a folder.`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`--in=${folder} does not exist.`);
  }
  const insideOf = (path: string) => relative(folder, path).replaceAll(sep, "/");
  const photos = readManifest(folder) ??
    walkFiles(folder, isPicture, {
      passed,
      prefers: (path) => labelsOf(insideOf(path)).emotion !== undefined,
    })
      .map(insideOf).sort().map((source) => ({ source, labels: labelsOf(source) }));
  if (photos.length === 0) {
    throw new Error(
      [`--in=${folder} holds no pictures (${PICTURES.join(", ")}).`, ...passed.lines(insideOf)].join("\n"),
    );
  }
  return photos;
}

/**
 * Where the aligned face of a photo goes, unless another face is there already (see `OutputNames`). Its ending stays in
 * the name, so that a.png and a.jpg do not collide.
 */
export function facePath(source: string): string {
  const ending = extname(source);
  const name = source.slice(0, -ending.length || undefined).replaceAll("..", "_");
  return `faces/${name}${ending.toLowerCase().replace(".", "_")}.jpg`;
}

function readManifest(folder: string): Photo[] | undefined {
  const path = join(folder, "manifest.jsonl");
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(line);
    } catch (error) {
      throw new Error(`${path}, line ${index + 1}: not JSON (${(error as Error).message}).`);
    }
    const { image, ...labels } = entry ?? {};
    if (typeof image !== "string") {
      throw new Error(`${path}, line ${index + 1}: "image" must be a photo's path.`);
    }
    return [{ source: image, labels }];
  });
}

/**
 * Labels from folders: one with an emotion's name labels what is in it, one named after a split puts it there; the first
 * other folder names the person. A photo in none counts as a person of its own.
 */
function labelsOf(source: string): { subject: string; emotion?: string; split?: string } {
  const folders = source.split("/").slice(0, -1);
  const at = folders.findLastIndex((name) => readEmotion(name));
  const emotion = at < 0 ? undefined : readEmotion(folders[at]);
  const split = folders.map(readSplit).find((found) => found);
  const [person] = folders.filter((name, i) => i !== at && !readSplit(name));
  const subject = (person ?? source.slice(0, -extname(source).length)).normalize("NFC");
  return { subject, ...(emotion && { emotion }), ...(split && { split }) };
}
