/**
 * Faces of a video. Once the model's own points have shown where a face is, the next frame's crop is laid by them as the
 * finder would lay it, and the finder looks only now and then: whether the face is still there, how it lies in the crop,
 * and for newcomers in one part of the picture after the other. A model without points is followed by the finder itself, with one look a face instead of two.
 * @module
 */
import type { FollowingFinder, ReadFace } from "./following_finder.ts";
import type { BlazeFace, FoundFace } from "./face_finder.ts";
import { differenceOf, lookOf, sceneOf } from "./face_look.ts";
import { alignmentPointsOf, FaceTrack, moveTo, type Offset, offsetOf } from "./face_track.ts";
import { FaceTracker } from "./face_tracker.ts";
import type { FacePoints, Pixels } from "./image.ts";
import type { AlignmentTemplate } from "./model_card.ts";
import { asPicture, type Layer, type Picture } from "./picture.ts";

/** Frames from one search of the whole picture to the next, of a model without points: within half a second. */
const SEARCH_EVERY = 12;
/** Frames from one look at a followed face to the next; several faces take turns. At first it is looked at every time. */
const LOOK_EVERY = 10, FIRST_LOOKS = 4;
/** Frames from one look for newcomers to the next; all parts of the picture have had theirs in about a second. */
const PART_EVERY = 4;
/** A picture that differs this much from the one before is another scene: mean difference of brightness, 0-1. */
const CUT = 0.12;
/** A face that has changed this much since the last frame is looked at: mean difference of colours, 0-1. */
const CHANGED = 0.05;
/** From here on the crop that was read was laid so badly that another one is read, and that it was no face's. */
const BADLY: Offset = { shift: 0.06, scale: 0.12, turn: 7 };
const NOT_A_FACE: Offset = { shift: 0.3, scale: 0.6, turn: 40 };
/** The longer side of what colours are looked at in. */
const LOOKED_AT = 640;
/** Seconds a frame, where nobody tells the time. */
const FRAME = 1 / 30;

/** What the follower asks of a finder. */
export type FollowedFinder =
  & Pick<BlazeFace, "find" | "follow">
  & Partial<Pick<BlazeFace, "lookInPart">>;

/** Finds the faces of frames that follow one another, and numbers them. */
export class FaceFollower implements FollowingFinder {
  #tracks: readonly FaceTrack[] = [];
  /** Whose points these are, of the faces that were given out last. */
  #given = new WeakMap<FacePoints, FaceTrack>();
  /** What the finder has seen of them itself in this frame. */
  #seen = new WeakMap<FacePoints, FacePoints>();
  #tracker = new FaceTracker();
  /** The frame as its colours are looked at. */
  #layer?: Layer;
  #scene?: Float32Array;
  #isCut = false;
  /** Whether somebody was lost in the last frame. */
  #isMissing = false;
  #frame = 0;
  #part = 0;
  #time = 0;

  /** @param template of the model that reads the faces */
  constructor(private readonly finder: FollowedFinder, private readonly template?: AlignmentTemplate) {}

  /** Tells when the next frame is, in seconds; without it, it comes a thirtieth of a second after the last. */
  at(time: number): void {
    this.#time = time - FRAME;
  }

