/**
 * Finding one's way in a data set's folder: names without regard to case, lists in a fixed order.
 * @module
 */
import { basename, extname, relative, sep } from "node:path";
import { isPicture, isVideo } from "../files/kinds.ts";
import { PASSED_OVER, PassedOver } from "../files/passed_over.ts";
import { list, walkFiles } from "../files/walk.ts";
import { LayoutError } from "./data_set.ts";
import type { Notes } from "./notes.ts";

export { isPicture, isVideo, PICTURES } from "../files/kinds.ts";
export { list, walkFiles } from "../files/walk.ts";

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

/** A name without its ending. */
export function stem(path: string): string {
  return basename(path, extname(path));
}

/** The folders whose name matches, nearest to the root first, `depth` levels down at most, each once by its real path. */
export function findFolders(root: string, name: RegExp, depth = 3): string[] {
  const found: string[] = [], seen = new Set([Deno.realPathSync(root)]);
  for (let level = [root]; depth-- > 0 && level.length > 0;) {
    const below = level.flatMap((folder) => list(folder)).filter(({ isFolder }) => isFolder);
    // Of two names of one folder the one that is no link.
    below.sort((one, other) => Number(one.isLink) - Number(other.isLink));
    const fresh = new Set(
      below.filter(({ path }) => {
        const real = Deno.realPathSync(path), isNew = !seen.has(real);
        seen.add(real);
        return isNew;
      }).map(({ path }) => path),
    );
    level = [...fresh].sort();
    found.push(...level.filter((path) => name.test(basename(path))));
  }
  return found;
}

/** Notes the pictures, videos and links below the root that nobody reads. */
export function notePassedOver(root: string, notes: Notes): void {
  const passed = new PassedOver();
  walkFiles(root, (name) => isPicture(name) || isVideo(name), { passed });
  for (const { kind, path } of passed.items) {
    notes.add("passed over", `${inside(root, path)}: ${PASSED_OVER[kind].replace(/;.*/, "")}`);
  }
}

/** Path inside the root, with forward slashes. */
export function inside(root: string, path: string): string {
  return relative(root, path).replaceAll(sep, "/");
}

/** @throws {LayoutError} the root is no folder, or an empty one */
export function checkRoot(root: string): void {
  if (!stat(root)) throw new LayoutError(`--root=${root} does not exist.`);
  if (!isFolder(root)) throw new LayoutError(`--root=${root} is not a folder.`);
  if (list(root).length === 0) throw new LayoutError(`--root=${root} is an empty folder.`);
}
