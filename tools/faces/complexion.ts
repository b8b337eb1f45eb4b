/** What the vertices of a head carry of a person's colouring: blotches, blood, beard, where the hair grows. */
import { ramp } from "./action_units.ts";
import { hairField } from "./hair.ts";
import type { Head } from "./head.ts";
import { noise } from "./noise.ts";
import type { Subject } from "./subject.ts";

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

/** A person's complexion, by vertex of the head. */
export interface Complexion {
  /** Linear reflectance, [V, 3]. */
  readonly colours: Float32Array;
  /** Depth into the hair, cover of the beard, shine, [V, 3]. */
  readonly fields: Float32Array;
}

/** Works out the complexion of a subject at the vertices that are seen from outside; inside there is none. */
export function complexion(head: Head, subject: Subject, outer: Int32Array): Complexion {
  const { rest } = head, key = subject.key, [r, g, b] = subject.skin;
  const colours = new Float32Array(rest.length), fields = new Float32Array(rest.length);
  for (const vertex of outer) {
    const i = 3 * vertex, x = rest[i], y = rest[i + 1], z = rest[i + 2], ax = Math.abs(x);
    const rough = subject.mottle;
    const shade = 1 + 0.07 * noise(x * 0.35, y * 0.35, z * 0.35, key) +
      rough *
        (0.05 * noise(x * 1.5, y * 1.5, z * 1.5, key + 1) + 0.05 * noise(x * 3.4, y * 3.4, z * 3.4, key + 6));
    const flush = rough * (0.06 * noise(x * 0.8, y * 0.8, z * 0.8, key + 7) +
      0.05 * noise(x * 2.3, y * 2.3, z * 2.3, key + 8));
    let red = r * shade * (1 + 0.3 * flush),
      green = g * shade * (1 - flush),
      blue = b * shade * (1 - 0.9 * flush);
    let shine = 1 + 0.35 * noise(x * 0.7, y * 0.7, z * 0.7, key + 10);
    if (z >= 1 && y > -9) {
      // Blood shows on cheeks, nose and ears; the forehead and nose shine.
      const blood = subject.redness * (Math.exp(-(((ax - 4.3) / 2.1) ** 2) - ((y + 0.3) / 2.1) ** 2) +
        0.9 * Math.exp(-((x / 1.5) ** 2) - ((y - 0.6) / 1.6) ** 2) + 0.5 * ramp(ax, 7.4, 8.2));
      red *= 1 + 0.03 * blood, green *= 1 - 0.12 * blood, blue *= 1 - 0.11 * blood;
      shine += 1.2 * Math.exp(-((x / 1.2) ** 2) - ((y - 1.5) / 2.5) ** 2) +
        0.6 * Math.exp(-((x / 4) ** 2) - ((y - 7) / 1.5) ** 2);
      if (subject.freckles > 0) {
        const spot = ramp(noise(x * 4.2, y * 4.2, z * 4.2, key + 5), 0.42, 0.62) * Math.min(1, blood) *
          subject.freckles;
        red *= 1 - 0.18 * spot, green *= 1 - 0.3 * spot, blue *= 1 - 0.35 * spot;
      }
      // Moles, and the brown spots of age.
      const mole = ramp(noise(x * 2.9, y * 2.9, z * 2.9, key + 15), 0.86, 0.93) * subject.spots;
      const stain = ramp(noise(x * 1.3, y * 1.3, z * 1.3, key + 16), 0.45, 0.7) * subject.age * subject.spots;
      red *= 1 - 0.5 * mole - 0.16 * stain, green *= 1 - 0.6 * mole - 0.24 * stain;
      blue *= 1 - 0.6 * mole - 0.28 * stain;
      const { blush } = subject.makeup;
      if (blush > 0) {
        const apple = blush * Math.exp(-(((ax - 4.6) / 1.6) ** 2) - ((y - 0.6) / 1.3) ** 2);
        red *= 1 + 0.05 * apple, green *= 1 - 0.3 * apple, blue *= 1 - 0.2 * apple;
      }
      // Thin skin round the eyes is darker and bluer.
      const socket = z < 5 ? 0 : Math.exp(-(((ax - 3.1) / 1.7) ** 2) - ((y - 3.1) / 0.95) ** 2);
      const ring = subject.rings * socket;
      red *= 1 - 0.2 * ring, green *= 1 - 0.23 * ring, blue *= 1 - 0.18 * ring;
    }
    colours[i] = red, colours[i + 1] = green, colours[i + 2] = blue;
    fields[i] = y > -6 ? hairField(subject, x, y, z) : -3;
    fields[i + 1] = beardCover(subject, x, y, z);
    fields[i + 2] = shine;
  }
  return { colours, fields };
}