  /** The faces of the next frame; the whole of it is searched at a cut, and as soon as nobody or not everybody is seen. */
  async find(image: Pixels | Picture, signal?: AbortSignal): Promise<FoundFace[]> {
    this.#time += FRAME;
    const { width, height } = image, shrink = Math.max(1, Math.max(width, height) / LOOKED_AT);
    [this.#layer] = await asPicture(image).look([{ x: 0, y: 0, width, height, shrink }]);
    const scene = sceneOf(this.#layer.pixels), before = this.#scene;
    this.#scene = scene;
    this.#isCut = before !== undefined && differenceOf(scene, before) > CUT;
    const isTurn = this.#frame++ % SEARCH_EVERY === 0 && !this.#tracks.every(({ isByModel }) => isByModel);
    const canFollow = !this.#isCut && !isTurn && !this.#isMissing && this.#tracks.length > 0;
    this.#isMissing = false;
    const followed = canFollow ? await this.#follow(image, signal) : undefined;
    if (followed) return followed;
    const found = await this.finder.find(image, signal);
    this.#give(found.map((face) => [face, new FaceTrack(face, this.#time, this.template), face]));
    return found;
  }

  /** Of the faces that were read, those whose crop was laid badly: where to read again, or that nobody is there. */
  async review(
    image: Pixels | Picture,
    faces: readonly ReadFace[],
    signal?: AbortSignal,
  ): Promise<(FoundFace | "right" | "gone")[]> {
    const answers: (FoundFace | "right" | "gone")[] = [];
    for (const face of faces) {
      signal?.throwIfAborted();
      answers.push(await this.#judge(image, face));
    }
    this.#isMissing = answers.includes("gone");
    return answers;
  }

  /** Takes in what was read in the end; gives the faces their numbers, and the points that they have now. */
  learn<Face extends ReadFace>(faces: readonly Face[]): (Face & { readonly id: number })[] {
    const pairs = faces.map((face): [Face, FaceTrack] => {
      const track = this.#given.get(face.points) ?? new FaceTrack(face, this.#time, this.template);
      if (!face.points68) return [face, track];
      const seen = this.#seen.get(face.points), { box, score } = face;
      if (seen) track.shape.look(seen, face.points68);
      const points = track.shape.place(face.points68) ?? alignmentPointsOf(face.points68);
      track.measure({ box, score, points: face.points }, points, this.#time);
      return [{ ...face, ...moveTo({ box, score, points: face.points }, points, this.template) }, track];
    });
    const looks = pairs.map(([face, track]) => {
      const look = lookOf(this.#layer!, face.points, this.template);
      track.look = look;
      return look;
    });
    this.#tracks = pairs.map(([, track]) => track);
    const ids = this.#tracker.follow(pairs.map(([{ box }]) => box), this.#time, {
      looks,
      isCut: this.#isCut,
    });
    return pairs.map(([face], i) => ({ ...face, id: ids[i] }));
  }

  /** Begins anew: the next frame has nothing to do with those before. */
  restart(): void {
    this.#tracks = [];
    this.#tracker = new FaceTracker();
    this.#scene = undefined;
    this.#frame = this.#part = this.#time = 0;
  }

  /** All faces of before, and newcomers; nothing where one is lost or two have become one. */
  async #follow(image: Pixels | Picture, signal?: AbortSignal): Promise<FoundFace[] | undefined> {
    const pairs: [FoundFace, FaceTrack, FoundFace?][] = [];
    for (const [i, track] of this.#tracks.entries()) {
      signal?.throwIfAborted();
      const expected = track.expect(this.#time);
      if (track.isByModel && !this.#mustLook(track, expected, i)) {
        pairs.push([expected, track]);
        continue;
      }
      const seen = await this.finder.follow(image, expected);
      if (!seen) return undefined;
      // The model's points are finer than the finder's, as long as they are of this face.
      const face = track.isByModel && areSame(seen, expected) ? { ...expected, score: seen.score } : seen;
      if (!track.isByModel) track.see(face, this.#time);
      pairs.push([face, track, seen]);
    }
    const faces = pairs.map(([face]) => face);
    if (haveMet(faces)) return undefined;
    if (this.#tracks.every(({ isByModel }) => isByModel) && this.#frame % PART_EVERY === 0) {
      for (const face of await this.finder.lookInPart?.(image, this.#part++) ?? []) {
        if (faces.some((other) => areNear(face, other))) continue;
        pairs.push([face, new FaceTrack(face, this.#time, this.template), face]);
      }
    }
    this.#give(pairs);
    return pairs.map(([face]) => face);
  }

  /** Whether it is a face's turn, or it may have gone. */
  #mustLook({ look, shape }: FaceTrack, expected: FoundFace, index: number): boolean {
    if ((this.#frame + 3 * index) % LOOK_EVERY === 0 || !look || shape.looks < FIRST_LOOKS) return true;
    return differenceOf(lookOf(this.#layer!, expected.points, this.template), look) > CHANGED;
  }

  /** @param pairs each face with its track, and with what the finder itself has seen of it */
  #give(pairs: readonly (readonly [FoundFace, FaceTrack, FoundFace?])[]): void {
    this.#given = new WeakMap(pairs.map(([{ points }, track]) => [points, track]));
    this.#seen = new WeakMap(pairs.flatMap(([{ points }, , seen]) => seen ? [[points, seen.points]] : []));
    this.#tracks = pairs.map(([, track]) => track);
  }

  async #judge(image: Pixels | Picture, face: ReadFace): Promise<FoundFace | "right" | "gone"> {
    if (!face.points68) return "right";
    const track = this.#given.get(face.points), seen = this.#seen.get(face.points), { box, score } = face;
    const points = track?.shape.place(face.points68) ?? alignmentPointsOf(face.points68);
    const read = { box, score, points: face.points };
    const offset = offsetOf(face.points, points, this.template), isFace = !isBeyond(offset, NOT_A_FACE);
    // What the finder has laid is right, as long as there is a face.
    if (isFace && (seen === face.points || !isBeyond(offset, BADLY))) return "right";
    const again = isFace ? moveTo(read, points, this.template) : await this.finder.follow(image, read);
    if (again && track) {
      this.#given.set(again.points, track);
      if (!isFace || seen) this.#seen.set(again.points, isFace ? seen! : again.points);
    }
    return again ?? "gone";
  }
}

function isBeyond(offset: Offset, limit: Offset): boolean {
  return offset.shift > limit.shift || offset.scale > limit.scale || offset.turn > limit.turn;
}

/** Whether two have run into the same face. */
function haveMet(faces: readonly FoundFace[]): boolean {
  return faces.some((face, i) => faces.slice(i + 1).some((other) => areNear(face, other)));
}

function areNear({ box }: FoundFace, { box: other }: FoundFace): boolean {
  return distanceOf(box, other) < Math.min(box.width, other.width) / 2;
}

/** Whether the finder sees a face where and as large as it was expected. */
function areSame({ box }: FoundFace, { box: other }: FoundFace): boolean {
  return distanceOf(box, other) < 0.35 * other.width && Math.abs(Math.log(box.width / other.width)) < 0.4;
}

function distanceOf(box: FoundFace["box"], other: FoundFace["box"]): number {
  return Math.hypot(
    box.x - other.x + (box.width - other.width) / 2,
    box.y - other.y + (box.height - other.height) / 2,
  );
}
