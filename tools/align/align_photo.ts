/**
 * One photo to its aligned face.
 * @module
 */
import { type ImageDecoder, ImageError } from "@emoco/serve/decode";
import type { FaceFinder, FoundFace } from "@emoco/web/face-finder";
import { cropFace, type Pixels } from "@emoco/web/image";

/** A face that was found, or why none was. */
export type Alignment =
  | { readonly face: FoundFace; readonly faces: number; readonly crop: Pixels }
  | { readonly reason: string };

/** Decodes a photo and crops its largest face; a picture that cannot be decoded is a reason, not an error. */
export async function alignPhoto(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  decoder: ImageDecoder,
  finder: FaceFinder,
): Promise<Alignment> {
  let photo: Pixels;
  try {
    photo = await decoder.decode(bytes);
  } catch (error) {
    if (error instanceof ImageError) return { reason: error.message };
    throw error;
  }
  const found = await finder.find(photo);
  if (found.length === 0) return { reason: "No face was found." };
  const area = ({ box }: FoundFace) => box.width * box.height;
  const face = found.reduce((largest, other) => area(other) > area(largest) ? other : largest);
  return { face, faces: found.length, crop: cropFace(photo, face.points, size) };
}
