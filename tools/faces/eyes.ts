/** Eyeballs, teeth, gums: the wet surfaces. */
import { ramp } from "./action_units.ts";
import { noise } from "./noise.ts";
import type { Sample } from "./sample.ts";
import type { Subject } from "./subject.ts";

/** Centre of an eyeball on the rest head. */
export type Centre = readonly [number, number, number];

/** Radius of the iris on FaceKit's eyeball. */
const IRIS = 0.66;

/** Paints a point of an eyeball: white, iris with its dark rim, pupil. */
export function paintEye(
  s: Sample,
  [cx, cy]: Centre,
  front: number,
  subject: Subject,
  lidShade: number,
): void {
  const dx = s.x - cx, dy = s.y - cy;
  const radius = Math.hypot(dx, dy), angle = Math.atan2(dy, dx), key = subject.key;
  const iris = IRIS * subject.irisSize;
  s.specular = 0.3, s.gloss = 180, s.wrap = 0.35;
  const vein = noise(dx * 3, dy * 6, 1, key + 31);
  const edge = ramp(radius, 0.7, 1.5);
  s.r = 0.58 - 0.05 * edge, s.g = 0.535 - 0.12 * edge - 0.03 * vein, s.b = 0.51 - 0.13 * edge - 0.03 * vein;
  if (s.z > front) {
    const share = radius / iris;
    const cover = ramp(share, 1.07, 0.95);
    if (cover > 0) {
      const spokes = noise(Math.cos(angle) * 7, Math.sin(angle) * 7, share * 1.2, key + 32);
      const ring = 1 - 0.75 * ramp(share, 0.72, 1.0) + 0.35 * ramp(share, 0.6, 0.4);
      const [r, g, b] = subject.iris;
      const tone = ring * (1.15 + 0.4 * spokes);
      s.paint(r * tone, g * tone, b * tone, cover);
      s.paint(0.006, 0.006, 0.007, ramp(share, 0.44, 0.36));
    }
  }
  // The upper lid and its lashes keep light off the upper part of the ball.
  s.open *= 1 - lidShade * ramp(dy, -0.1, 0.62) - 0.5 * ramp(Math.abs(dx), 0.55, 1.25);
}

/** Paints a point of the teeth. */
export function paintTeeth(s: Sample, subject: Subject): void {
  const stain = 0.04 * noise(s.x * 2, s.y * 2, s.z * 2, subject.key + 41);
  s.r = 0.66 + stain, s.g = 0.61 + stain, s.b = 0.5 + stain - 0.08 * subject.age;
  s.specular = 0.16, s.gloss = 50, s.wrap = 0.5;
  // Molars lie in the dark.
  s.open *= ramp(s.z, 5.5, 10.2);
}

/** Paints a point of gums or tongue. */
export function paintGums(s: Sample): void {
  s.r = 0.36, s.g = 0.1, s.b = 0.09;
  s.specular = 0.1, s.gloss = 30, s.wrap = 0.6;
  s.open *= ramp(s.z, 3, 10.5);
}
