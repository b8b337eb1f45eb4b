/**
 * Action units as displacements of the head. FaceKit's shapes follow FACS only roughly: some move too much of
 * the face, some too little, one (AU23) is missing, so each unit is a recipe over shapes, limited to the part of
 * the face its muscle moves.
 */
import { type Head, type Shape, sparse } from "./head.ts";

/** The action units that rendered faces are labelled with. */
export const LABELLED_UNITS = [
  ...[1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27, 28, 43],
] as const;

/** Displacement strength of each side of the face, by unit. */
export type UnitWeights = Readonly<Record<number, { readonly left: number; readonly right: number }>>;

/** How far a FACS intensity moves the face; 0-5 stands for absent and A-E. */
export const INTENSITY_WEIGHT = [0, 0.2, 0.46, 0.66, 0.84, 1] as const;

/** A smooth step from 0 at `from` to 1 at `to` (either may be the larger). */
export function ramp(x: number, from: number, to: number): number {
  const t = Math.min(1, Math.max(0, (x - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** Part of the face a term may move: rest position (x as |x|, y, z) to a factor. */
type Mask = (x: number, y: number, z: number) => number;
type Term = readonly [shape: string, gain: number, mask?: Mask];

const innerBrow: Mask = (x) => ramp(x, 4.6, 1.9);
const outerBrow: Mask = (x) => ramp(x, 1.6, 3.6);
const aboveLip: Mask = (_x, y) => 0.06 + 0.94 * ramp(y, -1.6, -0.3);
const aboveMouth: Mask = (_x, y) => 0.1 + 0.9 * ramp(y, -2.4, -0.4);
/** AU6 lifts the cheek; what it does to the lid's edge is less than the shapes' own. */
const belowLid: Mask = (x, y, z) => aboveMouth(x, y, z) * (1 - 0.45 * ramp(y, 2.3, 3.0) * ramp(x, 5.4, 4.6));
const belowNose: Mask = (_x, y) => 0.3 + 0.7 * ramp(y, 0.6, -1.2);

const RECIPES: Readonly<Record<number, readonly Term[]>> = {
  1: [["browInnerUp", 1.7, innerBrow]],
  2: [["browOuterUp", 1.35, outerBrow]],
  4: [["browDown", 1.7]],
  5: [["eyeWide", 2.1]],
  6: [["cheekRaiser", 1.15, belowLid], ["cheekSquint", 1.0, belowLid]],
  7: [["eyeSquint", 1.4], ["eyeBlink", 0.14]],
  9: [["noseSneer", 1.05, aboveLip]],
  10: [["mouthUpperUp", 1.2], ["noseSneer", 0.12, belowNose]],
  12: [["mouthSmile", 1]],
  14: [["mouthDimple", 1.35], ["mouthFrown", 0.3]],
  15: [["mouthFrown", 1.7]],
  16: [["mouthLowerDown", 1.25]],
  18: [["mouthPucker", 1.15]],
  17: [["mouthShrugLower", 1.1], ["mouthShrugUpper", 0.15]],
  20: [["mouthStretch", 1.15]],
  22: [["mouthFunnel", 1.1]],
  23: [["mouthRollUpper", 0.5], ["mouthRollLower", 0.42], ["mouthPucker", 0.22]],
  24: [["mouthPress", 1.7], ["mouthShrugLower", 0.25], ["mouthShrugUpper", 0.35], ["mouthRollUpper", 0.2]],
  25: [["mouthLowerDown", 0.85], ["mouthUpperUp", 0.28], ["jawOpen", 0.09]],
  26: [["jawOpen", 0.72]],
  27: [["jawOpen", 1.12], ["mouthStretch", -0.15]],
  28: [["mouthRollUpper", 0.95], ["mouthRollLower", 1.2]],
};

/** FaceKit's expressions (without _L and _R) that a head must have. */
export const NEEDED_SHAPES: readonly string[] = [
  ...new Set([
    ...Object.values(RECIPES).flatMap((terms) => terms.map(([name]) => name)),
    ...["eyeLookUp", "eyeLookDown", "eyeBlink", "eyeWide", "eyeSquint"],
    ...["mouthFrown", "mouthSmile", "mouthRollUpper", "mouthRollLower"],
  ]),
];

/** The corrugator draws the brows' inner ends together, which FaceKit's browDown leaves out. */
function corrugator(x: number, y: number, z: number): readonly [number, number, number] {
  if (z < 6) return [0, 0, 0];
  const side = Math.tanh(x / 0.8);
  const near = Math.exp(-(((Math.abs(x) - 1.5) / 1.3) ** 2) - ((y - 5.9) / 1.1) ** 2);
  const between = Math.exp(-((x / 0.9) ** 2) - ((y - 5.7) / 1.0) ** 2);
  return [-0.42 * side * near, -0.3 * near, 0.16 * between];
}

/** The orbicularis lifts the cheek against the lower lid and pads it outward: what tells AU6 from AU7. */
function cheek(x: number, y: number, z: number): readonly [number, number, number] {
  if (z < 4) return [0, 0, 0];
  const pad = Math.exp(-(((Math.abs(x) - 3.9) / 1.9) ** 2) - ((y - 1.3) / 1.3) ** 2);
  return [0, 0.34 * pad, 0.3 * pad];
}

/** The lower lid tightens: straighter, nearer to the ball at its edge, with a small roll of muscle below it. */
function tightLid(x: number, y: number, z: number): readonly [number, number, number] {
  if (z < 7.5) return [0, 0, 0];
  const ax = Math.abs(x);
  const edge = Math.exp(-(((ax - 3.2) / 0.9) ** 2) - ((y - 3.05) / 0.28) ** 2);
  const roll = Math.exp(-(((ax - 3.2) / 1.2) ** 2) - ((y - 2.6) / 0.25) ** 2);
  return [0, 0.12 * edge, 0.13 * roll];
}

/** The mentalis bunches the chin. */
function chin(x: number, y: number, z: number): readonly [number, number, number] {
  if (z < 6) return [0, 0, 0];
  const boss = Math.exp(-((x / 1.3) ** 2) - ((y + 5.9) / 0.9) ** 2);
  return [0, 0.25 * boss, 0.22 * boss];
}

const EXTRA: Readonly<Record<number, typeof corrugator>> = { 4: corrugator, 6: cheek, 7: tightLid, 17: chin };

/** The displacement of every unit, left and right apart, ready to be added to a head. */
export class UnitShapes {
  readonly #left = new Map<number, Shape>();
  readonly #right = new Map<number, Shape>();

  constructor(head: Head) {
    for (const [unit, terms] of Object.entries(RECIPES)) {
      const dense = new Float32Array(head.rest.length);
      for (const [name, gain, mask] of terms) {
        const parts = [name, `${name}_L`, `${name}_R`].filter((part) => head.shapes[part]);
        if (parts.length === 0) {
          throw new Error(`the head has no expression "${name}", which AU${unit} needs`);
        }
        for (const part of parts) addShape(dense, head.shapes[part], gain, head.rest, mask);
      }
      const extra = EXTRA[Number(unit)];
      if (extra) {
        for (let i = 0; i < dense.length; i += 3) {
          const moved = extra(head.rest[i], head.rest[i + 1], head.rest[i + 2]);
          for (let k = 0; k < 3; k++) dense[i + k] += moved[k];
        }
      }
      // Each side fades over the midline, so that a one-sided movement leaves no step there.
      const left = new Float32Array(dense.length), right = new Float32Array(dense.length);
      for (let i = 0; i < dense.length; i += 3) {
        const share = ramp(head.rest[i], -0.9, 0.9);
        for (let k = 0; k < 3; k++) {
          left[i + k] = dense[i + k] * share;
          right[i + k] = dense[i + k] - left[i + k];
        }
      }
      this.#left.set(Number(unit), sparse(left));
      this.#right.set(Number(unit), sparse(right));
    }
  }

  /** Adds the units to `vertices` [V, 3] in place. */
  apply(vertices: Float32Array, weights: UnitWeights): void {
    for (const [unit, { left, right }] of Object.entries(weights)) {
      // Lids close last, by what then stands open (lids.ts).
      if (unit === "43" || unit === "45") continue;
      const shapeLeft = this.#left.get(Number(unit)), shapeRight = this.#right.get(Number(unit));
      if (!shapeLeft || !shapeRight) throw new Error(`AU${unit} has no displacement`);
      addShape(vertices, shapeLeft, left);
      addShape(vertices, shapeRight, right);
    }
  }
}

/** Adds `gain` times a shape to `vertices` in place, through a mask over the rest position if one is given. */
export function addShape(
  vertices: Float32Array,
  { index, delta }: Shape,
  gain: number,
  rest?: Float32Array,
  mask?: Mask,
): void {
  if (gain === 0) return;
  for (let n = 0; n < index.length; n++) {
    const i = 3 * index[n];
    const share = rest && mask ? gain * mask(Math.abs(rest[i]), rest[i + 1], rest[i + 2]) : gain;
    vertices[i] += share * delta[3 * n];
    vertices[i + 1] += share * delta[3 * n + 1];
    vertices[i + 2] += share * delta[3 * n + 2];
  }
}
