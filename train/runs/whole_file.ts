/** Files that are whole or as they were before, whatever happens while they are written. */
import { createHash } from "node:crypto";

/** A file that could not be written, such as on a full disk; the message says which, why, and what to do. */
export class WriteError extends Error {
  override name = "WriteError";
}

/**
 * Writes a file beside the old one, flushes it and renames it over: a crash or a full disk at any moment leaves the old.
 * @param content text, or bytes in parts
 * @param previous a second name under which the replaced file stays
 * @throws {WriteError} and nothing is left behind but the file as it was
 */
export function writeAtomically(
  path: string,
  content: string | readonly Uint8Array[],
  previous?: string,
): void {
  const temporary = `${path}.writing`;
  const parts = typeof content === "string" ? [new TextEncoder().encode(content)] : content;
  attempt(path, "what was there before is whole", () => {
    try {
      using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
      for (const part of parts) {
        for (let done = 0; done < part.length;) done += file.writeSync(part.subarray(done));
      }
      file.syncSync();
      if (previous && exists(path)) keepAs(path, previous);
      Deno.renameSync(temporary, path);
    } catch (error) {
      if (exists(temporary)) Deno.removeSync(temporary);
      throw error;
    }
  });
}

/** Adds a line to a file. @throws {WriteError} the file may end in part of the line, which readers leave out */
export function appendLine(path: string, line: string): void {
  attempt(
    path,
    "the last checkpoint is whole",
    () => Deno.writeTextFileSync(path, `${line}\n`, { append: true }),
  );
}

/** Runs `write`, and says in one sentence what the system had against it. @throws {WriteError} */
export function attempt<T>(path: string, comfort: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    // Deno adds the call to what the system says: "No space left on device (os error 28): writefile 'x'".
    const reason = (error as Error).message.split(" (os error")[0];
    throw new WriteError(
      `${path} could not be written (${reason}); ${comfort}. Free disk space or see to the folder's rights, ` +
        "then go on with --resume.",
    );
  }
}

/** Whether there is something at `path`. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** SHA-256 of the parts, one after the other, in hexadecimal. */
export function sha256(...parts: readonly (Uint8Array | string)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** A second name, not a rename, so that there is a newest file at every moment. */
function keepAs(path: string, previous: string): void {
  if (exists(previous)) Deno.removeSync(previous);
  try {
    Deno.linkSync(path, previous);
  } catch {
    Deno.copyFileSync(path, previous); // some file systems know no second names
  }
}
