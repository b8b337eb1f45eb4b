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

/** Share of chin, jaw and upper lip that a beard covers at a rest point, 0 to 1. */
export function beardCover(subject: Subject, x: number, y: number, z: number): number {
  if (subject.beard === "none" || y > 1.5 || z < 0) return 0;
  const ax = Math.abs(x);
  const ragged = 0.3 * noise(x * 1.1, y * 1.1, z, subject.key + 21) +
    0.12 * noise(x * 4, y * 4, z, subject.key + 22);
  // The upper edge falls from the nose to the corner of the mouth and rises to the ear.
  const edge = ax < 3 ? -1.25 - 0.28 * ax : -2.09 + 0.45 * (ax - 3);
  const below = ramp(edge + ragged - y, -0.15, ax < 3 ? 0.3 : 0.8);
  const lips = ramp(Math.sqrt((x / 2.62) ** 2 + ((y + 3.5) / 1.08) ** 2), 0.93, 1.14);
  const throat = ramp(y, -8.6, -7.2) * ramp(z, 1.2, 3.4), all = below * lips * throat;
  const moustache = ramp(y, -4.1, -3.1) * ramp(ax, 3.3, 2.7);
  if (subject.beard === "moustache") return all * moustache;
  if (subject.beard === "goatee") return all * ramp(ax + ragged, 3.3, 2.2) * ramp(z, 6, 7.5);
  return all;
}

/** Paints the skin of one subject with one expression. */
export class SkinPaint {
  constructor(
    readonly map: FaceMap,
    readonly subject: Subject,
    readonly creases: CreaseField,
  ) {}

  /** Fills in reflectance and slope at a rest point of the face or scalp. */
  apply(s: Sample): void {
    const { subject } = this, key = subject.key;
    const { x, y, z } = s;
    const ax = Math.abs(x);
    const broad = noise(x * 0.35, y * 0.35, z * 0.35, key),
      middle = noise(x * 1.5, y * 1.5, z * 1.5, key + 1);
    const fine = noise(x * 8, y * 8, z * 8, key + 2);
    const shade = 1 + 0.06 * broad + 0.045 * middle + 0.03 * fine;
    const [r, g, b] = subject.skin;
    s.r = r * shade, s.g = g * shade, s.b = b * shade;
    s.specular = 0.07 * subject.gloss, s.gloss = 16;
    s.wrap = 1;
    s.gx = 0.045 * noise(x * 10, y * 10, z * 10, key + 3);
    s.gy = 0.045 * noise(x * 10, y * 10, z * 10, key + 4);
    if (z < 1 || y < -9) return;
    // Blood shows on cheeks, nose and ears; the forehead and nose shine.
    const red = subject.redness * (Math.exp(-(((ax - 4.3) / 2.1) ** 2) - ((y + 0.3) / 2.1) ** 2) +
      0.9 * Math.exp(-((x / 1.5) ** 2) - ((y - 0.6) / 1.6) ** 2) + 0.5 * ramp(ax, 7.4, 8.2));
    s.r *= 1 + 0.03 * red, s.g *= 1 - 0.12 * red, s.b *= 1 - 0.11 * red;
    s.specular *= 1 + 1.2 * Math.exp(-((x / 1.2) ** 2) - ((y - 1.5) / 2.5) ** 2) +
      0.6 * Math.exp(-((x / 4) ** 2) - ((y - 7) / 1.5) ** 2);
    if (subject.freckles > 0) {
      const spot = ramp(noise(x * 4.2, y * 4.2, z * 4.2, key + 5), 0.42, 0.62) * Math.min(1, red) *
        subject.freckles;
      s.r *= 1 - 0.18 * spot, s.g *= 1 - 0.3 * spot, s.b *= 1 - 0.35 * spot;
    }
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
    // Thin skin round the eyes is darker and bluer.
    const socket = Math.exp(-(((ax - 3.1) / 1.7) ** 2) - ((y - 3.1) / 0.95) ** 2);
    s.r *= 1 - 0.13 * socket, s.g *= 1 - 0.15 * socket, s.b *= 1 - 0.11 * socket;
    if (inside(map.eye, ax, y)) s.paint(s.r * 1.02, s.g * 0.72, s.b * 0.7, 0.6);
    if (map.upperLid.nearest(ax, y, near)) {
      const lash = ramp(near.distance, 0.27, 0.08);
      s.paint(0.02, 0.014, 0.012, lash * 0.8);
      const fold = near.side > 0 ? Math.exp(-(((near.distance - 0.62) / 0.13) ** 2)) : 0;
      s.open *= 1 - 0.28 * fold * ramp(near.along, 0, 0.25);
    }
    if (map.lowerLid.nearest(ax, y, near)) {
      const lash = ramp(near.distance, 0.2, 0.05);
      s.paint(0.07, 0.045, 0.04, lash * 0.42);
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
    const edge = half * (1 + 0.3 * hairs) - near.distance;
    let cover = ramp(edge, -0.1, 0.2) * brow.density * (0.82 + 0.3 * hairs);
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
    if (subject.beard === "none" || s.y > 1.5) return;
    const cover = beardCover(subject, s.x, s.y, s.z);
    if (cover <= 0) return;
    const dots = noise(s.x * 12, s.y * 12, s.z * 12, subject.key + 14);
    const density = subject.beard === "stubble" ? 0.42 + 0.3 * dots : 0.85 + 0.1 * dots;
    const [r, g, b] = subject.hair;
    s.paint(r * 1.2, g * 1.2, b * 1.25, Math.min(0.95, Math.max(0, cover * density)));
    s.gx += 0.2 * dots * cover;
    s.specular *= 1 - 0.5 * cover;
  }
}
