/**
 * Who is who from frame to frame: faces keep their number while they move.
 * @module
 */
import type { Box } from "./face_finder.ts";

/** How long a face that is out of sight keeps its number, in seconds. */
const REMEMBERED = 3;
/** Most that a face may be off the place where it is expected, in widths of its box; changed size counts as well. */
const MOST_COST = 1;
/** Part of the newest movement in the estimated speed; the rest is what was known before. */
const NEWEST = 0.5;

interface Track {
  readonly id: number;
  x: number;
  y: number;
  size: number;
  /** Pixels a second. */
  speedX: number;
  speedY: number;
  seen: number;
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

  /**
   * The number of each face, from 1 on, in the order of the boxes.
   * @param time Seconds; rises from frame to frame.
   */
  follow(boxes: readonly Box[], time: number): number[] {
    const tracks = this.#tracks, ids = boxes.map(() => 0);
    for (let i = tracks.length - 1; i >= 0; i--) {
      tracks[i].isTaken = false;
      if (time - tracks[i].seen > REMEMBERED) tracks.splice(i, 1);
    }
    while (this.#takeNearest(boxes, ids, time));
    for (let i = 0; i < boxes.length; i++) ids[i] ||= this.#begin(boxes[i], time);
    return ids;
  }

  /** Of the boxes and tracks that are left, the pair that is nearest becomes one; false where none is near enough. */
  #takeNearest(boxes: readonly Box[], ids: number[], time: number): boolean {
    let least = MOST_COST, nearest: Track | undefined, index = 0;
    for (let t = 0; t < this.#tracks.length; t++) {
      const track = this.#tracks[t];
      for (let i = 0; i < boxes.length; i++) {
        const cost = track.isTaken || ids[i] ? Infinity : costOf(boxes[i], track, time);
        if (cost >= least) continue;
        least = cost;
        nearest = track;
        index = i;
      }
    }
    if (!nearest) return false;
    ids[index] = nearest.id;
    move(nearest, boxes[index], time);
    return true;
  }

  #begin(box: Box, time: number): number {
    const id = this.#next++, x = box.x + box.width / 2, y = box.y + box.height / 2;
    this.#tracks.push({ id, x, y, size: box.width, speedX: 0, speedY: 0, seen: time, isTaken: true });
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
