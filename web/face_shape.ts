/**
 * How one face lies in the crop that the finder has laid. A model reads the crops best that are laid as those it has learnt
 * from, by the finder's search: its own points, which lie elsewhere and go with the mouth, lay others. So the crop of the
 * search is kept: where in it the model sees what expressions move least, and where the finder's closer looks see their points.
 * @module
 */
import { alignmentTransform, type FacePoints, type Point, transformPoint } from "./image.ts";
import type { AlignmentTemplate } from "./model_card.ts";
import { fitSimilarity, invert, type Similarity } from "./similarity.ts";

/** Of iBUG's 68 the outline, the nose and the eyes: expressions move them least, and they tell best of a crop that is laid elsewhere. */
const RIGID = Array.from({ length: 68 }, (_, i) => i).filter((i) => i < 17 || i >= 27 && i < 48);
const NAMES = ["leftEye", "rightEye", "nose", "mouth"] as const;

/** One face's places in its crop, in sides of the crop. */
export class FaceShape {
  #rigid: readonly Point[] = [];
  #seen: readonly Point[] = [];

  constructor(private readonly template?: AlignmentTemplate) {}

  /**
   * Begins with a crop that a search has laid.
   * @param points68 what the model sees in that crop
   * @param seen what a closer look sees in the same picture, if it sees the face
   */
  lay(points: FacePoints, points68: readonly Point[], seen?: FacePoints): void {
    const toCrop = alignmentTransform(points, 1, this.template);
    this.#rigid = RIGID.map((i) => transformPoint(toCrop, points68[i]));
    this.#seen = seen ? NAMES.map((name) => transformPoint(toCrop, seen[name])) : [];
  }

  /** Where a search would see the four points, by what a closer look sees; that itself where nothing better is known. */
  placeSeen(points: FacePoints, seen: FacePoints): FacePoints {
    return this.#place(points, NAMES.map((name) => seen[name]), this.#seen) ?? seen;
  }

  /** The points of a crop that was read, moved to where the model sees the face: by less than it moves, as models are. */
  placeRead(points: FacePoints, points68: readonly Point[]): FacePoints {
    return this.#place(points, RIGID.map((i) => points68[i]), this.#rigid) ?? points;
  }

  /** Where the crop's four points are, if what is seen there lies in the crop where it should; nothing where none does. */
  #place(points: FacePoints, seen: readonly Point[], places: readonly Point[]): FacePoints | undefined {
    if (places.length === 0) return undefined;
    let toPicture: Similarity;
    try {
      toPicture = invert(fitSimilarity(seen, places));
    } catch (error) {
      if (error instanceof RangeError) return undefined; // all in one place: no face
      throw error;
    }
    const toCrop = alignmentTransform(points, 1, this.template);
    return moved(points, (point) => transformPoint(toPicture, transformPoint(toCrop, point)));
  }
}

function moved({ leftEye, rightEye, nose, mouth }: FacePoints, move: (point: Point) => Point): FacePoints {
  return { leftEye: move(leftEye), rightEye: move(rightEye), nose: move(nose), mouth: move(mouth) };
}
