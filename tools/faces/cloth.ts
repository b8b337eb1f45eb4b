/** Cloth that lies on a head: caps, hats, scarves, hoods, bands. Each is one shell over the skin or the hair. */
import { ramp } from "./action_units.ts";
import type { Head } from "./head.ts";
import { noise } from "./noise.ts";
import type { Random } from "./random.ts";
import { type Mesh, Solid } from "./solid.ts";
import type { Colour } from "./palette.ts";

export const HATS = ["none", "beanie", "cap", "hat", "scarf", "hood", "band"] as const;
export type HatKind = typeof HATS[number];

export interface Hat {
  readonly kind: HatKind;
  readonly colour: Colour;
  readonly second: Colour;
  /** Stripes or checks a head unit; 0 is plain. */
  readonly pattern: number;
  /** How wide a brim is, and how low it all sits. */
  readonly brim: number;
  readonly low: number;
}

/** A bare head. */
export const NO_HAT: Hat = {
  kind: "none",
  colour: [0, 0, 0],
  second: [0, 0, 0],
  pattern: 0,
  brim: 0,
  low: 0,
};

/** Draws what a person wears on the head; most wear nothing. */
export function drawHat(random: Random): Hat {
  const cloth = (): Colour => {
    const level = random.between(0.02, 0.7) ** 1.2, saturation = random.next() ** 1.5;
    return [0, 1, 2].map(() => Math.max(0.01, level * (1 - saturation * random.next()))) as unknown as Colour;
  };
  return {
    kind: random.pick(HATS, [82, 3.5, 4, 4, 4, 1.5, 1.5]),
    colour: cloth(),
    second: cloth(),
    pattern: random.chance(0.3) ? random.between(0.4, 3) : 0,
    brim: random.between(2, 5.5),
    low: random.between(-0.6, 0.9),
  };
}

/** Depth under the cloth at a rest point, in head units; negative is bare. */
export function hatField(hat: Hat, x: number, y: number, z: number): number {
  // Lower at the back than over the forehead.
  const line = 7.9 - hat.low - 4.2 * (1 - ramp(z, -6, 6));
  switch (hat.kind) {
    case "none":
      return -9;
    case "beanie":
    case "cap":
    case "hat":
      return y - line;
    case "band":
      return Math.min(y - line, line + 1.6 - y);
    case "scarf":
    case "hood": {
      if (z < 1.5 || y < -8.4) return 1;
      const wide = hat.kind === "hood" ? 7.5 : 6.7 - 0.3 * hat.low,
        high = hat.kind === "hood" ? 9.3 : 8.2 - 0.6 * hat.low;
      return 3 * (Math.sqrt((x / wide) ** 2 + ((y - 0.5) / high) ** 2) - 1);
    }
  }
}

/** A shell of cloth over the head. */
export interface Cloth {
  /** The head vertex under each of its vertices, its height over it, and how deep under the cloth it lies. */
  readonly source: Int32Array;
  readonly height: Float32Array;
  readonly field: Float32Array;
  readonly rest: Float32Array;
  readonly triangles: Int32Array;
  readonly colour: Colour;
  readonly second: Colour;
  readonly pattern: number;
}

/** The shell of what `fieldAt` covers, `heightAt` over the skin. */
export function clothShell(
  head: Head,
  fieldAt: (x: number, y: number, z: number) => number,
  heightAt: (x: number, y: number, z: number, field: number) => number,
  look: { readonly colour: Colour; readonly second: Colour; readonly pattern: number },
): Cloth {
  const { rest, triangles, surface } = head, count = rest.length / 3;
  const place = new Int32Array(count).fill(-1), order: number[] = [], faces: number[] = [];
  const depth = new Float32Array(count);
  for (let i = 0; i < count; i++) depth[i] = fieldAt(rest[3 * i], rest[3 * i + 1], rest[3 * i + 2]);
  for (let t = 0; t < surface.length; t++) {
    if (surface[t] > 1) continue;
    const corners = [triangles[3 * t], triangles[3 * t + 1], triangles[3 * t + 2]];
    if (corners.every((c) => depth[c] < 0)) continue;
    for (const c of corners) {
      if (place[c] < 0) place[c] = order.length, order.push(c);
      faces.push(place[c]);
    }
  }
  const at = (i: number) => [rest[3 * order[i]], rest[3 * order[i] + 1], rest[3 * order[i] + 2]] as const;
  return {
    source: Int32Array.from(order),
    field: Float32Array.from(order, (v) => depth[v]),
    height: Float32Array.from(order, (v, i) => heightAt(...at(i), depth[v])),
    rest: Float32Array.from(order.flatMap((_, i) => [...at(i)])),
    triangles: Int32Array.from(faces),
    ...look,
  };
}

/** What a subject wears on the head. */
export function hatShell(head: Head, hat: Hat, key: number): Cloth {
  const wide = hat.kind === "hood" ? 1.3 : hat.kind === "scarf" ? 0.55 : 0.7;
  return clothShell(
    head,
    (x, y, z) => hatField(hat, x, y, z),
    (x, y, z, field) =>
      wide * ramp(field, -0.3, 0.7) + 0.2 * noise(x * 0.7, y * 0.7, z * 0.7, key + 81) +
      (hat.kind === "hat" || hat.kind === "cap" ? 0.9 : 0.3) * ramp(y, 8, 12),
    hat,
  );
}

/** The brim of a hat, or a cap's visor; null when there is none. */
export function brimMesh(hat: Hat): Mesh | null {
  if (hat.kind !== "hat" && hat.kind !== "cap") return null;
  const solid = new Solid(), y0 = 8.1 - hat.low, cap = hat.kind === "cap";
  const reach = cap ? 1.15 : Math.PI, width = cap ? 2 + 0.55 * hat.brim : hat.brim;
  solid.grid(3, 40, (u, v) => {
    const angle = (2 * v - 1) * reach, out = u * width * (cap ? Math.cos(angle / reach * 1.45) ** 0.5 : 1);
    const back = 2.6 * (1 - Math.cos(angle)) / 2;
    return [
      (6.9 + out) * Math.sin(angle),
      y0 - back - 0.16 * out - (cap ? 0.05 * out * out : 0) + 0.25 * Math.sin(3 * angle + hat.low) * u,
      (Math.cos(angle) > 0 ? 9.6 : 8.6) * Math.cos(angle) + out * Math.cos(angle) + 0.2,
    ];
  });
  return solid.mesh();
}
