/** Faces of an adaptation: unlabelled ones of the place of use, labelled ones to rehearse, and nobody who is tested on. */
import { type Face, ManifestError, manifestPath, readManifest, type Split, SPLITS } from "../input/data.ts";
import { UsageError } from "../runs/flags.ts";
import { RunError } from "../runs/run_folder.ts";
import { exists, sha256 } from "../runs/whole_file.ts";
import { type Target, targetRows } from "../scores/target.ts";
import { readAllFaces } from "./finetune_inputs.ts";

/**
 * The faces of the chosen splits; of all lines where the manifest knows no splits.
 * @throws {UsageError} a split that is none, or is for tests; {ManifestError} no face
 */
export function unlabelledFaces(
  manifest: string,
  wanted: readonly string[],
  skipBroken: boolean,
): { faces: Face[]; splits: string[]; test: Face[] } {
  for (const split of wanted) {
    if (!SPLITS.includes(split as Split)) {
      throw new UsageError(`--split=${wanted}: "${split}" is no split; splits are ${SPLITS.join(", ")}.`);
    }
    if (split === "test") {
      throw new UsageError(
        `--split=${wanted}: a model is never adapted to the faces of split test, on which it is evaluated.`,
      );
    }
  }
  const all = readAllFaces(manifest, skipBroken);
  const splits = all.some((face) => face.split) ? [...wanted] : [];
  const faces = splits.length ? all.filter(({ split }) => split && splits.includes(split)) : all;
  if (faces.length === 0) throw new ManifestError(`${manifest} has no face of split ${wanted.join(", ")}.`);
  return { faces, splits, test: all.filter(({ split }) => split === "test") };
}

/** Labelled faces to rehearse: all lines but those of split test that name a unit of the model. */
export function rehearsedFaces(
  manifest: string,
  aus: readonly number[],
  target: Target,
  skipBroken: boolean,
): Face[] {
  const all = readAllFaces(manifest, skipBroken).filter(({ split }) => split !== "test");
  const rows = targetRows(all, aus, target);
  const faces = all.filter((_, n) => rows[n].some((share) => share !== undefined));
  if (faces.length > 0) return faces;
  throw new ManifestError(
    `--rehearse: no face of ${manifest} outside split test is labelled ("${
      target === "intensity" ? "intensity" : "present"
    }") with an action unit of the model.`,
  );
}

/** The faces of split test in a manifest that a model has come from; none where it is not there any more. */
export function testFacesOf(data: string | null | undefined): Face[] {
  if (!data) return [];
  const manifest = manifestPath(data);
  if (!exists(manifest)) return [];
  return readManifest(manifest, { skipBroken: true }).filter(({ split }) => split === "test");
}

/**
 * Refuses to learn anything from people, or from pictures, that an evaluation is made on.
 * @throws {RunError} naming both lines
 */
export function refuseTested(faces: readonly Face[], tested: readonly Face[]): void {
  const subjects = new Map(tested.map((face) => [face.subject, face]));
  const where = ({ image, line }: Face) => `${image}, line ${line} of its manifest`;
  for (const face of faces) {
    const test = subjects.get(face.subject);
    if (!test) continue;
    throw new RunError(
      `subject "${face.subject}" (${where(face)}) is of split test elsewhere (${
        where(test)
      }): a model that has seen ` +
        "people cannot be tested on them. Take the subject out.",
    );
  }
  if (tested.length === 0) return;
  const digest = ({ image }: Face) => {
    try {
      return sha256(Deno.readFileSync(image));
    } catch {
      return image; // a picture that cannot be read is met again, and named, where it is decoded
    }
  };
  const pictures = new Map(tested.map((face) => [digest(face), face]));
  for (const face of faces) {
    const test = pictures.get(digest(face));
    if (!test) continue;
    throw new RunError(
      `${where(face)}, holds the same picture as ${where(test)}, which is of split test: take it out.`,
    );
  }
}
