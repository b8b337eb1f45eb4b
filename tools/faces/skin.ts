/** Skin and what is painted on it: blotches, pores, lips, brows, lash lines, stubble. */
import { ramp } from "./action_units.ts";
import type { CreaseField } from "./creases.ts";
import { Curve, inside, type Nearest, smooth } from "./curve.ts";
import type { Head } from "./head.ts";
import { noise } from "./noise.ts";
import type { Sample } from "./sample.ts";
import type { Subject } from "./subject.ts";

type Outline = readonly (readonly [number, number])[];

/** Where the features lie on the rest head. */
export class FaceMap {
  readonly lips: Outline;
  readonly lipEdge: Curve;
  readonly lipSeam: Curve;
  readonly brow: Curve;
  readonly upperLid: Curve;
  readonly lowerLid: Curve;
  readonly eye: Outline;

  constructor(head: Head) {
    const at = (i: number): [number, number] => {
      const v = 3 * head.landmarks[i];
      return [head.rest[v], head.rest[v + 1]];
    };
    const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => at(from + i));
    const lips = smooth(range(48, 59), true, 3);
    this.lips = lips;
    this.lipEdge = new Curve(lips, 0.5);
    this.lipSeam = new Curve([at(48), ...range(60, 64), at(54)], 0.4);
    this.brow = new Curve(smooth(range(22, 26), false), 1.1);
    this.upperLid = new Curve(smooth(range(42, 45), false), 0.9);
    this.lowerLid = new Curve(smooth([at(45), at(46), at(47), at(42)], false), 0.7);
    this.eye = smooth(range(42, 47), true, 3);
  }
}

const near: Nearest = { distance: 0, side: 1, dx: 0, dy: 0, along: 0 };

/** Paints the skin of one subject with one expression. */
export class SkinPaint {
  constructor(
    readonly map: FaceMap,
    readonly subject: Subject,
    readonly creases: CreaseField,
  ) {}

  /**
   * Adds what is finer than the vertices to the complexion that they carry: colour in (r, g, b), the beard's cover in
   * `v`, shine in `w`.
   */
  apply(s: Sample): void {
    const { subject } = this, key = subject.key;
    const { x, y, z } = s;
    const ax = x < 0 ? -x : x;
    const fine = 1 + 0.055 * subject.mottle * noise(x * 7, y * 7, z * 7, key + 2);
    s.r *= fine, s.g *= fine, s.b *= fine;
    s.specular = 0.07 * subject.gloss * s.w, s.gloss = 16;
    s.wrap = 1;
    const pores = 0.05 + 0.05 * subject.mottle + 0.05 * subject.age;
    s.gx = pores * noise(x * 9, y * 9, z * 9, key + 3);
    s.gy = pores * noise(x * 9, y * 9, z * 9, key + 4);
    if (z < 5) return;
    this.creases.at(x, y);
    s.gx += this.creases.gx, s.gy += this.creases.gy;
    const dark = this.creases.dark;
    s.open *= 1 - dark;
    s.g *= 1 - 0.18 * dark, s.b *= 1 - 0.2 * dark;
    this.eyes(s, ax, y);
    this.brows(s, ax);
    this.mouth(s, x, y, z);
    this.stubble(s);
  }

  private eyes(s: Sample, ax: number, y: number): void {
    const { map } = this;
    if (ax < 1 || ax > 6.5 || y < 1 || y > 5.5) return;
    if (inside(map.eye, ax, y)) s.paint(s.r * 1.02, s.g * 0.72, s.b * 0.7, 0.6);
    if (map.upperLid.nearest(ax, y, near)) {
      const { makeup, traits } = this.subject;
      if (makeup.shadowCover > 0 && near.side > 0) {
        const [r, g, b] = makeup.shadow;
        s.paint(r, g, b, makeup.shadowCover * ramp(near.distance, 0.85, 0.1));
      }
      const lash = ramp(near.distance, 0.27 + 0.16 * makeup.liner, 0.08 + 0.08 * makeup.liner);
      s.paint(0.02, 0.014, 0.012, lash * (0.75 + 0.2 * makeup.liner));
      const fold = near.side > 0 ? Math.exp(-(((near.distance - 0.62) / 0.13) ** 2)) : 0;
      s.open *= 1 - 0.4 * (1 - 0.8 * traits.hood) * fold * ramp(near.along, 0, 0.25);
    }
    if (map.lowerLid.nearest(ax, y, near)) {
      const lash = ramp(near.distance, 0.2, 0.05);
      s.paint(0.06, 0.04, 0.035, lash * (0.42 + 0.4 * this.subject.makeup.liner));
    }
  }

