/** The mistake that makes numbers worthless unseen: a person, or a picture, in the training and the test part of a fold. */
import type { Face } from "../input/data.ts";
import type { Fold } from "./folds.ts";
import { Progress } from "../runs/progress.ts";
import { RunError } from "../runs/run_folder.ts";
import { sha256 } from "../runs/whole_file.ts";

/**
 * Refuses folds that share a person or the bytes of a picture between training and test. Reads every picture once.
 * @throws {RunError} naming both faces
 */
export function refuseLeaks(faces: readonly Face[], folds: readonly Fold[]): void {
  // Where a face is tested: two that are tested in the same folds are never on both sides of one.
  const parts = faces.map(() => "");
  folds.forEach(({ test }, fold) => test.forEach((i) => parts[i] += `${fold + 1} `));
  const subjects = faces.map(({ subject }) => subject);
  refuseShared(
    faces,
    parts,
    subjects,
    (one, other) =>
      `subject "${one.subject}" is in the training and in the test part of a fold (${where(one)} and ${
        where(other)
      })`,
  );
  const progress = new Progress(faces.length);
  const digests = faces.map(({ image }, done) => {
    progress.show(done, `pictures compared  ${done}/${faces.length}`);
    return digestOf(image);
  });
  progress.end();
  refuseShared(
    faces,
    parts,
    digests,
    (one, other) =>
      `the same picture is in the training and in the test part of a fold: ${
        where(one)
      }, subject "${one.subject}", and ` +
      `${where(other)}, subject "${other.subject}", hold the same bytes`,
  );
}

function refuseShared(
  faces: readonly Face[],
  parts: readonly string[],
  keys: readonly string[],
  sentence: (one: Face, other: Face) => string,
): void {
  const first = new Map<string, number>();
  keys.forEach((key, i) => {
    const earlier = first.get(key);
    if (earlier === undefined) first.set(key, i);
    else if (parts[earlier] !== parts[i]) {
      throw new RunError(
        `${sentence(faces[earlier], faces[i])}: the test would say nothing. Correct the manifest.`,
      );
    }
  });
}

/** A picture that cannot be read is met again, and named, where it is decoded: it equals no other here. */
function digestOf(image: string): string {
  try {
    return sha256(Deno.readFileSync(image));
  } catch {
    return image;
  }
}

function where({ image, line }: Face): string {
  return `${image}, line ${line}`;
}
