/** Hair and full beards: where they grow, and shells of strands standing over the skin there. */
import { ramp } from "./action_units.ts";
import type { Head } from "./head.ts";
import { hatField } from "./cloth.ts";
import { noise } from "./noise.ts";
import type { Sample } from "./sample.ts";
import type { Accept } from "./raster.ts";
import type { HairStyle, Subject } from "./subject.ts";

/** Signed depth into the hair at a rest point of the scalp, in head units; negative is bare skin. */
export function hairField(subject: Subject, x: number, y: number, z: number): number {
  const style = subject.hairStyle, ax = Math.abs(x), key = subject.key;
  const ragged = 0.5 * noise(x * 0.8, y * 0.8, z * 0.8, key + 51) +
    0.2 * noise(x * 3, y * 3, z * 3, key + 52);
  // The front: an arch over the forehead, higher at the temples of men who lose hair.
  let line = 8.75 + subject.hairline - 0.03 * ax * ax;
  if (style === "receding") line += 2.2 * Math.exp(-(((ax - 3.6) / 1.9) ** 2)) + 0.5;
  if (style === "fringe") line = 7.25 + 0.35 * subject.hairline - 0.012 * ax * ax;
  if (style === "long" || style === "tied" || style === "swept") line -= 0.12 * ramp(ax, 1.5, 6) * 4 - 0.3;
  // Swept over the forehead from one side, or cut straight above the brows.
  const sweep = (key & 1) === 0 ? 1 : -1;
  if (style === "swept") {
    line -= 1.9 * ramp(sweep * x, -3.5, 3.5) * ramp(ax, 7.5, 5.5) * ramp(subject.curl, 1.5, 0.2) + 0.2;
  }
  if (style === "bangs" || style === "bob") line = 6.75 + 0.6 * subject.hairline + 0.012 * ax * ax;
  if (style === "curls") line -= 0.5 + 0.5 * noise(x * 0.9, y * 0.9, z * 0.9, key + 53);
  let front = y - line;
  if (style === "bald") front = -3;
  // The side: behind a line from the temple down to before the ear, where a sideburn ends.
  const side = Math.min(2.5 + 0.5 * (y - 3.5) - z, y - 1.6 + 6 * ramp(z, 1, -2.5));
  let field = Math.max(front, style === "bald" ? Math.min(side, 6.5 - y) : side);
  // The nape ends; the ear and what lies behind it stay bare.
  field = Math.min(field, y + 4.6 + (HANGING.has(style) ? 3 : 0));
  const ear = Math.min(4.4 - y, 2.2 - z, z + 2.2, y + 3);
  if (ear > 0) field = Math.min(field, -ear - 0.3);
  // What a hat covers is pressed flat under it.
  return Math.min(field + ragged * 0.8, 0.1 - hatField(subject.hat, x, y, z));
}

/** Styles that hang over ears and neck. */
export const HANGING: ReadonlySet<HairStyle> = new Set<HairStyle>(["long", "bangs", "bob"]);

/** How far hair stands off the skin, in head units. */
function hairHeight(subject: Subject, field: number, y: number): number {
  const full = {
    ...{ short: 0.75, cropped: 0.28, receding: 0.5, bald: 0.22, fringe: 0.9, long: 0.9, tied: 0.5 },
    ...{ swept: 1.25, bangs: 0.9, bob: 1, curls: 2.1 },
  };
  const top = ["short", "fringe", "swept"].includes(subject.hairStyle) ? 0.55 + 0.45 * ramp(y, 3, 9) : 1;
  return (full[subject.hairStyle] + 0.35 * Math.min(1, subject.curl)) * top * ramp(field, -0.2, 1.6) + 0.02;
}

/** Shells over part of the head: `source` names the head vertex under each of their vertices. */
export interface Shells {
  readonly source: Int32Array;
  /** Height over the skin in head units. */
  readonly height: Float32Array;
  /** Share of the full height, angle round the head, and angle down from the crown, [V, 3]. */
  readonly fields: Float32Array;
  /** Depth into the hair. */
  readonly depth: Float32Array;
  /** Places on the rest head, [V, 3]. */
  readonly rest: Float32Array;
  /** Triangles over the shells' own vertices. */
  readonly triangles: Int32Array;
}

const LAYERS = 4;

function stack(
  head: Head,
  fieldAt: (x: number, y: number, z: number, vertex: number) => number,
  heightAt: (field: number, y: number) => number,
): Shells {
  const { rest, triangles, surface } = head;
  const count = rest.length / 3;
  const field = new Float32Array(count);
  for (let i = 0; i < count; i++) field[i] = fieldAt(rest[3 * i], rest[3 * i + 1], rest[3 * i + 2], i);
  const place = new Int32Array(count).fill(-1);
  const order: number[] = [], faces: number[] = [];
  for (let t = 0; t < head.front; t++) {
    if (surface[t] > 1) continue;
    const corners = [0, 1, 2].map((k) => triangles[3 * t + k]);
    if (Math.max(...corners.map((c) => field[c])) < -0.25) continue;
    for (const c of corners) {
      if (place[c] < 0) {
        place[c] = order.length;
        order.push(c);
      }
      faces.push(place[c]);
    }
  }
  const size = order.length;
  const shells = {
    source: new Int32Array(size * LAYERS),
    height: new Float32Array(size * LAYERS),
    fields: new Float32Array(3 * size * LAYERS),
    depth: new Float32Array(size * LAYERS),
    rest: new Float32Array(3 * size * LAYERS),
    triangles: new Int32Array(faces.length * LAYERS),
  };
  // Outermost first, so that most of what lies below is hidden before it is looked at.
  for (let layer = 0; layer < LAYERS; layer++) {
    const level = (LAYERS - layer) / LAYERS;
    order.forEach((vertex, i) => {
      const at = layer * size + i, x = rest[3 * vertex], y = rest[3 * vertex + 1], z = rest[3 * vertex + 2];
      shells.source[at] = vertex;
      shells.depth[at] = field[vertex];
      shells.height[at] = level * heightAt(field[vertex], y);
      shells.fields[3 * at] = level;
      shells.fields[3 * at + 1] = Math.atan2(x, z + 1.5);
      shells.fields[3 * at + 2] = Math.atan2(Math.hypot(x, z + 1.5), y - 3);
      shells.rest[3 * at] = x, shells.rest[3 * at + 1] = y, shells.rest[3 * at + 2] = z;
    });
    faces.forEach((vertex, i) => shells.triangles[layer * faces.length + i] = layer * size + vertex);
  }
  return shells;
}

