/** Eyes: balls that turn, lids that follow the gaze, close, and slide over the ball, and how far they stand open. */
import { addShape, type UnitWeights } from "./action_units.ts";
import type { Centre } from "./eyes.ts";
import { type Head, type Shape, SURFACES } from "./head.ts";
import { rotation } from "./mesh.ts";

/** Degrees against the head: to the subject's left, and up. */
export interface Gaze {
  readonly yaw: number;
  readonly pitch: number;
}

/** What one eye's lids do; lengths in head units. */
export interface LidMeasure {
  /** How far units raise the upper lid over its place at rest; gaze does not count. */
  readonly rise: number;
  /** How much of the opening that gaze and all other units leave is closed, 0 to 1. */
  readonly closed: number;
  /** What stands open in the end. */
  readonly gap: number;
  /** The middles of the lids' edges over the ball's centre. */
  readonly top: number;
  readonly bottom: number;
}

const MIDDLE_UPPER = { left: [43, 44], right: [37, 38] } as const;
const MIDDLE_LOWER = { left: [46, 47], right: [40, 41] } as const;

/** A lid moves no nearer to the ball than this. */
const CLEAR = 0.03;

/** One eye of the head. */
export class Eye {
  /** The ball's vertices, its centre on the rest head, and the depth from which its front begins. */
  readonly ball: Int32Array;
  readonly centre: Centre;
  readonly front: number;
  /** Vertices of the lids that slide over the ball. */
  readonly #lids: Int32Array;
  readonly #blink: Shape;
  readonly #down: Shape;
  readonly #up: Shape;

  constructor(readonly head: Head, readonly side: "left" | "right") {
    const surface = SURFACES.indexOf(side === "left" ? "eyeLeft" : "eyeRight"), found = new Set<number>();
    for (let t = 0; t < head.surface.length; t++) {
      if (head.surface[t] === surface) { for (let k = 0; k < 3; k++) found.add(head.triangles[3 * t + k]); }
    }
    this.ball = Int32Array.from(found);
    const middle = (k: number) => {
      let low = Infinity, high = -Infinity;
      for (const v of this.ball) {
        low = Math.min(low, head.rest[3 * v + k]);
        high = Math.max(high, head.rest[3 * v + k]);
      }
      return (low + high) / 2;
    };
    this.centre = [middle(0), middle(1), middle(2)];
    this.front = this.centre[2];
    const letter = side === "left" ? "L" : "R";
    this.#blink = head.shapes[`eyeBlink_${letter}`];
    this.#down = head.shapes[`eyeLookDown_${letter}`];
    this.#up = head.shapes[`eyeLookUp_${letter}`];
    const { index, delta } = this.#blink;
    this.#lids = index.filter((v, n) =>
      !found.has(v) && Math.hypot(delta[3 * n], delta[3 * n + 1], delta[3 * n + 2]) > 0.12
    );
  }

  #height(vertices: Float32Array, landmarks: readonly number[]): number {
    let sum = 0;
    for (const i of landmarks) sum += vertices[3 * this.head.landmarks[i] + 1];
    return sum / landmarks.length;
  }

  /** The opening between the lids' middles. */
  gap(vertices: Float32Array): number {
    return Math.max(
      0,
      this.#height(vertices, MIDDLE_UPPER[this.side]) - this.#height(vertices, MIDDLE_LOWER[this.side]),
    );
  }

  /** How far eyeBlink narrows the opening. */
  #reach(): number {
    const { index, delta } = this.#blink, { landmarks } = this.head;
    const move = (i: number) => {
      const n = index.indexOf(landmarks[i]);
      return n < 0 ? 0 : delta[3 * n + 1];
    };
    const mean = (list: readonly number[]) => list.reduce((sum, i) => sum + move(i), 0) / list.length;
    return mean(MIDDLE_LOWER[this.side]) - mean(MIDDLE_UPPER[this.side]);
  }

  /**
   * Turns the ball, lets the lids follow it and closes them by AU43 or AU45 in `weights`; `vertices` already have the
   * other units, `rest` is the person at rest.
   */
  move(vertices: Float32Array, rest: Float32Array, weights: UnitWeights, gaze: Gaze): LidMeasure {
    const upper = MIDDLE_UPPER[this.side];
    const rise = this.#height(vertices, upper) - this.#height(rest, upper);
    addShape(vertices, this.#up, Math.max(0, gaze.pitch) / 25);
    addShape(vertices, this.#down, Math.max(0, -gaze.pitch) / 25);
    const before = this.gap(vertices);
    const close = Math.max(weights[43]?.[this.side] ?? 0, weights[45]?.[this.side] ?? 0);
    const reach = this.#reach();
    if (close > 0 && reach > 0) addShape(vertices, this.#blink, Math.max(0, close * (before - 0.02) / reach));
    const { x, y, z, radius } = this.#place(rest);
    this.#turn(vertices, rest, x, y, z, gaze);
    this.#slide(vertices, x, y, z, radius);
    const gap = this.gap(vertices);
    return {
      rise,
      closed: before > 0.05 ? Math.max(0, 1 - gap / before) : 0,
      gap,
      top: this.#height(vertices, upper) - y,
      bottom: this.#height(vertices, MIDDLE_LOWER[this.side]) - y,
    };
  }

  /** Where the ball of a person lies, and its radius. */
  #place(rest: Float32Array): { x: number; y: number; z: number; radius: number } {
    const { ball } = this, count = ball.length;
    let x = 0, y = 0, z = 0;
    for (const v of ball) x += rest[3 * v], y += rest[3 * v + 1], z += rest[3 * v + 2];
    x /= count, y /= count, z /= count;
    let radius = 0;
    for (const v of ball) radius += Math.hypot(rest[3 * v] - x, rest[3 * v + 1] - y, rest[3 * v + 2] - z);
    return { x, y, z, radius: radius / count };
  }

  /** The ball keeps its place and turns; the shapes' own turn of it is replaced by the angle wanted. */
  #turn(vertices: Float32Array, rest: Float32Array, cx: number, cy: number, cz: number, gaze: Gaze): void {
    const m = rotation(gaze.yaw, gaze.pitch, 0);
    for (const v of this.ball) {
      const x = rest[3 * v] - cx, y = rest[3 * v + 1] - cy, z = rest[3 * v + 2] - cz;
      vertices[3 * v] = cx + m[0] * x + m[1] * y + m[2] * z;
      vertices[3 * v + 1] = cy + m[3] * x + m[4] * y + m[5] * z;
      vertices[3 * v + 2] = cz + m[6] * x + m[7] * y + m[8] * z;
    }
  }

  /**
   * A lid's way from open to closed is an arc over the ball; shapes move it on a chord, so it is pushed forward, which
   * leaves the opening as it is.
   */
  #slide(vertices: Float32Array, cx: number, cy: number, cz: number, radius: number): void {
    const least = radius + CLEAR;
    for (const v of this.#lids) {
      const x = vertices[3 * v] - cx, y = vertices[3 * v + 1] - cy, z = vertices[3 * v + 2] - cz;
      const rest = least * least - x * x - y * y;
      if (rest <= 0 || z < 0.2 * radius) continue;
      const front = Math.sqrt(rest);
      if (z < front) vertices[3 * v + 2] = cz + front;
    }
  }
}
