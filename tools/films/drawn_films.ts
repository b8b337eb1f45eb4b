/**
 * Where drawn films go: into a folder, never over anything but the same film's drawing of before.
 * @module
 */
import { basename, extname, join } from "node:path";
import { markFor } from "../detect/drawings.ts";
import { isFolder } from "../detect/photos.ts";
import { fromHere } from "../files/from_here.ts";
import { OutputNames } from "../files/names.ts";
import { exists } from "../files/out_folder.ts";
import { markOf } from "../files/own_output.ts";

/** The drawn films of a run. */
export class DrawnFilms {
  readonly #folder: string;
  readonly #names = new OutputNames();

  /** @throws {Error} the folder is not there */
  constructor(shown: string) {
    this.#folder = fromHere(shown);
    if (!isFolder(this.#folder)) {
      throw new Error(`--draw=${shown} must be a folder that exists when films are drawn.`);
    }
  }

  /** The place for a film, named after its table; `keep` puts the film there when it is whole. */
  begin(film: string, table: string): { path: string; mark: string; keep: () => void } {
    const mark = markFor({ name: film, path: film });
    const isFree = (name: string) => {
      const path = join(this.#folder, name);
      return !exists(path) || markOf(path) === mark;
    };
    const name = this.#names.take(`${basename(table, extname(table))}.mp4`, film, isFree);
    const path = join(this.#folder, `.${name}.part`);
    return { path, mark, keep: () => Deno.renameSync(path, join(this.#folder, name)) };
  }
}
