/**
 * What finds the faces of films: told what a model makes of them, it follows them by that.
 * @module
 */
import type { FaceFinder, FoundFace } from "./face_finder.ts";
import type { Pixels, Point } from "./image.ts";
import type { Picture } from "./picture.ts";

/** A face that a model has read, with what matters to whoever found it. */
export interface ReadFace extends FoundFace {
  /** iBUG's 68 points, of a model that knows them. */
  readonly points68?: readonly Point[];
}

/** What finds faces and learns from what the model makes of them. */
export interface FollowingFinder extends FaceFinder {
  /** For each face that was read: right as it is, to be read again elsewhere, or not there. */
  review(
    image: Pixels | Picture,
    faces: readonly ReadFace[],
    signal?: AbortSignal,
  ): Promise<(FoundFace | "right" | "gone")[]>;
  /** Told what was read in the end; gives the faces back with their numbers. */
  learn<Face extends ReadFace>(faces: readonly Face[]): (Face & { readonly id?: number })[];
}
