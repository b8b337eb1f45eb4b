/**
 * Faces of a video: found once in a while, followed in between, which takes one look a face instead of two.
 * @module
 */
import type { BlazeFace, FaceFinder, FoundFace } from "./face_finder.ts";
import type { Pixels } from "./image.ts";

/** Frames from one search of the whole picture to the next: within half a second a new face is seen. */
const SEARCH_EVERY = 12;

/** Finds the faces of frames that follow one another. */
export class FaceFollower implements FaceFinder {
  #faces: readonly FoundFace[] = [];
  #frame = 0;

  constructor(private readonly finder: Pick<BlazeFace, "find" | "follow">) {}

  /** The faces of the next frame; the whole of it is searched in turn, and as soon as nobody or not everybody is seen. */
  async find(image: Pixels, signal?: AbortSignal): Promise<FoundFace[]> {
    const followed: FoundFace[] = [];
    if (this.#frame++ % SEARCH_EVERY > 0) {
      for (const face of this.#faces) {
        signal?.throwIfAborted();
        const now = await this.finder.follow(image, face);
        if (!now) break;
        followed.push(now);
      }
    }
    const isAll = followed.length > 0 && followed.length === this.#faces.length;
    const faces = isAll && !haveMet(followed) ? followed : await this.finder.find(image, signal);
    this.#faces = faces;
    return faces;
  }

  /** Begins anew: the next frame has nothing to do with those before. */
  restart(): void {
    this.#faces = [];
    this.#frame = 0;
  }
}

/** Whether two have run into the same face. */
function haveMet(faces: readonly FoundFace[]): boolean {
  return faces.some(({ box }, i) =>
    faces.slice(i + 1).some(({ box: other }) =>
      Math.hypot(
        box.x - other.x + (box.width - other.width) / 2,
        box.y - other.y + (box.height - other.height) / 2,
      ) <
        Math.min(box.width, other.width) / 2
    )
  );
}
