/**
 * The photos that a command line names: files, and what is in folders.
 * @module
 */
import { isPicture, PICTURES } from "../files/kinds.ts";
import { fromHere } from "../files/from_here.ts";
import type { PassedOver } from "../files/passed_over.ts";
import { walkFiles } from "../files/walk.ts";

/** A photo by the name that its user gave it, and where it is. */
export interface NamedPhoto {
  readonly name: string;
  readonly path: string;
}

/** The photos in the order of the command line; folders give their pictures, whatever they are named like. */
export function namedPhotos(names: readonly string[], passed: PassedOver): NamedPhoto[] {
  const photos = names.flatMap((name): NamedPhoto[] => {
    const path = fromHere(name);
    if (!isFolder(path)) return [{ name, path }];
    const shown = name.replace(/[/\\]+$/, "") || name;
    return walkFiles(path, isPicture, { passed }).map((file) => ({
      name: `${shown}${file.slice(path.length)}`,
      path: file,
    }));
  });
  if (photos.length > 0) return photos;
  throw new Error(
    [`${names.join(", ")}: no pictures are there (${PICTURES.join(", ")}).`, ...passed.lines()].join("\n"),
  );
}

/** Whether there is a folder, or a link to one. */
export function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
