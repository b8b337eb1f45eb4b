/**
 * The photos of a folder: those of its `manifest.jsonl` with their labels, else every picture below it.
 * @module
 */
import { EMOTIONS } from "@emoco/web/facs";
import { extname, join, relative } from "node:path";

/** A photo to align, by its path inside the folder, with the manifest fields that its face will keep. */
export interface Photo {
  readonly source: string;
  readonly labels: Readonly<Record<string, unknown>>;
}

/** Endings of the pictures that are read. */
export const PICTURES = [".jpg", ".jpeg", ".png", ".webp"];

/** Lists the photos in a fixed order; throws an Error with one sentence where the folder or its manifest is wrong. */
export function listPhotos(folder: string): Photo[] {
  try {
    if (!Deno.statSync(folder).isDirectory) throw new Error(`--in=${folder} is not a folder.`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`--in=${folder} does not exist.`);
  }
  const photos = readManifest(folder) ??
    [...walk(folder)].map((path) => relative(folder, path).replaceAll("\\", "/")).sort()
      .map((source) => ({ source, labels: labelsOf(source) }));
  if (photos.length === 0) throw new Error(`--in=${folder} holds no pictures (${PICTURES.join(", ")}).`);
  return photos;
}

/** Where the aligned face of a photo goes; its ending stays in the name, so that a.png and a.jpg do not collide. */
export function facePath(source: string): string {
  const ending = extname(source);
  const name = source.replaceAll("..", "_").slice(0, -ending.length || undefined);
  return `faces/${name}${ending.toLowerCase().replace(".", "_")}.jpg`;
}

function readManifest(folder: string): Photo[] | undefined {
  const path = join(folder, "manifest.jsonl");
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
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

function* walk(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory) yield* walk(path);
    else if (PICTURES.includes(extname(entry.name).toLowerCase())) yield path;
  }
}

/**
 * Labels from folders: one with an emotion's name labels what is in it; otherwise the first folder names the person.
 * A photo in neither counts as a person of its own.
 */
function labelsOf(source: string): Record<string, string> {
  const folders = source.split("/").slice(0, -1);
  const emotion = EMOTIONS.find((name) => folders.includes(name));
  const [person] = folders.filter((name) => name !== emotion);
  return { subject: person ?? source.slice(0, -extname(source).length), ...(emotion && { emotion }) };
}
