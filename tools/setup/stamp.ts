/**
 * Stamps: written last, they say what a folder must hold, so nothing half-done is ever taken for whole.
 * @module
 */
import { basename, dirname, join, relative } from "node:path";

/** What is wrong with this machine and what to do about it, as one sentence for the person at the terminal. */
export class SetupError extends Error {}

/** The contents of a finished folder: what made it, and every file with its size in bytes. */
export interface Stamp {
  readonly madeFrom: string;
  readonly files: Readonly<Record<string, number>>;
}

/** Writes `stamp.json` over all files now in `folder`. Call it as the last step, before the folder gets its name. */
export async function writeStamp(folder: string, madeFrom: string): Promise<void> {
  const files: Record<string, number> = {};
  for (const path of filesBelow(folder)) files[relative(folder, path)] = Deno.statSync(path).size;
  await writeWhole(join(folder, "stamp.json"), JSON.stringify({ madeFrom, files } satisfies Stamp, null, 1));
}

/** Tells whether `folder` was finished from `madeFrom` and each of its files still has its size. */
export function isWhole(folder: string, madeFrom: string): boolean {
  try {
    const stamp: Stamp = JSON.parse(Deno.readTextFileSync(join(folder, "stamp.json")));
    return stamp.madeFrom === madeFrom &&
      Object.entries(stamp.files).every(([path, size]) => Deno.statSync(join(folder, path)).size === size);
  } catch {
    // No stamp, a broken one or a missing file: in each case the folder is made anew.
    return false;
  }
}

/** Writes a file so that a reader finds the old text or the new one, and never a part. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const partial = `${path}.${Deno.pid}.partial`;
  await Deno.writeTextFile(partial, text);
  await Deno.rename(partial, path);
}

/**
 * A fresh folder to make `folder` in, after what killed set-ups have left is gone. Its name is this process's own, since
 * a compiler may outlive the set-up that started it.
 */
export async function makePartial(folder: string): Promise<string> {
  await Deno.mkdir(dirname(folder), { recursive: true });
  for (const { name } of Deno.readDirSync(dirname(folder))) {
    if (name.startsWith(`${basename(folder)}.`) && name.endsWith(".partial")) {
      await remove(join(dirname(folder), name));
    }
  }
  const partial = `${folder}.${Deno.pid}.partial`;
  await Deno.mkdir(partial);
  return partial;
}

/** Gives a finished folder its final name, in place of what may stand there. */
export async function putInPlace(partial: string, folder: string): Promise<void> {
  await remove(folder);
  await Deno.rename(partial, folder);
}

/** Removes a file or folder if it exists. */
export async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/**
 * Waits until no other set-up works on `folder`; dispose of the result to let the next one in. The lock belongs to the
 * process, so one that was killed leaves none behind.
 */
export async function lockFolder(folder: string, say: (line: string) => void): Promise<Disposable> {
  await Deno.mkdir(folder, { recursive: true });
  const file = await Deno.open(join(folder, "lock"), { create: true, write: true });
  if (!await file.tryLock(true)) {
    say(`Another set-up is at work in ${folder}; waiting for it.`);
    await file.lock(true);
  }
  return { [Symbol.dispose]: () => file.close() };
}

function* filesBelow(folder: string): Generator<string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* filesBelow(path);
    else yield path;
  }
}
