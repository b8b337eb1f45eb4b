/** What comes between a camera and a face: hands, masks, microphones, telephones, strands of hair, cups. */
import type { Head } from "./head.ts";
import type { Random } from "./random.ts";
import { type Place, type Prop, Solid } from "./solid.ts";
import type { Colour } from "./palette.ts";
import type { Subject } from "./subject.ts";

export const OCCLUDERS = ["hand", "mask", "microphone", "telephone", "strands", "cup", "card"] as const;
export type OccluderKind = typeof OCCLUDERS[number];

/** One thing before a face; numbers from 0 to 1 choose where and how. */
export interface Occluder {
  readonly kind: OccluderKind;
  readonly colour: Colour;
  readonly choices: readonly number[];
}

/** Draws what covers part of a face, for most faces nothing. */
export function drawOccluder(random: Random): Occluder | null {
  if (!random.chance(0.17)) return null;
  const level = random.between(0.02, 0.8), saturation = random.next() ** 2;
  const channel = () => Math.max(0.01, level * (1 - saturation * random.next()));
  return {
    kind: random.pick(OCCLUDERS, [5, 1.6, 1.6, 1.6, 4.5, 1, 1.2]),
    colour: [channel(), channel(), channel()],
    choices: Array.from({ length: 12 }, () => random.next()),
  };
}

/** Depth of the face's front at (x, y) of a person's vertices [V, 3]. */
function frontOf(head: Head, vertices: Float32Array, x: number, y: number): number {
  let best = 2;
  for (let i = 0; i < head.rest.length; i += 3) {
    if (Math.abs(vertices[i] - x) < 0.9 && Math.abs(vertices[i + 1] - y) < 0.9) {
      best = Math.max(best, vertices[i + 2]);
    }
  }
  return best;
}

