/**
 * The photos and films that a command line names: files, and what is in folders.
 * @module
 */
import { isPicture, isVideo, PICTURES, VIDEOS } from "../files/kinds.ts";
import { fromHere } from "../files/from_here.ts";
import type { PassedOver } from "../files/passed_over.ts";
import { walkFiles } from "../files/walk.ts";

/** A photo by the name that its user gave it, and where it is. */
export interface NamedPhoto {
  readonly name: string;
  readonly path: string;
}

/** What a command line names. */
export interface NamedFiles {
  readonly photos: readonly NamedPhoto[];
  readonly films: readonly NamedPhoto[];
}

/** Photos and films in the order of the command line; folders give theirs, whatever they are named like. "-" is a film. */
export function namedFiles(names: readonly string[], passed: PassedOver): NamedFiles {
  const files = names.flatMap((name): NamedPhoto[] => {
    if (name === "-") return [{ name: "stdin", path: "-" }];
    const path = fromHere(name);
    if (!isFolder(path)) return [{ name, path }];
    const shown = name.replace(/[/\\]+$/, "") || name;
    const takes = (file: string) => isPicture(file) || isVideo(file);
    return walkFiles(path, takes, { passed }).map((file) => ({
      name: `${shown}${file.slice(path.length)}`,
      path: file,
    }));
  });
  if (files.length === 0) {
    const endings = [...PICTURES, ...VIDEOS].join(", ");
    throw new Error(
      [`${names.join(", ")}: no pictures or films are there (${endings}).`, ...passed.lines()].join("\n"),
    );
  }
  const isFilm = ({ path }: NamedPhoto) => path === "-" || isVideo(path);
  return { photos: files.filter((file) => !isFilm(file)), films: files.filter(isFilm) };
}

/** Whether there is a folder, or a link to one. */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
