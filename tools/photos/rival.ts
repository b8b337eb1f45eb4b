/**
 * What a rival says of the same pictures, as action units: the blendshapes of MediaPipe's face landmarker, the reader
 * of faces that browsers have today.
 * @module
 */
import { ManifestError, type Photo } from "./manifest.ts";

/** Its name in tables and reports. */
export const RIVAL = "MediaPipe";

/**
 * The blendshapes whose sum stands for an action unit. The names are those of MediaPipe's face landmarker (2023), which
 * are ARKit's (`ARFaceAnchor.BlendShapeLocation`) and say which movement they are; the choice is ours, one row for each
 * unit that the names cover. AU25 is a gap however it came about, so its row holds all three ways to open one.
 */
export const BLENDSHAPES: ReadonlyMap<number, readonly string[]> = new Map([
  [1, ["browInnerUp"]],
  [2, ["browOuterUpLeft", "browOuterUpRight"]],
  [4, ["browDownLeft", "browDownRight"]],
  [5, ["eyeWideLeft", "eyeWideRight"]],
  [6, ["cheekSquintLeft", "cheekSquintRight"]],
  [7, ["eyeSquintLeft", "eyeSquintRight"]],
  [10, ["mouthUpperUpLeft", "mouthUpperUpRight"]],
  [12, ["mouthSmileLeft", "mouthSmileRight"]],
  [25, ["mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "jawOpen"]],
  [26, ["jawOpen"]],
]);

/**
 * The rival's score of a unit for each picture, -Infinity where it found no face; undefined for a unit that it does
 * not cover.
 * @throws {ManifestError} a picture whose readings lack a blendshape that others have
 */
export function rivalScores(photos: readonly Photo[], au: number): number[] | undefined {
  const names = BLENDSHAPES.get(au);
  const known = photos.find(({ blendshapes }) => names?.every((name) => name in (blendshapes ?? {})));
  if (!names || !known) return undefined;
  return photos.map(({ blendshapes, line }) => {
    if (!blendshapes) return -Infinity;
    return names.reduce((sum, name) => {
      if (name in blendshapes) return sum + blendshapes[name];
      throw new ManifestError(
        `Line ${line} of the manifest: "blendshapes" lacks ${name}, which line ${known.line} has; AU${au} is read from it.`,
      );
    }, 0);
  });
}
