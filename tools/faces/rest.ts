/**
 * How a face is at rest beyond FaceKit's identity modes: lids that are narrow, wide, hooded or slanted, brows that sit
 * high or low, corners of the mouth that droop, the sag of age, the roundness of a child. All of it is identity, so
 * that none of it reads as an action unit.
 */
import { addShape, ramp } from "./action_units.ts";
import type { Head } from "./head.ts";

/** Traits of a resting face; 0 is FaceKit's own. Lengths are in head units (about cm). */
export interface Traits {
  /** Lids: -1 half closed to 1 wide; lower lid raised, 0 to 1; outer corner higher (per unit of width). */
  readonly lidOpen: number;
  readonly lowerLid: number;
  readonly tilt: number;
  /** Skin over the upper lid and over the inner corner, 0 to 1. */
  readonly hood: number;
  readonly epicanthus: number;
  /** Brows higher: as a whole, at their inner ends, at their outer ends. */
  readonly browHeight: number;
  readonly browInner: number;
  readonly browOuter: number;
  /** Corners of the mouth up (+) or down, lips full (+) or thin; both about -1 to 1. */
  readonly mouthCorner: number;
  readonly lipFullness: number;
  /** Left half against right: higher brow and lid on one side. */
  readonly skew: number;
  /** 0 grown up to 1 a small child. */
  readonly child: number;
}

const bump = (x: number, middle: number, width: number) => Math.exp(-(((x - middle) / width) ** 2));

/** Moves a resting head in place: `vertices` [V, 3] of a person, `age` 0 to 1. */
export function settleTraits(vertices: Float32Array, head: Head, traits: Traits, age: number): void {
  const { shapes, rest } = head;
  const both = (name: string, left: number, right = left) => {
    addShape(vertices, shapes[`${name}_L`], left);
    addShape(vertices, shapes[`${name}_R`], right);
  };
  const open = traits.lidOpen - 0.35 * age * age, skew = traits.skew;
  both("eyeWide", Math.max(0, 0.9 * open), Math.max(0, 0.9 * open));
  both("eyeBlink", Math.max(0, -0.5 * open + 0.1 * skew), Math.max(0, -0.5 * open - 0.1 * skew));
  both("eyeSquint", 0.7 * traits.lowerLid);
  const corner = traits.mouthCorner - 0.7 * age * age;
  both("mouthFrown", Math.max(0, -0.4 * corner));
  both("mouthSmile", Math.max(0, 0.16 * corner));
  addShape(vertices, shapes.mouthRollUpper, -0.3 * traits.lipFullness + 0.25 * age);
  addShape(vertices, shapes.mouthRollLower, -0.22 * traits.lipFullness + 0.15 * age);
  const { hood, epicanthus, tilt, browHeight, browInner, browOuter, child } = traits;
  for (let i = 0; i < vertices.length; i += 3) {
    const x = rest[i], y = rest[i + 1], z = rest[i + 2], ax = Math.abs(x), side = x < 0 ? -1 : 1;
    if (z < 3) {
      if (child > 0) vertices[i + 1] = shrink(vertices[i + 1], child);
      continue;
    }
    // The eye's surroundings; the ball itself stays.
    const eye = bump(ax, 3.2, 1.9) * bump(y, 3.6, 1.4), lid = z > 7.6 ? eye : 0;
    const above = bump(ax, 3.3, 1.5) * bump(y, 4.6, 0.42) * ramp(z, 7.5, 8.6);
    const inner = bump(ax, 1.95, 0.5) * bump(y, 3.75, 0.42) * ramp(z, 8, 8.8);
    let dx = 0, dy = tilt * (ax - 3.1) * lid, dz = 0;
    dy -= 0.5 * hood * above + 0.45 * epicanthus * inner + 0.22 * age * above * ramp(ax, 2.8, 4.4);
    dz += 0.3 * hood * above + 0.2 * epicanthus * inner;
    const brow = ramp(y, 4.1, 6.2) * ramp(y, 9.5, 7) * ramp(z, 5, 7) * (0.3 + 0.7 * ramp(ax, 0.2, 1.8));
    dy += brow * (browHeight - 0.25 * age + browInner * ramp(ax, 3.8, 1.4) + browOuter * ramp(ax, 2.4, 4.6) +
      0.25 * skew * side);
    // Jowls, bags and hollow cheeks come with age.
    const jowl = bump(ax, 4.2, 1.4) * bump(y, -4.9, 1.4);
    dx += side * 0.28 * age * jowl, dy -= 0.32 * age * jowl;
    dz += 0.2 * age * bump(ax, 3.1, 1.1) * bump(y, 2.05, 0.5) -
      0.28 * age * bump(ax, 5.2, 1.6) * bump(y, -1.2, 1.8);
    vertices[i] += dx, vertices[i + 1] += dy, vertices[i + 2] += dz;
    if (child > 0) infant(vertices, i, x, y, z, child);
  }
}

/** Children's faces are shorter below the nose. */
function shrink(y: number, child: number): number {
  return y < 2 ? 2 + (y - 2) * (1 - 0.17 * child) : y;
}

/** Larger eyes, a small flat nose, round cheeks, a small chin. */
function infant(vertices: Float32Array, i: number, x: number, y: number, z: number, child: number): void {
  const ax = Math.abs(x), side = x < 0 ? -1 : 1;
  const eye = Math.exp(-(((ax - 3.1) / 2.0) ** 4) - ((y - 3.5) / 1.7) ** 4) * child;
  vertices[i] += 0.13 * eye * (x - side * 3.1);
  vertices[i + 1] += 0.15 * eye * (y - 3.5);
  vertices[i + 2] += 0.12 * eye * (z - 8.4);
  const nose = bump(ax, 0, 1.5) * bump(y, 0.6, 1.9);
  vertices[i + 2] -= 1.15 * child * nose;
  vertices[i + 1] += 0.25 * child * nose;
  const cheek = bump(ax, 4.8, 2.2) * bump(y, -1.2, 2.4);
  vertices[i] += side * 0.5 * child * cheek;
  vertices[i + 2] += 0.55 * child * cheek;
  const chin = ramp(y, -4, -7.5);
  vertices[i] *= 1 - 0.12 * child * chin;
  vertices[i + 2] -= 0.5 * child * chin * ramp(z, 5, 9);
  vertices[i + 1] = shrink(vertices[i + 1], child);
}
