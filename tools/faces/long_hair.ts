/** Hair that hangs: a curtain round the back and the sides of the head. */
import { ramp } from "./action_units.ts";
import type { Mesh } from "./solid.ts";
import { vertexNormals } from "./mesh.ts";
import { noise } from "./noise.ts";
import type { Accept } from "./raster.ts";
import type { Sample } from "./sample.ts";
import type { Subject } from "./subject.ts";

const AROUND = 72, DOWN = 30;

/** Where the curtain begins at each side, in radians from the front, and where it ends. */
function extent(subject: Subject): { readonly open: number; readonly bottom: number } {
  const a = (subject.key & 1023) / 1023, b = ((subject.key >> 10) & 1023) / 1023;
  // Where hair hangs before the cheeks, it begins nearer to the face's front.
  return {
    open: (48 + 44 * a) * Math.PI / 180,
    bottom: subject.hairStyle === "bob" ? -1 - 5 * b : -4 - 11 * b,
  };
}

/** The curtain of a subject whose head, over its ears, is `ear` wide to each side. */
export function longHair(subject: Subject, ear: number): Mesh {
  const { open, bottom } = extent(subject);
  const vertices = new Float32Array(3 * (AROUND + 1) * (DOWN + 1)), triangles: number[] = [];
  const wavy = 0.12 + 0.35 * Math.min(1, subject.curl);
  for (let i = 0; i <= AROUND; i++) {
    const round = open + (2 * Math.PI - 2 * open) * i / AROUND;
    for (let j = 0; j <= DOWN; j++) {
      const y = 8.6 + (bottom - 8.6) * j / DOWN;
      // Close to the scalp above, over the ears, then falling in.
      const side = ear * (0.84 + 0.19 * ramp(y, 8.5, 3.5)) - 1.1 * ramp(y, 0, -9);
      const back = 9.6 + 0.5 * ramp(y, 8, 3) - 3.5 * ramp(y, 2, -7);
      const waves = wavy * noise(round * 5, y * 0.5, 3, subject.key + 71);
      const at = 3 * (i * (DOWN + 1) + j);
      vertices[at] = (side + waves) * Math.sin(round);
      vertices[at + 1] = y;
      vertices[at + 2] = (back + waves) * Math.cos(round) + 0.6 +
        (Math.cos(round) > 0 ? -(back - 6) * Math.cos(round) : 0);
      if (i < AROUND && j < DOWN) {
        const a = i * (DOWN + 1) + j, b = a + DOWN + 1;
        triangles.push(a, a + 1, b, a + 1, b + 1, b);
      }
    }
  }
  const faces = Int32Array.from(triangles);
  return { vertices, normals: vertexNormals(vertices, faces), triangles: faces };
}

function pattern(subject: Subject, x: number, y: number, z: number): number {
  const round = Math.atan2(x, z) * 9, curl = Math.min(1, subject.curl);
  const wave = curl * 0.5 * noise(x * 0.6, y * 0.9, z * 0.6, subject.key + 72);
  return 0.5 + 0.35 * noise((round + wave) * 4, y * 0.35, 0, subject.key + 73) +
    0.25 * noise((round + wave) * 1.3, y * 0.25, 4, subject.key + 74);
}

/** Whether the curtain has hair at a point: its ends and its front edges run out in locks. */
export function lockTest(curtain: Mesh, subject: Subject): Accept {
  const { open, bottom } = extent(subject), { triangles, vertices } = curtain;
  return (t, w0, w1, w2) => {
    const a = 3 * triangles[3 * t], b = 3 * triangles[3 * t + 1], c = 3 * triangles[3 * t + 2];
    const x = w0 * vertices[a] + w1 * vertices[b] + w2 * vertices[c];
    const y = w0 * vertices[a + 1] + w1 * vertices[b + 1] + w2 * vertices[c + 1];
    const z = w0 * vertices[a + 2] + w1 * vertices[b + 2] + w2 * vertices[c + 2];
    const lock = pattern(subject, x, y, z) - 0.5;
    const edge = Math.abs(Math.atan2(x, z - 0.6)) - open;
    return y > bottom + 1.2 + 3 * lock && edge > 0.05 + 0.12 * lock && y < 8.2 + lock;
  };
}

/** Paints a point of the curtain. */
export function paintLock(s: Sample, subject: Subject): void {
  const lock = pattern(subject, s.x, s.y, s.z);
  const tone = 0.6 + 0.75 * lock;
  s.r = subject.hair[0] * tone, s.g = subject.hair[1] * tone, s.b = subject.hair[2] * tone;
  s.specular = 0.035 + 0.12 * s.r, s.gloss = 70, s.wrap = 0.3;
  s.strand = 1;
  s.gx = 0.5 * (lock - 0.5);
  s.open *= 0.55 + 0.6 * lock * ramp(s.y, -14, 4);
}
