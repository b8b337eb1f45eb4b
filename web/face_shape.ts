/**
 * How one face lies in the crop that the finder lays. A model's points lie elsewhere in a face than the finder's, and its
 * mouth moves; a crop laid by them is another one than the model has learnt to read. So the finder's crops are kept: where
 * in them the points are that no expression moves, and later crops are laid so that these lie there again.
 * @module
 */
import { alignmentTransform, type FacePoints, type Point, transformPoint } from "./image.ts";
import type { AlignmentTemplate } from "./model_card.ts";
import { fitSimilarity, invert, type Similarity } from "./similarity.ts";

/** Of iBUG's 68: the eyes' corners and the nose. */
const RIGID = [27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 39, 42, 45];
const NAMES = ["leftEye", "rightEye", "nose", "mouth"] as const;
/** The newest of the finder's looks counts at least this much: a head that turns looks otherwise. */
const NEWEST = 0.2;

/** One face's shape, the mean of the finder's looks. */
export class FaceShape {
  /** In sides of the crop: the rigid points, then the finder's four. */
  #places: readonly Point[] = [];
  #looks = 0;

  constructor(private readonly template?: AlignmentTemplate) {}

  /** How often the finder has looked. */
  get looks(): number {
    return this.#looks;
  }

  /** Takes in what the finder sees of a face, and the model's points of the same picture. */
  look(seen: FacePoints, points68: readonly Point[]): void {
    const toCrop = alignmentTransform(seen, 1, this.template), share = Math.max(NEWEST, 1 / ++this.#looks);
    const places = [...RIGID.map((i) => points68[i]), ...NAMES.map((name) => seen[name])]
      .map((point) => transformPoint(toCrop, point));
    this.#places = this.#looks === 1 ? places : this.#places.map(([x, y], i): Point => [
      x + share * (places[i][0] - x),
      y + share * (places[i][1] - y),
    ]);
  }

  /** Where the finder would see its four points, by the model's; undefined where it has not looked, or they are no face's. */
  place(points68: readonly Point[]): FacePoints | undefined {
    if (this.#looks === 0) return undefined;
    let toPicture: Similarity;
    try {
      toPicture = invert(fitSimilarity(RIGID.map((i) => points68[i]), this.#places.slice(0, RIGID.length)));
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
    const [leftEye, rightEye, nose, mouth] = this.#places.slice(RIGID.length)
      .map((point) => transformPoint(toPicture, point));
    return { leftEye, rightEye, nose, mouth };
  }
}
