/**
 * Faces of a video. Once a face is known, the next frame's crop is laid where it is expected. The model's own points tell
 * whether it is there; the finder looks only now and then, or where they tell otherwise: where the face is, how large and
 * how turned, and for newcomers in one part of the picture after the other. A model without points is followed by the finder itself, with one look a face instead of two.
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
/** Frames from one look at a followed face to the next; several faces take turns. */
const LOOK_EVERY = 3;
/** Frames from one look for newcomers to the next; all parts of the picture have had theirs in about a second. */
const PART_EVERY = 4;
/** A picture that differs this much from the one before is another scene: mean difference of brightness, 0-1. */
const CUT = 0.12;
/** A face that has changed this much since the last frame is looked at: mean difference of colours, 0-1. */
const CHANGED = 0.05;
/** From here on the crop that was read was laid so badly that another one is read, and that it was no face's. */
const BADLY: Offset = { shift: 0.05, scale: 0.1, turn: 6 };
const NOT_A_FACE: Offset = { shift: 0.3, scale: 0.6, turn: 40 };
/** The longer side of what colours are looked at in. */
const LOOKED_AT = 640;
/** Seconds a frame, where nobody tells the time. */
const FRAME = 1 / 30;

/** What the follower asks of a finder. */
export type FollowedFinder =
  & Pick<BlazeFace, "find" | "follow">
  & Partial<Pick<BlazeFace, "lookInPart">>;

/** A face that was given out: whose it is, and whether its crop was laid by a search, by a closer look, or as expected. */
interface Given {
  readonly track: FaceTrack;
  readonly by: "search" | "look" | "track";
}

/** Finds the faces of frames that follow one another, and numbers them. */
export class FaceFollower implements FollowingFinder {
  #tracks: readonly FaceTrack[] = [];
  /** Whose points these are, of the faces that were given out last. */
  #given = new WeakMap<FacePoints, Given>();
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
    this.#give(found.map((face) => [face, new FaceTrack(face, this.#time, this.template), "search"]));
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
      const given = this.#given.get(face.points), { box, score, points, points68 } = face;
      const track = given?.track ?? new FaceTrack(face, this.#time, this.template);
      if (points68 && given?.by !== "look" && given?.by !== "track") {
        track.measure({ box, score, points }, points, this.#time);
      }
      return [face, track];
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
    const pairs: [FoundFace, FaceTrack, Given["by"]][] = [];
    for (const [i, track] of this.#tracks.entries()) {
      signal?.throwIfAborted();
      const expected = track.expect(this.#time);
      if (track.isByModel && !this.#mustLook(track, expected, i)) {
        pairs.push([expected, track, "track"]);
        continue;
      }
      const seen = await this.finder.follow(image, expected);
      if (!seen) return undefined;
      if (!track.isByModel) track.see(seen, this.#time);
      if (track.isByModel && areSame(seen, expected)) {
        pairs.push([this.#look(track, expected, seen), track, "look"]);
      } else pairs.push([seen, track, "search"]);
    }
    const faces = pairs.map(([face]) => face);
    if (haveMet(faces)) return undefined;
    if (this.#tracks.every(({ isByModel }) => isByModel) && this.#frame % PART_EVERY === 0) {
      for (const face of await this.finder.lookInPart?.(image, this.#part++, faces, signal) ?? []) {
        if (faces.some((other) => areNear(face, other))) continue;
        pairs.push([face, new FaceTrack(face, this.#time, this.template), "search"]);
      }
    }
    this.#give(pairs);
    return pairs.map(([face]) => face);
  }

  /** Whether it is a face's turn, or it may have gone. */
  #mustLook({ look }: FaceTrack, expected: FoundFace, index: number): boolean {
    if ((this.#frame + index) % LOOK_EVERY === 0 || !look) return true;
    return differenceOf(lookOf(this.#layer!, expected.points, this.template), look) > CHANGED;
  }

  /** Where a face is now that a closer look has seen it. */
  #look(track: FaceTrack, expected: FoundFace, seen: FoundFace): FoundFace {
    track.measure(expected, track.shape.placeSeen(expected.points, seen.points), this.#time);
    return { ...track.expect(this.#time), score: seen.score };
  }

  #give(faces: readonly (readonly [FoundFace, FaceTrack, Given["by"]])[]): void {
    this.#given = new WeakMap(faces.map(([{ points }, track, by]) => [points, { track, by }]));
    this.#tracks = faces.map(([, track]) => track);
  }

  async #judge(image: Pixels | Picture, face: ReadFace): Promise<FoundFace | "right" | "gone"> {
    const { box, score, points, points68 } = face, given = this.#given.get(points);
    if (!points68) return "right";
    const isFace = !isBeyond(offsetOf(points, alignmentPointsOf(points68), this.template), NOT_A_FACE);
    const moved = given ? given.track.shape.placeRead(points, points68) : points;
    const isRight = given?.by !== "track" || !isBeyond(offsetOf(points, moved, this.template), BADLY);
    if (isFace && isRight && given?.by !== "search") return "right";
    const read = { box, score, points }, seen = await this.finder.follow(image, read);
    if (!given) return seen ?? "gone";
    const { track, by } = given;
    if (by === "search") {
      if (isFace) {
        track.shape.lay(points, points68, seen?.points);
        return "right";
      }
      if (seen) this.#given.set(seen.points, given);
      return seen ?? "gone";
    }
    if (seen) {
      const again = this.#look(track, read, seen);
      this.#given.set(again.points, { track, by: "look" });
      return again;
    }
    if (!isFace) return "gone";
    // The finder has lost it; the model sees it, elsewhere in its crop.
    track.measure(read, moved, this.#time);
    const again = moveTo(read, moved, this.template);
    this.#given.set(again.points, { track, by: "track" });
    return again;
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
