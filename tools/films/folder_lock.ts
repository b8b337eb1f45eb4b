/**
 * One program at a time in an output folder, or one a share of the work: a lock that goes with its program, however that
 * ends.
 * @module
 */
import { join } from "node:path";

/** A share of a list: `index` of `count`, from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Who may work in a folder now. */
export class FolderLock implements Disposable {
  private constructor(private readonly files: readonly Deno.FsFile[]) {}

  /**
   * Takes a folder, or a share of its work beside other shares.
   * @param folder that of the journal, which exists
   * @throws {Error} one sentence: another program is at work there
   */
  static take(folder: string, shown: string, shard?: Shard): FolderLock {
    const files: Deno.FsFile[] = [];
    try {
      // Shares hold the folder together, each its own share alone; without shares one holds the folder alone.
      files.push(lock(join(folder, "lock"), !shard));
      if (shard) files.push(lock(join(folder, `lock-${shard.index}-of-${shard.count}`), true));
      return new FolderLock(files);
    } catch (error) {
      for (const file of files) file.close();
      if (!(error instanceof TakenError)) throw error;
      const what = shard ? ` on the share ${shard.index}/${shard.count} or on all of it` : "";
      throw new Error(
        `--out=${shown}: another program works in this folder${what}; wait for it, or choose another folder.`,
      );
    }
  }

  [Symbol.dispose](): void {
    for (const file of this.files) file.close();
  }
}

class TakenError extends Error {}

/** The system's lock of a file: it is let go when the program ends, so that nothing stays behind. */
function lock(path: string, isExclusive: boolean): Deno.FsFile {
  const file = Deno.openSync(path, { read: true, write: true, create: true });
  if (file.tryLockSync(isExclusive)) return file;
  file.close();
  throw new TakenError();
}
