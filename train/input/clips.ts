/** Clips: frames of one person and scene, found by the `video` and `frame` of a manifest's lines. */
import { type Face, ManifestError } from "./data.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";

/**
 * What a clip is made of, beginning with a frame: `pair` adds another frame of the same video at whatever distance,
 * `run` those at the given distances after it, in frames.
 */
export type ClipShape = { kind: "pair" } | { kind: "run"; distances: readonly number[] };

/** Frames of a clip, its first one included. */
export function framesOf(shape: ClipShape): number {
  return shape.kind === "pair" ? 2 : 1 + shape.distances.length;
}

/** The clips that a list of faces holds. */
export class Clips {
  /** Faces that a clip can begin with, by index. */
  readonly anchors: Int32Array;
  /** Faces of each video by their frame's number. */
  readonly #videos = new Map<string, Map<number, number>>();

  /** @throws {ManifestError} a line without video or frame, two lines of one frame, no clip at all */
  constructor(readonly faces: readonly Face[], readonly shape: ClipShape, readonly seed: number) {
    faces.forEach((face, index) => {
      const { video, frame } = placeOf(face);
      const frames = this.#videos.get(video) ?? new Map<number, number>();
      const twin = frames.get(frame);
      if (twin !== undefined) {
        throw new ManifestError(
          `Lines ${faces[twin].line} and ${face.line} of the manifest are both frame ${frame} of video ` +
            `"${face.other.video}" of ${face.subject}; a frame belongs to one line only.`,
        );
      }
      this.#videos.set(video, frames.set(frame, index));
    });
    this.anchors = Int32Array.from(faces.keys().filter((index) => this.#begins(index)));
    if (this.anchors.length === 0) throw new ManifestError(`The manifest holds no clip: ${this.#wants()}.`);
  }

  /**
   * Faces of a clip, by index: that of the anchor, then the others.
   * @param anchor index into `anchors`
   * @param epoch how often this one was visited before: a pair's other frame is drawn anew each time
   */
  facesAt(anchor: number, epoch: number): number[] {
    const first = this.anchors[anchor];
    const { video, frame } = placeOf(this.faces[first]);
    const frames = this.#videos.get(video)!;
    if (this.shape.kind === "run") {
      return [first, ...this.shape.distances.map((distance) => frames.get(frame + distance)!)];
    }
    const others = [...frames.values()].filter((index) => index !== first);
    const random = randomStream(this.seed, PURPOSE.clip, epoch, first);
    return [first, others[Math.floor(random() * others.length)]];
  }

  #begins(index: number): boolean {
    const { video, frame } = placeOf(this.faces[index]);
    const frames = this.#videos.get(video)!;
    if (this.shape.kind === "pair") return frames.size >= 2;
    return this.shape.distances.every((distance) => frames.has(frame + distance));
  }

  #wants(): string {
    return this.shape.kind === "pair"
      ? "it takes two frames of a video"
      : `it takes a frame and those ${this.shape.distances.join(", ")} after it, in one video`;
  }
}

/** Video, as one person's, and number of the frame. */
function placeOf({ subject, line, other: { video, frame } }: Face): { video: string; frame: number } {
  if (typeof video !== "string" && typeof video !== "number" || !Number.isInteger(frame)) {
    throw new ManifestError(
      `Line ${line} of the manifest lacks ${
        Number.isInteger(frame) ? '"video"' : '"frame", a whole number'
      }: ` +
        "methods on clips need video and frame on every line, as `deno task faces --clips` writes them, and as the clips " +
        "have that are taken without --data. Methods on two views of a face need neither.",
    );
  }
  return { video: JSON.stringify([subject, video]), frame: frame as number };
}
