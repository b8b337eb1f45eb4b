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
}

/** Numbers the faces of a video: each box goes to the nearest face that is expected there, else it is a new face. */
export class FaceTracker {
  #tracks: Track[] = [];
  #next = 1;

  /**
   * The number of each face, from 1 on, in the order of the boxes.
   * @param time Seconds; rises from frame to frame.
   */
  follow(boxes: readonly Box[], time: number): number[] {
    this.#tracks = this.#tracks.filter(({ seen }) => time - seen <= REMEMBERED);
    const pairs = boxes.flatMap((box, index) =>
      this.#tracks.map((track) => ({ index, track, cost: costOf(box, track, time) }))
    ).filter(({ cost }) => cost < MOST_COST).sort((one, other) => one.cost - other.cost);
    const ids: number[] = new Array(boxes.length).fill(0);
    const taken = new Set<Track>();
    for (const { index, track } of pairs) {
      if (ids[index] || taken.has(track)) continue;
      ids[index] = track.id;
      taken.add(track);
      move(track, boxes[index], time);
    }
    boxes.forEach((box, index) => {
      if (ids[index]) return;
      ids[index] = this.#next++;
      const [x, y] = centerOf(box);
      this.#tracks.push({ id: ids[index], x, y, size: box.width, speedX: 0, speedY: 0, seen: time });
    });
    return ids;
  }
}

/** Distance from where the face is expected at its present speed, in widths, plus the change of its size. */
function costOf(box: Box, { x, y, size, speedX, speedY, seen }: Track, time: number): number {
  const [boxX, boxY] = centerOf(box), passed = time - seen;
  const distance = Math.hypot(boxX - x - speedX * passed, boxY - y - speedY * passed);
  return distance / Math.max(box.width, size) + Math.abs(Math.log(box.width / size));
}

function move(track: Track, box: Box, time: number): void {
  const [x, y] = centerOf(box), passed = time - track.seen;
  if (passed > 0) {
    track.speedX += NEWEST * ((x - track.x) / passed - track.speedX);
    track.speedY += NEWEST * ((y - track.y) / passed - track.speedY);
  }
  Object.assign(track, { x, y, size: box.width, seen: time });
}

function centerOf({ x, y, width, height }: Box): [number, number] {
  return [x + width / 2, y + height / 2];
}
