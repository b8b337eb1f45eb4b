/**
 * Folds and wrinkles that follow the action units: what a coder looks for, and what a mesh of this size cannot
 * hold. Each is a furrow along a curve on the rest head, felt by the light through the slope it adds.
 */
import { Curve, type Nearest } from "./curve.ts";
import type { UnitWeights } from "./action_units.ts";
import type { Lines } from "./subject.ts";

interface Crease {
  readonly curve: Curve;
  /** How strongly each unit digs this crease. */
  readonly units: Readonly<Record<number, number>>;
  readonly width: number;
  readonly depth: number;
  /** Height of the roll of skin beside it: positive lies to the left of the curve, negative to the right. */
  readonly roll: number;
  /** How far the lines that stay at rest dig it, and which of them it belongs to. */
  readonly age: number;
  readonly part: keyof Lines;
}

function crease(
  units: Crease["units"],
  points: readonly (readonly [number, number])[],
  { width = 0.17, depth = 0.11, roll = 0, age = 0 } = {},
): Crease {
  const y = points[0][1], eye = points[0][0] > 1.6 && y > 1.9 && y < 4;
  const part = y > 6.8 ? "forehead" : eye ? "eyes" : y > 2 ? "glabella" : y > -2.5 ? "cheeks" : "mouth";
  return { curve: new Curve(points, 4.5 * width), units, width, depth, roll, age, part };
}

