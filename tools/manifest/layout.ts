/**
 * Finding one's way in a data set's folder: names without regard to case, lists in a fixed order.
 * @module
 */
import { basename, extname, join, relative } from "node:path";
import { PICTURES } from "../align/photos.ts";
import { LayoutError } from "./data_set.ts";

export { PICTURES } from "../align/photos.ts";

const VIDEOS = [".avi", ".mp4", ".mov", ".mkv", ".mpg", ".mpeg", ".wmv", ".m4v", ".webm", ".mjpeg", ".mjpg"];

/** What is in a folder, sorted by name; hidden files are passed over. */
export function list(folder: string): { name: string; path: string; isFolder: boolean }[] {
  return [...Deno.readDirSync(folder)]
    .filter(({ name }) => !name.startsWith("."))
    .map(({ name, isDirectory, isSymlink }) => {
      const path = join(folder, name);
      return { name, path, isFolder: isDirectory || isSymlink && isFolder(path) };
    })
    .sort((one, other) => one.name < other.name ? -1 : 1);
}

/** Whether there is a folder; a link to one counts. */
export function isFolder(path: string): boolean {
  return stat(path)?.isDirectory ?? false;
}

/** Whether there is a file; a link to one counts. */
export function isFile(path: string): boolean {
  return stat(path)?.isFile ?? false;
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether a name ends like a picture's. */
export function isPicture(name: string): boolean {
  return PICTURES.includes(extname(name).toLowerCase());
}

/** Whether a name ends like a video's. */
export function isVideo(name: string): boolean {
  return VIDEOS.includes(extname(name).toLowerCase());
}

/** A name without its ending. */
export function stem(path: string): string {
  return basename(path, extname(path));
}

/** The folders whose name matches, nearest to the root first, `depth` levels down at most. */
export function findFolders(root: string, name: RegExp, depth = 3): string[] {
  const found: string[] = [];
  for (let level = [root]; depth-- > 0 && level.length > 0;) {
    level = level.flatMap((folder) =>
      list(folder).filter(({ isFolder }) => isFolder).map(({ path }) => path)
    );
    found.push(...level.filter((path) => name.test(basename(path))));
  }
  return found;
}

/** Every file below a folder that `takes` its name, in a fixed order. */
export function* findFiles(folder: string, takes: (name: string) => boolean): Generator<string> {
  for (const { name, path, isFolder } of list(folder)) {
    if (isFolder) yield* findFiles(path, takes);
    else if (takes(name)) yield path;
  }
}

/** Path inside the root, with forward slashes. */
export function inside(root: string, path: string): string {
  return relative(root, path).replaceAll("\\", "/");
}

/** @throws {LayoutError} the root is no folder, or an empty one */
export function checkRoot(root: string): void {
  if (!stat(root)) throw new LayoutError(`--root=${root} does not exist.`);
  if (!isFolder(root)) throw new LayoutError(`--root=${root} is not a folder.`);
  if (list(root).length === 0) throw new LayoutError(`--root=${root} is an empty folder.`);
}