/** The meshes of what covers a face, in the frame of the head at rest. */
export function occluderProps(
  occluder: Occluder,
  head: Head,
  vertices: Float32Array,
  subject: Subject,
): Prop[] {
  const { kind, colour, choices: c } = occluder;
  const solid = new Solid(), side = c[0] < 0.5 ? -1 : 1;
  const front = (x: number, y: number) => frontOf(head, vertices, x, y);
  const stuff = { colour, specular: 0.05, gloss: 20, wrap: 0, texture: 0.1, opacity: 1 };
  if (kind === "hand") {
    // Fingertips lie at a point of the face; fingers run outward and down from there.
    const spots: readonly (readonly [number, number])[] = [[5, -1], [3, -6.5], [0.5, -4], [3.2, 3.5], [
      3,
      7.5,
    ], [6, 3]];
    const [tx, ty] = spots[Math.min(spots.length - 1, Math.floor(c[1] * spots.length))];
    const x0 = side * tx + 2 * (c[2] - 0.5), y0 = ty + 2 * (c[3] - 0.5);
    const angle = (-150 + 120 * c[4]) * Math.PI / 180 * 0.8 - 0.4;
    const dx = side * Math.abs(Math.cos(angle)),
      dy = Math.sin(angle),
      count = 1 + Math.floor(4 * c[5] ** 0.6);
    const size = 0.85 + 0.35 * c[6];
    for (let f = 0; f < count; f++) {
      const off = (f - (count - 1) / 2) * 1.55 * size, reach = (f === 0 || f === 3 ? 5 : 6) * size;
      const sx = x0 - dy * off, sy = y0 + dx * off;
      const path: Place[] = [0, 0.05, 0.25, 0.5, 0.75, 0.96, 1].map((t) => {
        const x = sx + dx * reach * t, y = sy + dy * reach * t;
        return [
          x,
          y,
          Math.max(front(x, y), front(sx, sy) - 1.2) + 0.65 * size + 1.1 * Math.sin(Math.PI * t * 0.7),
        ];
      });
      solid.tube(path, 0.74 * size, 8, true);
    }
    const px = x0 + dx * 7.6 * size, py = y0 + dy * 7.6 * size;
    if (count > 2) {
      solid.ellipsoid([px, py, front(px, py) + 1.6], [
        [dx * 3.4 * size, dy * 3.4 * size, 0],
        [-dy * 3.3 * size, dx * 3.3 * size, 0],
        [0, 0, 1.3 * size],
      ]);
    }
    const [r, g, b] = subject.skin, tan = 0.8 + 0.3 * c[7];
    return [{
      ...stuff,
      mesh: solid.mesh(),
      colour: [r * tan, g * tan * 0.95, b * tan * 0.92],
      wrap: 1,
      texture: 0.25,
    }];
  }
  if (kind === "microphone") {
    const x = 4 * (c[1] - 0.5),
      y = -6.2 + 3.4 * (c[2] - 0.5),
      z = front(0, -4) + 2.5 + 3 * c[3],
      size = 1 + 1.1 * c[4];
    solid.ellipsoid([x, y, z], [[size, 0, 0], [0, size * 1.15, 0], [0, 0, size]]);
    solid.tube([[x, y - size * 0.8, z], [x + 3 * (c[5] - 0.5), y - 9, z + 2]], 0.55 * size, 8);
    return [{ ...stuff, mesh: solid.mesh(), colour: [0.03, 0.03, 0.033], texture: 0.6, specular: 0.12 }];
  }
  if (kind === "telephone") {
    const before = c[1] < 0.5,
      x = before ? side * (2 + 4 * c[2]) : side * (7.6 + c[2]),
      y = -2 + 6 * (c[3] - 0.5);
    const z = before ? front(x, y) + 4 + 2 * c[4] : 5 + c[4],
      lean = 0.5 * (c[5] - 0.5),
      turn = before ? 0.2 : 1.2;
    const up: Place = [4 * Math.sin(lean) * side, 4 * Math.cos(lean), 0];
    solid.box([x, y, z], [
      [2 * Math.cos(turn), -2 * Math.sin(lean) * Math.cos(turn), -2 * Math.sin(turn) * side],
      up,
      [0.22 * Math.sin(turn) * side, 0, 0.22 * Math.cos(turn)],
    ]);
    return [{ ...stuff, mesh: solid.mesh(), specular: 0.3, gloss: 60, texture: 0 }];
  }
  if (kind === "strands") {
    const count = 3 + Math.floor(14 * c[1]), middle = side * (1.5 + 4 * c[2]), end = 5 - 12 * c[3];
    for (let n = 0; n < count; n++) {
      const wild = Math.sin(12.9898 * (n + 1) + 78.233 * c[4]) * 43758.5453,
        spread = wild - Math.floor(wild) - 0.5;
      const path: Place[] = Array.from({ length: 9 }, (_, i) => {
        const t = i / 8, y = 9.2 + (end + 3 * spread - 9.2) * t;
        const x = middle + 2.6 * spread +
          side * (2.5 * (c[5] - 0.4) * t * t + 0.5 * Math.sin(3 * t + 6 * c[6] + n));
        return [x, y, front(x, Math.min(8.5, y)) + 0.4];
      });
      solid.tube(path, 0.05 + 0.12 * c[7], 4);
    }
    const [r, g, b] = subject.hair;
    return [{ ...stuff, mesh: solid.mesh(), colour: [r, g, b], specular: 0.06 }];
  }
  if (kind === "mask") {
    // It spans from the nose over cheeks and chin, and touches what stands out.
    const top = 0.9 + 0.9 * c[1], fold = 0.12 + 0.1 * c[2];
    solid.grid(16, 20, (u, v) => {
      const x = 11.6 * (v - 0.5), y = top - 0.35 * Math.abs(x) * u + 0.12 * Math.abs(x) * (1 - u) - 9.2 * u;
      const dome = 12.7 - 0.115 * x * x - 0.075 * (y + 1.6) ** 2;
      return [x, y, Math.max(dome, front(x, y) + 0.25) + fold * Math.sin(9 * u + 0.1 * x) ** 2];
    });
    return [{ ...stuff, mesh: solid.mesh(), wrap: 0.3, specular: 0.01, texture: 0.06 }];
  }
  if (kind === "cup") {
    const x = 3 * (c[1] - 0.5), y = -5.6 - 1.5 * c[2], z = front(0, -4) + 2.2, radius = 2 + 1.2 * c[3];
    solid.grid(2, 20, (u, v) => {
      const angle = 2 * Math.PI * v, wide = radius * (1 - 0.2 * u);
      return [x + wide * Math.sin(angle), y + 2.2 - 8 * u, z + wide * Math.cos(angle) * 0.9 + 1.5 * u];
    });
    return [{ ...stuff, mesh: solid.mesh(), specular: 0.1 }];
  }
  // Something out of focus at the edge: a card, a leaf, somebody's shoulder.
  const x = side * (4 + 5 * c[1]), y = 16 * (c[2] - 0.55), lean = Math.PI * c[3];
  solid.box([x, y, 15], [
    [(1.5 + 3 * c[4]) * Math.cos(lean), (1.5 + 3 * c[4]) * Math.sin(lean), 0],
    [-(2 + 5 * c[5]) * Math.sin(lean), (2 + 5 * c[5]) * Math.cos(lean), 0],
    [0, 0, 0.1],
  ]);
  return [{ ...stuff, mesh: solid.mesh() }];
}
