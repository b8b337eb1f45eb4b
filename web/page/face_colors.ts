/**
 * A colour for each face, bright enough for any photograph; faces keep theirs as long as they keep their number.
 * @module
 */
const COLORS = ["#ffc233", "#5cc8ff", "#ff8fb4", "#8ce99a", "#c7a6ff", "#ffa36b"];

/** The colour of the face with that number, from 1 on. */
export function faceColor(id: number): string {
  return COLORS[(id - 1) % COLORS.length];
}
