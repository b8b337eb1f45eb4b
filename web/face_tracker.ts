/**
 * Who is who from frame to frame: faces keep their number while they move.
 * @module
 */
import type { Box } from "./face_finder.ts";
import { differenceOf } from "./face_look.ts";

/** How long a face that is out of sight keeps its number, in seconds. */
const REMEMBERED = 3;
/** Most that a face may be off the place where it is expected, in widths of its box; changed size counts as well. */
const MOST_COST = 1;
/** Part of the newest movement in the estimated speed; the rest is what was known before. */
const NEWEST = 0.5;

/** Looks that differ less are one person's, more are two persons': mean difference of colours, 0-1. */
const ALIKE = 0.03, UNLIKE = 0.1;
/** Part of the newest look in the one that is remembered. */
const NEWEST_LOOK = 0.2;

/** What else is known of the faces of a frame. */
export interface Seen {
  /** See `lookOf`; in the order of the boxes. */
  readonly looks?: readonly Float32Array[];
  /** Whether the frame is of another scene than the one before: what looks otherwise is somebody else. */
  readonly isCut?: boolean;
}

interface Track {
  readonly id: number;
  x: number;
  y: number;
  size: number;
  /** Pixels a second. */
  speedX: number;
  speedY: number;
  seen: number;
  look?: Float32Array;
  /** Whether a box of the newest frame is its. */
  isTaken: boolean;
}

/**
 * Numbers the faces of a video: each box goes to the nearest face that is expected there, else it is a new face.
 * It runs with every frame, so it goes by index and makes no lists: V8's code for it is a part of the page's memory.
 */
export class FaceTracker {
  readonly #tracks: Track[] = [];
  #next = 1;
  /** When any face was seen last. */
  #newest = -Infinity;

  /**
   * The number of each face, from 1 on, in the order of the boxes.
   * @param time Seconds; rises from frame to frame.
   */
  follow(boxes: readonly Box[], time: number, seen: Seen = {}): number[] {
    const tracks = this.#tracks, ids = boxes.map(() => 0);
    for (let i = tracks.length - 1; i >= 0; i--) {
      tracks[i].isTaken = false;
      if (time - tracks[i].seen > REMEMBERED) tracks.splice(i, 1);
    }
    this.#newest = tracks.reduce((newest, { seen }) => Math.max(newest, seen), -Infinity);
    while (this.#takeNearest(boxes, ids, time, seen));
    for (let i = 0; i < boxes.length; i++) ids[i] ||= this.#begin(boxes[i], time, seen.looks?.[i]);
    return ids;
  }

  /** Of the boxes and tracks that are left, the pair that is nearest becomes one; false where none is near enough. */
  #takeNearest(boxes: readonly Box[], ids: number[], time: number, { looks, isCut }: Seen): boolean {
    let least = MOST_COST, nearest: Track | undefined, index = 0;
    for (let t = 0; t < this.#tracks.length; t++) {
      const track = this.#tracks[t];
      for (let i = 0; i < boxes.length; i++) {
        let cost = track.isTaken || ids[i] ? Infinity : costOf(boxes[i], track, time);
        if (cost >= least) continue;
        // One that was away, or is seen after a cut, must look like itself; among several the look decides with the place.
        const isSure = !isCut && track.seen === this.#newest;
        if (looks && track.look) cost += costOfLook(looks[i], track.look, isSure);
        if (cost >= least) continue;
        least = cost;
        nearest = track;
        index = i;
      }
    }
    if (!nearest) return false;
    ids[index] = nearest.id;
    move(nearest, boxes[index], time);
    remember(nearest, looks?.[index]);
    return true;
  }

  #begin(box: Box, time: number, look?: Float32Array): number {
    const id = this.#next++, x = box.x + box.width / 2, y = box.y + box.height / 2;
    this.#tracks.push({ id, x, y, size: box.width, speedX: 0, speedY: 0, seen: time, isTaken: true });
    remember(this.#tracks[this.#tracks.length - 1], look);
    return id;
  }
}

/** Distance from where the face is expected at its present speed, in widths, plus the change of its size. */
function costOf(box: Box, track: Track, time: number): number {
  const passed = time - track.seen;
  const x = box.x + box.width / 2 - track.x - track.speedX * passed;
  const y = box.y + box.height / 2 - track.y - track.speedY * passed;
  return Math.sqrt(x * x + y * y) / Math.max(box.width, track.size) +
    Math.abs(Math.log(box.width / track.size));
}

/** 0 to 1 by how little alike they are; one that was in sight a frame ago may change, as in a flash of light. */
function costOfLook(look: Float32Array, remembered: Float32Array, isSure: boolean): number {
  const unlike = (differenceOf(look, remembered) - ALIKE) / (UNLIKE - ALIKE);
  if (!isSure && unlike > 1) return Infinity;
  return 0.8 * Math.min(1, Math.max(0, unlike));
}

function remember(track: Track, look?: Float32Array): void {
  if (!look) return;
  if (!track.look) track.look = look.slice();
  else for (let i = 0; i < look.length; i++) track.look[i] += NEWEST_LOOK * (look[i] - track.look[i]);
}

function move(track: Track, box: Box, time: number): void {
  const x = box.x + box.width / 2, y = box.y + box.height / 2, passed = time - track.seen;
  if (passed > 0) {
    track.speedX += NEWEST * ((x - track.x) / passed - track.speedX);
    track.speedY += NEWEST * ((y - track.y) / passed - track.speedY);
  }
  track.x = x;
  track.y = y;
  track.size = box.width;
  track.seen = time;
  track.isTaken = true;
}
