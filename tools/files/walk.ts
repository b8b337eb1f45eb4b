/**
 * The one walk through a folder that all programs share. It ends whatever the links in it: each is followed once by the
 * place it really leads to. Hidden files and macOS's `._` doubles of files are left out.
 * @module
 */
import { isAbsolute, join, relative, sep } from "node:path";
import { isUnreadPicture } from "./kinds.ts";
import { isOwnDrawing, isOwnFolder } from "./own_output.ts";
import type { PassedOver } from "./passed_over.ts";

/** What stands in a folder. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  /** A folder, or a link to one. */
  readonly isFolder: boolean;
  readonly isLink: boolean;
}

/** How a walk goes. */
export interface WalkOptions {
  readonly passed?: PassedOver;
  /** Of several names of one file the one that is taken; else the one that is no link, else the first. */
  readonly prefers?: (path: string) => boolean;
}

/** What is in a folder, sorted by name; a folder that may not be read counts as empty. */
export function list(folder: string, passed?: PassedOver): Entry[] {
  const entries: Entry[] = [];
  let found: Deno.DirEntry[];
  try {
    found = [...Deno.readDirSync(folder)];
  } catch (error) {
    if (!passed || !(error instanceof Deno.errors.PermissionDenied)) throw error;
    passed.add("unreadable", folder);
    return [];
  }
  for (const { name, isDirectory, isSymlink } of found) {
    if (name.startsWith(".")) continue;
    const path = join(folder, name);
    const target = isSymlink ? stat(path) : undefined;
    if (isSymlink && !target) passed?.add(isLoop(path) ? "loop" : "broken link", path);
    else entries.push({ name, path, isFolder: isDirectory || !!target?.isDirectory, isLink: isSymlink });
  }
  return entries.sort((one, other) => one.name < other.name ? -1 : 1);
}

/**
 * The files below a folder that `takes` their names, in a fixed order, each once by its real path. A folder that one of
 * these programs wrote is passed over where it lies below the one asked for.
 */
export function walkFiles(
  folder: string,
  takes: (name: string) => boolean,
  { passed, prefers = () => false }: WalkOptions = {},
): string[] {
  const top = Deno.realPathSync(folder), folders = new Set([top]);
  const files = new Map<string, { path: string; isLink: boolean; order: number }>();
  let order = 0;

  const takeFile = ({ path, isLink }: Entry, real: string) => {
    if (isOwnDrawing(path)) return passed?.add("own output", path);
    const before = files.get(real), now = { path, isLink, order: order++ };
    if (!before) return files.set(real, now);
    const rank = (one: typeof now) => (prefers(one.path) ? 2 : 0) + (one.isLink ? 0 : 1);
    const [kept, left] = rank(now) > rank(before) ? [now, before] : [before, now];
    files.set(real, kept);
    passed?.add("double", left.path);
  };
  const visit = (at: string, real: string) => {
    folders.add(real);
    for (const entry of list(at, passed)) {
      const { name, path, isFolder, isLink } = entry;
      if (!isFolder) {
        if (isUnreadPicture(name)) passed?.add("unread format", path);
        if (takes(name)) takeFile(entry, isLink ? Deno.realPathSync(path) : join(real, name));
        continue;
      }
      const leadsTo = isLink ? Deno.realPathSync(path) : join(real, name);
      if (isLink && isInside(top, leadsTo) || isLink && isInside(real, leadsTo)) passed?.add("loop", path);
      else if (folders.has(leadsTo) || isLink && isReached(top, leadsTo)) passed?.add("double", path);
      else if (isOwnFolder(path)) passed?.add("own output", path);
      else visit(path, leadsTo);
    }
  };
  visit(folder, top);
  return [...files.values()].sort((one, other) => one.order - other.order).map(({ path }) => path);
}

/** Whether a path is a folder or lies in it; both real. */
export function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return !isAbsolute(way) && way.split(sep)[0] !== "..";
}

/** Whether a walk from `top` comes to a folder without any link. */
function isReached(top: string, folder: string): boolean {
  return isInside(folder, top) && !relative(top, folder).split(sep).some((name) => name.startsWith("."));
}

function stat(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch {
    return undefined;
  }
}

/** Whether a link leads to itself over others. */
function isLoop(path: string): boolean {
  try {
    Deno.statSync(path);
    return false;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied);
  }
}