/** The shells of a subject's hair; `fields` [V, 3] are the complexion's, whose first is the depth into the hair. */
export function hairShells(head: Head, subject: Subject, fields: Float32Array): Shells {
  return stack(
    head,
    (_x, _y, _z, vertex) => fields[3 * vertex],
    (field, y) => hairHeight(subject, field, y),
  );
}

/** The shells of a subject's beard, none for stubble. */
export function beardShells(head: Head, subject: Subject, fields: Float32Array): Shells | null {
  if (subject.beard === "none" || subject.beard === "stubble") return null;
  return stack(
    head,
    (_x, _y, z, vertex) => z > -1 ? 1.6 * fields[3 * vertex + 1] - 0.6 : -1,
    (field, y) =>
      (subject.beard === "full" ? 0.5 : 0.3) * ramp(field, -0.3, 1) * (0.6 + 0.4 * ramp(y, -2.5, -5)) + 0.01,
  );
}

/** From this curl on hair waves and has tufts. */
const CURLY = 0.25;

/** Straight strands laid out once for all: columns go round a head, rows down from the crown, so many a radian each. */
const COLUMNS = 1024, ROWS = 80, FINE_ROUND = 16, FINE_DOWN = 24;
const STRAIGHT = new Float32Array(COLUMNS * ROWS);
for (let row = 0, at = 0; row < ROWS; row++) {
  const down = row / FINE_DOWN;
  for (let column = 0; column < COLUMNS; column++, at++) {
    const across = column / FINE_ROUND;
    STRAIGHT[at] = 0.7 * noise(across * 5, down * 2.5, 0.3, 62) + 0.5 * noise(across * 1.6, down * 2, 0, 63);
  }
}

/**
 * The pattern of strands: 0 to 1, in stripes from the crown down, in tufts when curly. `round` and `down` are angles
 * round the head and down from its crown.
 */
export function strands(
  subject: Subject,
  x: number,
  y: number,
  z: number,
  level: number,
  round: number,
  down: number,
): number {
  const key = subject.key, curl = Math.min(1, subject.curl);
  const wave = curl < CURLY ? 0 : 0.25 * curl * noise(x, y, z, key + 61);
  // Each person's hair begins elsewhere in the layout.
  const column = ((round + 0.25 * level + wave + 8) * 9 * FINE_ROUND + key) & (COLUMNS - 1);
  const row = Math.min(ROWS - 1, (down * FINE_DOWN) | 0);
  const straight = STRAIGHT[row * COLUMNS + column];
  if (curl < CURLY) return 0.5 + 0.5 * straight;
  return 0.5 + 0.5 * (straight * (1 - curl) + noise(x * 3.2, y * 3.2, z * 3.2, key + 64) * curl);
}

/** Whether shells have hair at a point of triangle `t`: strands thin out towards their tips and past the hairline. */
export function strandTest(shells: Shells, subject: Subject): Accept {
  const { triangles, fields, depth, rest } = shells, curly = subject.curl >= CURLY;
  return (t, w0, w1, w2) => {
    const ia = triangles[3 * t], ib = triangles[3 * t + 1], ic = triangles[3 * t + 2];
    const a = 3 * ia, b = 3 * ib, c = 3 * ic, level = fields[a];
    const field = w0 * depth[ia] + w1 * depth[ib] + w2 * depth[ic];
    // No pattern reaches farther than 0.45 past the line.
    if (field <= 0.15 * level - 0.45) return false;
    // Straight strands need no place, only their angles.
    const pattern = strands(
      subject,
      curly ? w0 * rest[a] + w1 * rest[b] + w2 * rest[c] : 0,
      curly ? w0 * rest[a + 1] + w1 * rest[b + 1] + w2 * rest[c + 1] : 0,
      curly ? w0 * rest[a + 2] + w1 * rest[b + 2] + w2 * rest[c + 2] : 0,
      level,
      w0 * fields[a + 1] + w1 * fields[b + 1] + w2 * fields[c + 1],
      w0 * fields[a + 2] + w1 * fields[b + 2] + w2 * fields[c + 2],
    );
    return pattern > 0.12 + 0.5 * level * level && field + (pattern - 0.5) * 0.9 > 0.15 * level;
  };
}

/** Paints a point of hair; the sample's fields are its level and its two angles. */
export function paintHair(s: Sample, subject: Subject): void {
  const level = s.u, pattern = strands(subject, s.x, s.y, s.z, level, s.v, s.w);
  const tone = (0.75 + 0.5 * pattern) * (0.9 + 0.2 * noise(s.x, s.y, s.z, subject.key + 66));
  s.r = subject.hair[0] * tone, s.g = subject.hair[1] * tone, s.b = subject.hair[2] * tone;
  s.specular = 0.035 + 0.12 * s.r, s.gloss = 70, s.wrap = 0.3;
  s.strand = 0.35 + 0.65 * level;
  s.open *= 0.5 + 0.5 * level;
}