  private brows(s: Sample, ax: number): void {
    const { brow, key } = this.subject;
    const y = s.y + 0.12 - brow.arch * (ax - 1.2) * 0.35;
    if (!this.map.brow.nearest(ax, y, near)) return;
    const along = near.along, across = near.distance * near.side;
    const half = 0.5 * brow.thickness *
      (along < 0.12 ? 0.8 + 1.7 * along : 1.03 - 0.72 * ((along - 0.12) / 0.88));
    // Hairs slant outward and up; their stripes run along the slant.
    const u = along * 5.2, slant = u * 5.5 - across * 4.5;
    const hairs = noise(slant * 1.3, across * 2.2 + u, s.x > 0 ? 3 : 9, key + 9);
    const edge = half * (1 + 0.28 * hairs) - near.distance;
    let cover = ramp(edge, -0.1, 0.2) * brow.density * (0.88 + 0.18 * hairs);
    cover *= ramp(along, -0.02, 0.08) * ramp(along, 1.0, 0.8);
    if (cover <= 0) return;
    cover = Math.min(1, cover);
    s.paint(brow.colour[0], brow.colour[1], brow.colour[2], cover);
    s.gx += 0.25 * hairs * cover;
    s.specular *= 1 - 0.6 * cover;
  }

  private mouth(s: Sample, x: number, y: number, z: number): void {
    if (x < -3.2 || x > 3.2 || y > -2 || y < -5) return;
    const { lips } = this.subject;
    const within = inside(this.map.lips, x, y);
    const far = this.map.lipEdge.nearest(x, y, near) ? near.distance : 0.5;
    let cover = within ? ramp(far, -0.16, 0.12) : ramp(far, 0.16, -0.12);
    cover = Math.min(1, cover) * ramp(z, 8.6, 9.4);
    if (cover > 0) {
      const lines = noise(x * 9, y * 2, z * 2, this.subject.key + 12);
      s.paint(
        lips[0] * (1 + 0.08 * lines),
        lips[1] * (1 + 0.1 * lines),
        lips[2] * (1 + 0.1 * lines),
        cover * 0.9,
      );
      s.specular += 0.09 * cover, s.gloss += 22 * cover;
      s.gx += 0.13 * lines * cover;
    }
    if (z < 10.2 && within) {
      // Past the seam lies the lining of the mouth.
      const deep = ramp(z, 10.2, 9.2);
      s.paint(0.22, 0.055, 0.05, deep);
      s.open *= 1 - 0.5 * deep;
    }
    if (within && this.map.lipSeam.nearest(x, y, near)) s.open *= 1 - 0.3 * ramp(near.distance, 0.2, 0);
  }

  private stubble(s: Sample): void {
    const { subject } = this;
    const cover = s.v;
    if (cover <= 0) return;
    const dots = noise(s.x * 12, s.y * 12, s.z * 12, subject.key + 14);
    const density = subject.beard === "stubble" ? 0.42 + 0.3 * dots : 0.85 + 0.1 * dots;
    const [r, g, b] = subject.hair;
    s.paint(r * 1.2, g * 1.2, b * 1.25, Math.min(0.95, Math.max(0, cover * density)));
    s.gx += 0.2 * dots * cover;
    s.specular *= 1 - 0.5 * cover;
  }
}
