/**
 * Files of fixed names, such as a table or a report, in a folder that their user chose: they take the place of what the
 * same program wrote before, and of nothing else.
 * @module
 */
import { join, resolve } from "node:path";
import { writeAtomically } from "../../train/runs/whole_file.ts";
import { exists } from "./out_folder.ts";

/** Names what was written; hidden, since it is nobody's result. */
const LIST = ".written.json";

/**
 * Makes the folder and takes names in it, before any of them is written.
 * @param option how the folder was given, as "--out"
 * @param known folders of the project's own, where nothing else lies under these names
 * @throws {Error} one sentence, and nothing is written: which of the names is somebody else's
 */
export function claimNames(
  option: string,
  folder: string,
  names: readonly string[],
  known: readonly string[] = [],
): void {
  if (exists(folder) && !Deno.statSync(folder).isDirectory) {
    throw new Error(`${option}=${folder} is a file: name a folder.`);
  }
  if (!known.some((one) => resolve(one) === resolve(folder))) {
    const list = join(folder, LIST),
      own: string[] = exists(list) ? JSON.parse(Deno.readTextFileSync(list)) : [];
    const other = names.find((name) => !own.includes(name) && exists(join(folder, name)));
    if (other !== undefined) {
      throw new Error(
        `${option}=${folder} holds ${other}, which this program did not write and would write over: choose another ` +
          "folder.",
      );
    }
    Deno.mkdirSync(folder, { recursive: true });
    writeAtomically(list, JSON.stringify([...new Set([...own, ...names])].sort()) + "\n");
  }
}
