/** Eyeballs, teeth, gums: the wet surfaces. */
import { ramp } from "./action_units.ts";
import type { Gaze, LidMeasure } from "./lids.ts";
import { rotation } from "./mesh.ts";
import { noise } from "./noise.ts";
import type { Sample } from "./sample.ts";
import type { Subject } from "./subject.ts";

/** Centre of an eyeball on the rest head. */
export type Centre = readonly [number, number, number];

/** Radius of the iris on FaceKit's eyeball. */
const IRIS = 0.66;

/** Paints eyeballs: white, iris with its dark rim, pupil, and the shade of lids and lashes. */
export class EyePaint {
  readonly #cx: number;
  readonly #cy: number;
  readonly #cz: number;
  /** How the ball is turned. */
  readonly #turn: Float64Array;

  constructor([cx, cy, cz]: Centre, readonly lids: LidMeasure, gaze: Gaze, readonly subject: Subject) {
    this.#cx = cx, this.#cy = cy, this.#cz = cz;
    this.#turn = Float64Array.from(rotation(gaze.yaw, gaze.pitch, 0));
  }

  /** Fills in a point of the ball. */
  apply(s: Sample): void {
    const { subject, lids } = this, key = subject.key, m = this.#turn;
    const dx = s.x - this.#cx, dy = s.y - this.#cy, dz = s.z - this.#cz;
    const radius = Math.sqrt(dx * dx + dy * dy);
    const iris = IRIS * subject.irisSize;
    s.specular = 0.3, s.gloss = 180, s.wrap = 0.35;
    const vein = noise(dx * 3, dy * 6, 1, key + 31) * subject.redness;
    const edge = ramp(radius, 0.7, 1.5);
    s.r = 0.5 - 0.05 * edge, s.g = 0.455 - 0.12 * edge - 0.04 * vein, s.b = 0.43 - 0.13 * edge - 0.04 * vein;
    if (dz > 0) {
      const share = radius / iris, cover = ramp(share, 1.09, 0.94);
      if (cover > 0) {
        const angle = Math.atan2(dy, dx);
        const spokes = noise(Math.cos(angle) * 7, Math.sin(angle) * 7, share * 1.2, key + 32);
        const ring = 1 - 0.8 * ramp(share, 0.7, 1.0) + 0.25 * ramp(share, 0.6, 0.4);
        const [r, g, b] = subject.iris;
        const tone = ring * (0.85 + 0.35 * spokes);
        s.paint(r * tone, g * tone, b * tone, cover);
        s.paint(0.005, 0.005, 0.006, ramp(share, subject.pupil + 0.05, subject.pupil - 0.04));
      }
    }
    // The lids keep light off the ball near their edges: lashes and brow the upper part, the lower lid a little.
    const across = m[0] * dx + m[1] * dy + m[2] * dz, up = m[3] * dx + m[4] * dy + m[5] * dz;
    const bend = 1 - 0.2 * across * across;
    const below = lids.top * bend - up, over = up - lids.bottom * bend;
    s.open *= (1 - 0.75 * ramp(below, 0.42, -0.02)) * (1 - 0.35 * ramp(over, 0.2, 0)) *
      (1 - 0.5 * ramp(across < 0 ? -across : across, 0.55, 1.25));
    if (below < 0.1) s.paint(0.01, 0.008, 0.008, 0.8 * ramp(below, 0.1, 0));
    s.specular *= ramp(below, 0.02, 0.2);
  }
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