/** Creases of the subject's left half (x > 0); the right half mirrors them. */
const CREASES: readonly Crease[] = [
  // Forehead: the middle folds with AU1, the sides with AU2.
  crease({ 1: 1 }, [[-0.3, 6.95], [1.2, 6.9], [2.6, 7.1]], { depth: 0.13, age: 0.12 }),
  crease({ 1: 1 }, [[-0.3, 7.5], [1.3, 7.43], [2.9, 7.55]], { depth: 0.13, age: 0.15 }),
  crease({ 1: 0.8 }, [[-0.3, 8.05], [1.2, 8.0], [2.6, 8.1]], { depth: 0.11, age: 0.1 }),
  crease({ 2: 1 }, [[1.7, 7.0], [3.0, 7.2], [4.4, 7.05], [5.6, 6.5]], { depth: 0.13, age: 0.08 }),
  crease({ 2: 1 }, [[1.9, 7.6], [3.2, 7.8], [4.6, 7.6], [5.8, 7.0]], { depth: 0.13, age: 0.1 }),
  crease({ 2: 0.7 }, [[1.8, 8.15], [3.2, 8.35], [4.8, 8.0]], { depth: 0.1, age: 0.05 }),
  // Glabella: upright furrows with AU4, a fold across the root of the nose with AU4 and AU9.
  crease({ 4: 1.25, 9: 0.3 }, [[0.62, 5.0], [0.5, 5.7], [0.62, 6.4], [0.85, 7.0]], {
    width: 0.2,
    depth: 0.2,
    roll: 0.06,
    age: 0.12,
  }),
  crease({ 4: 0.5 }, [[1.25, 5.9], [1.3, 6.5], [1.55, 7.0]], { width: 0.2, depth: 0.12 }),
  crease({ 4: 0.35, 9: 1 }, [[-0.3, 4.55], [0.45, 4.5], [0.85, 4.62]], { width: 0.16, depth: 0.15 }),
  // Nose: oblique wrinkles with AU9.
  crease({ 9: 1.1 }, [[0.12, 3.95], [0.6, 3.75], [1.15, 3.2]], { width: 0.15, depth: 0.18 }),
  crease({ 9: 1.1 }, [[0.15, 3.3], [0.7, 3.05], [1.25, 2.35]], { width: 0.15, depth: 0.18 }),
  crease({ 9: 0.8 }, [[0.35, 2.55], [0.8, 2.3], [1.25, 1.65]], { width: 0.13, depth: 0.12 }),
  // Outer corner of the eye: crow's feet with AU6, less with AU12.
  crease({ 6: 1.1, 12: 0.1 }, [[5.0, 3.75], [5.6, 4.15], [6.3, 4.75]], {
    width: 0.14,
    depth: 0.13,
    age: 0.12,
  }),
  crease({ 6: 1.1, 12: 0.1 }, [[5.05, 3.35], [5.8, 3.4], [6.6, 3.55]], {
    width: 0.14,
    depth: 0.13,
    age: 0.12,
  }),
  crease({ 6: 1.1, 12: 0.1 }, [[4.95, 2.95], [5.6, 2.6], [6.3, 2.1]], { width: 0.14, depth: 0.13, age: 0.1 }),
  // Below the eye: the bag of AU6 (deep) and the tight lower lid of AU7 (faint, close to the lid).
  crease({ 6: 1 }, [[1.75, 2.55], [2.5, 2.1], [3.4, 1.95], [4.3, 2.2], [5.0, 2.65]], {
    width: 0.22,
    depth: 0.16,
    roll: -0.1,
    age: 0.14,
  }),
  crease({ 7: 0.8, 6: 0.3 }, [[2.0, 2.75], [2.8, 2.55], [3.6, 2.57], [4.4, 2.85]], {
    width: 0.14,
    depth: 0.11,
  }),
  // Lines that no unit digs: under the eye, across the cheek, from the corner of the mouth down.
  crease({}, [[2.0, 2.35], [2.7, 1.75], [3.7, 1.6]], { width: 0.18, depth: 0.12, roll: -0.05, age: 0.2 }),
  crease({}, [[2.0, 2.9], [3.0, 2.35], [4.2, 2.5], [4.8, 2.9]], { width: 0.12, depth: 0.07, age: 0.18 }),
  crease({}, [[4.8, 0.9], [5.2, -0.6], [5.0, -2.2]], { width: 0.2, depth: 0.1, age: 0.12 }),
  crease({}, [[2.7, -3.7], [2.9, -4.7], [2.75, -5.9]], { width: 0.18, depth: 0.1, age: 0.13 }),
  // Nasolabial fold: its top with AU9, its bend with AU10, its length with AU12.
  crease({ 9: 1, 10: 0.85, 12: 0.35 }, [[1.35, 0.75], [1.75, 0.1], [2.15, -0.7]], {
    width: 0.22,
    depth: 0.2,
    roll: 0.12,
    age: 0.12,
  }),
  crease({ 10: 1, 12: 0.95, 9: 0.35, 14: 0.1 }, [[2.15, -0.7], [2.65, -1.5], [3.05, -2.2]], {
    width: 0.24,
    depth: 0.21,
    roll: 0.14,
    age: 0.14,
  }),
  crease({ 12: 1, 14: 0.2, 20: 0.3 }, [[3.05, -2.2], [3.4, -3.0], [3.45, -3.8]], {
    width: 0.22,
    depth: 0.19,
    roll: 0.12,
    age: 0.06,
  }),
  // Corner of the mouth: the dimple of AU14, the drop of AU15, the stretch of AU20.
  crease({ 14: 1.4, 12: 0.15 }, [[2.8, -2.6], [3.1, -3.4], [2.85, -4.3]], {
    width: 0.24,
    depth: 0.24,
    roll: 0.12,
  }),
  crease({ 15: 1.2, 17: 0.15 }, [[2.75, -3.6], [3.0, -4.3], [3.0, -5.4]], {
    width: 0.26,
    depth: 0.18,
    roll: 0.1,
    age: 0.08,
  }),
  crease({ 20: 1 }, [[3.5, -2.3], [3.75, -3.3], [3.6, -4.4]], { width: 0.17, depth: 0.12 }),
  crease({ 20: 1 }, [[4.2, -2.4], [4.45, -3.4], [4.25, -4.5]], { width: 0.17, depth: 0.1 }),
  // Chin: the fold under the lower lip and the boss of AU17.
  crease({ 17: 1.1, 15: 0.2, 24: 0.3 }, [[-0.4, -5.0], [0.8, -5.08], [1.6, -5.35], [2.0, -5.8]], {
    width: 0.28,
    depth: 0.17,
    age: 0.05,
  }),
  // Pressed and tightened lips: bulges of skin round the red, fine upright lines above and below with AU23.
  crease({ 24: 1, 23: 0.3 }, [[-0.4, -4.62], [0.9, -4.58], [1.9, -4.25]], {
    width: 0.18,
    depth: 0.12,
    roll: -0.06,
  }),
  crease({ 24: 0.8 }, [[2.55, -3.1], [2.75, -3.55], [2.6, -4.0]], { width: 0.16, depth: 0.13 }),
  crease({ 23: 1 }, [[0.45, -1.75], [0.42, -2.4]], { width: 0.12, depth: 0.05 }),
  crease({ 23: 1 }, [[0.95, -1.8], [0.95, -2.5]], { width: 0.12, depth: 0.05 }),
  crease({ 23: 1 }, [[1.5, -2.0], [1.5, -2.7]], { width: 0.12, depth: 0.05 }),
  crease({ 23: 0.9 }, [[0.5, -4.4], [0.55, -4.9]], { width: 0.12, depth: 0.045 }),
  crease({ 23: 0.9 }, [[1.15, -4.25], [1.25, -4.75]], { width: 0.12, depth: 0.045 }),
];

