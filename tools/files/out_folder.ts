/**
 * Output folders that cannot hurt what their user has: they neither lie in the input nor hold somebody else's files.
 * @module
 */
import { basename, dirname, join } from "node:path";
import { isOwnFolder } from "./own_output.ts";
import { isInside } from "./walk.ts";

/** What `align` and `manifest` write into a folder. */
const WRITTEN = ["faces", "journal.jsonl", "manifest.jsonl", "not_found.txt", "problems.tsv", "report.html"];

/**
 * Checks, before anything is written, that the faces made from `input` may go into `out`; links and `..` are resolved.
 * @param option the input's option, "--in" or "--root"
 * @throws {Error} one sentence: what is wrong and what to do
 */
export function checkOutFolder(option: string, input: string, out: string): void {
  const from = realOf(input), to = realOf(out);
  if (isInside(to, from)) {
    throw new Error(
      `--out=${out} lies in ${option}, where its faces would be taken for photos: choose a folder outside of it.`,
    );
  }
  for (let folder = from; folder !== dirname(folder); folder = dirname(folder)) {
    if (!isOwnFolder(folder)) continue;
    throw new Error(
      `${option}=${input} holds faces that were aligned already (${
        join(folder, "journal.jsonl")
      } says so): ` +
        "name the folder of the photos.",
    );
  }
  if (isInside(from, join(to, "faces"))) {
    throw new Error(`${option}=${input} lies where --out=${out} puts its faces: choose another --out.`);
  }
  if (!exists(to) || isOwnFolder(to) || isEmptyFile(join(to, "journal.jsonl"))) return;
  if (!Deno.statSync(to).isDirectory) throw new Error(`--out=${out} is a file: name a folder.`);
  const [other] = WRITTEN.filter((name) => exists(join(to, name)) && !isEmptyFolder(join(to, name)));
  if (other) {
    throw new Error(
      `--out=${out} holds ${other}, which this program did not write and would write over: choose another folder.`,
    );
  }
}

/** @throws {Error} there is a file already: it may be anybody's, and is not written over */
export function checkNewFile(option: string, path: string): void {
  if (exists(path)) {
    throw new Error(`${option}=${path} exists already and is not written over: choose another name.`);
  }
}

/** The real path of what may not be there yet: that of the nearest folder that is, and the rest. */
export function realOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) || path === dirname(path)) throw error;
    return join(realOf(dirname(path)), basename(path));
  }
}

/** Whether there is something at `path`; a link that leads nowhere is something. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function isEmptyFile(path: string): boolean {
  return exists(path) && Deno.statSync(path).size === 0 && Deno.statSync(path).isFile;
}

function isEmptyFolder(path: string): boolean {
  return Deno.lstatSync(path).isDirectory && Deno.readDirSync(path).next().done === true;
}
