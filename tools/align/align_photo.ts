/**
 * One photo to its aligned face.
 * @module
 */
import { type DecodedPicture, type ImageDecoder, ImageError, type PictureWarning } from "@emoco/serve/decode";
import type { Box, FaceFinder, FoundFace } from "@emoco/web/face-finder";
import { cropFace, type FacePoints, type Pixels, type Point } from "@emoco/web/image";
import type { NoFace } from "./journal.ts";

/** A face that was found, or why none was. */
export type Alignment =
  | {
    readonly points: FacePoints;
    /** What the finder saw: nothing where the points came with the photo. */
    readonly face?: FoundFace;
    readonly faces?: number;
    readonly crop: Pixels;
    /** What is to be said of the photo's file. */
    readonly warnings?: readonly PictureWarning[];
  }
  | NoFace;

/** What is known of a face beforehand, in the photo's pixels. */
export interface Known {
  /** Where the face is: of several faces the one that is here is taken, and no other. */
  readonly box?: Box;
  /** The points to align by, instead of asking a finder. */
  readonly points?: FacePoints;
}

/** Decodes a photo and crops its face; a picture that cannot be decoded is a reason, not an error. */
export async function alignPhoto(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  decoder: ImageDecoder,
  finder: FaceFinder,
  known: Known = {},
): Promise<Alignment> {
  let photo: DecodedPicture;
  try {
    photo = await decoder.decode(bytes);
  } catch (error) {
    if (error instanceof ImageError) return { reason: error.message, why: "unreadable" };
    throw error;
  }
  const { original, width, height, warnings } = photo;
  const x = original ? original.width / width : 1, y = original ? original.height / height : 1;
  const aligned = await alignPixels(photo, size, finder, {
    box: known.box &&
      { x: known.box.x / x, y: known.box.y / y, width: known.box.width / x, height: known.box.height / y },
    points: known.points && scaled(known.points, 1 / x, 1 / y),
  });
  if ("reason" in aligned) return aligned;
  return { ...aligned, points: scaled(aligned.points, x, y), ...warnings && { warnings } };
}

/** The points of a photo that was made smaller in pixels of the photo itself, and the other way round. */
function scaled(points: FacePoints, x: number, y: number): FacePoints {
  const at = ([px, py]: Point): Point => [px * x, py * y];
  const { leftEye, rightEye, nose, mouth } = points;
  return { leftEye: at(leftEye), rightEye: at(rightEye), nose: at(nose), mouth: at(mouth) };
}

/** Crops the face of a photo: the one that is known, else the largest. */
export async function alignPixels(
  photo: Pixels,
  size: number,
  finder: FaceFinder,
  { box, points }: Known = {},
): Promise<Alignment> {
  if (points) return { points, crop: cropFace(photo, points, size) };
  const found = await finder.find(photo);
  if (found.length === 0) return { reason: "No face was found.", why: "no face" };
  const fit = ({ box: other }: FoundFace) => box ? overlap(box, other) : other.width * other.height;
  const face = found.reduce((best, other) => fit(other) > fit(best) ? other : best);
  if (fit(face) <= 0) return { reason: "No face was found where one is said to be.", why: "no face" };
  return { points: face.points, face, faces: found.length, crop: cropFace(photo, face.points, size) };
}

/** Area that two boxes share. */
function overlap(one: Box, other: Box): number {
  const along = (a: number, aSize: number, b: number, bSize: number) =>
    Math.max(0, Math.min(a + aSize, b + bSize) - Math.max(a, b));
  return along(one.x, one.width, other.x, other.width) * along(one.y, one.height, other.y, other.height);
}