interface Active {
  readonly crease: Crease;
  readonly left: number;
  readonly right: number;
}

/** Cells of the half face in which the creases that reach them are listed, and their side in head units. */
const CELL = 0.5, COLUMNS = 16, ROWS = 34, LOWEST = -7.5;

/** The creases one face shows. */
export class CreaseField {
  readonly #cells: Active[][] = [];
  readonly #near: Nearest = { distance: 0, side: 1, dx: 0, dy: 0, along: 0 };
  /** Slope of the skin at the last point asked for, along rest x and y. */
  gx = 0;
  gy = 0;
  /** Share of light the furrow keeps out there. */
  dark = 0;

  /** `creasing` is how deep this skin folds, `lines` how far the folds stay at rest. */
  constructor(weights: UnitWeights, creasing: number, lines: Lines) {
    for (let i = 0; i < COLUMNS * ROWS; i++) this.#cells.push([]);
    for (const crease of CREASES) {
      let left = lines[crease.part] * crease.age * 5.5, right = left;
      for (const [unit, gain] of Object.entries(crease.units)) {
        const weight = weights[Number(unit)];
        if (!weight) continue;
        left += gain * weight.left;
        right += gain * weight.right;
      }
      left = creasing * Math.min(1.25, left), right = creasing * Math.min(1.25, right);
      if (left > 0.02 || right > 0.02) this.#enlist({ crease, left, right });
    }
  }

  #enlist(active: Active): void {
    const [x0, y0, x1, y1] = active.crease.curve.box;
    for (let row = Math.floor((y0 - LOWEST) / CELL); row <= (y1 - LOWEST) / CELL; row++) {
      for (let column = Math.max(0, Math.floor(x0 / CELL)); column <= x1 / CELL; column++) {
        if (row >= 0 && row < ROWS && column < COLUMNS) this.#cells[row * COLUMNS + column].push(active);
      }
    }
  }

  /** Sums the creases at a rest point on the front of the face. */
  at(x: number, y: number): void {
    this.gx = this.gy = this.dark = 0;
    const mirror = x < 0 ? -1 : 1, ax = Math.abs(x), near = this.#near;
    const row = Math.floor((y - LOWEST) / CELL), column = Math.floor(ax / CELL);
    if (row < 0 || row >= ROWS || column >= COLUMNS) return;
    // Over the midline both sides meet, so their strengths blend there.
    const share = Math.min(1, Math.max(0, 0.5 + x / 0.8));
    for (const { crease, left, right } of this.#cells[row * COLUMNS + column]) {
      if (!crease.curve.nearest(ax, y, near)) continue;
      const strength = right + (left - right) * share;
      const { width, depth, roll } = crease;
      // Both ends run out.
      const ends = Math.min(1, 3.5 * Math.min(near.along, 1 - near.along) + 0.1);
      const d = near.distance, s = d / width;
      const fall = Math.exp(-s * s);
      let slope = 2 * depth * s / width * fall;
      if (roll !== 0) {
        // The roll stands two widths off, on one side.
        const off = (d * near.side * Math.sign(roll) - 2 * width) / (1.6 * width);
        slope += near.side * Math.sign(roll) * Math.abs(roll) * -2 * off / (1.6 * width) *
          Math.exp(-off * off);
      }
      this.gx += mirror * near.dx * slope * strength * ends;
      this.gy += near.dy * slope * strength * ends;
      this.dark += strength * ends * depth * (0.7 * fall + 0.55 * Math.exp(-s * s / 5));
    }
    this.dark = Math.min(0.3, this.dark);
  }
}
