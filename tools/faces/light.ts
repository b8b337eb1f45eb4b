/** Light: a shadow map for the key light, and the share of the surroundings each vertex sees. */
import { cross, unit } from "./mesh.ts";
import { drawDepth } from "./raster.ts";

/** How much of a key light reaches a point, by a depth map seen from the light. */
export class ShadowMap {
  readonly #map: Float32Array;
  /** Right, up and towards the light. */
  readonly #axes: Float64Array;
  readonly #scale: number;
  readonly #size: number;
  readonly #reach: number;
  readonly #spread: number;

  /**
   * `meshes` have vertices [V, 3] in the camera's frame, the head's middle at the origin; `from` points to the light;
   * `soft` is the radius over which the shadow's edge runs out, in head units.
   */
  constructor(
    meshes: readonly {
      readonly world: Float32Array;
      readonly triangles: Int32Array;
      /** Whether the mesh is a sheet rather than a closed body. */
      readonly bothSides?: boolean;
    }[],
    from: readonly number[],
    soft: number,
    size = 256,
    reach = 15,
  ) {
    const right = unit(cross([0, 1, 0.001], from)), up = cross(from, right);
    this.#axes = Float64Array.of(...right, ...up, ...from);
    this.#size = size;
    this.#reach = reach;
    this.#scale = size / (2 * reach);
    this.#spread = Math.max(0.7, soft * this.#scale);
    this.#map = new Float32Array(size * size).fill(Infinity);
    const [rx, ry, rz] = right, [ux, uy, uz] = up, [fx, fy, fz] = from, scale = this.#scale;
    for (const { world, triangles, bothSides } of meshes) {
      const screen = new Float32Array(world.length);
      for (let i = 0; i < world.length; i += 3) {
        const x = world[i], y = world[i + 1], z = world[i + 2];
        screen[i] = (rx * x + ry * y + rz * z + reach) * scale;
        screen[i + 1] = (reach - ux * x - uy * y - uz * z) * scale;
        screen[i + 2] = -(fx * x + fy * y + fz * z);
      }
      drawDepth(this.#map, size, size, screen, triangles, bothSides ?? false);
    }
  }

  /** Share of the light that arrives, 0 to 1; the normal keeps a surface from shading itself. */
  lit(x: number, y: number, z: number, nx: number, ny: number, nz: number, turn: number): number {
    const axes = this.#axes,
      size = this.#size,
      scale = this.#scale,
      spread = this.#spread,
      reach = this.#reach;
    const lift = 0.16 + 0.1 * spread / scale;
    x += nx * lift, y += ny * lift, z += nz * lift;
    const px = (axes[0] * x + axes[1] * y + axes[2] * z + reach) * scale;
    const py = (reach - axes[3] * x - axes[4] * y - axes[5] * z) * scale;
    const depth = -(axes[6] * x + axes[7] * y + axes[8] * z);
    const cos = spread * Math.cos(turn), sin = spread * Math.sin(turn), map = this.#map;
    const slope = 0.25 * spread / scale;
    let sum = 0;
    for (let i = 0; i < TAPS; i++) {
      const dx = DISC[2 * i], dy = DISC[2 * i + 1];
      const ix = Math.floor(px + cos * dx - sin * dy), iy = Math.floor(py + sin * dx + cos * dy);
      // The farther a tap lies off, the more a slanted surface may rise to it.
      const slack = 0.1 + slope * RADIUS[i];
      if (ix < 0 || iy < 0 || ix >= size || iy >= size || depth <= map[iy * size + ix] + slack) sum++;
    }
    return sum / TAPS;
  }
}

/** Points spread evenly over a disc (Vogel's spiral), x and y in turn, and how far each lies from its middle. */
const TAPS = 8;
const RADIUS = Float32Array.from({ length: TAPS }, (_, n) => Math.sqrt((n + 0.5) / TAPS));
const DISC = Float32Array.from({ length: 2 * TAPS }, (_, i) => {
  const angle = (i >> 1) * 2.399963;
  return RADIUS[i >> 1] * (i & 1 ? Math.sin(angle) : Math.cos(angle));
});

/** Directions spread evenly over a sphere (Fibonacci's lattice). */
function directions(count: number): [number, number, number][] {
  return Array.from({ length: count }, (_, i) => {
    const y = 1 - 2 * (i + 0.5) / count, radius = Math.sqrt(1 - y * y), angle = i * 2.399963;
    return [radius * Math.cos(angle), y, radius * Math.sin(angle)];
  });
}

const DOME = directions(16);
const GRID = 72;

/**
 * The share of a bright surrounding that each vertex sees, [V], 0 to 1: for each of 16 directions the vertices
 * are laid into a coarse depth grid, which is enough for light this soft, and costs no triangle. Only the vertices of `outer` are laid out and looked
 * at; the others, inside the head, get 0.22, as do those that are not `asked` for.
 */
export function openness(
  vertices: Float32Array,
  normals: Float32Array,
  outer: Int32Array,
  asked = outer,
  reach = 15,
): Float32Array {
  const count = vertices.length / 3;
  const seen = new Float32Array(count), total = new Float32Array(count);
  const grid = new Float32Array(GRID * GRID), scale = GRID / (2 * reach);
  const u = new Float32Array(count), v = new Float32Array(count), d = new Float32Array(count);
  for (const direction of DOME) {
    const right = unit(cross([0.02, 0.01, 1], direction)), up = cross(direction, right);
    grid.fill(-Infinity);
    for (const n of outer) {
      const i = 3 * n;
      const x = vertices[i], y = vertices[i + 1], z = vertices[i + 2];
      u[n] = (right[0] * x + right[1] * y + right[2] * z + reach) * scale;
      v[n] = (up[0] * x + up[1] * y + up[2] * z + reach) * scale;
      d[n] = direction[0] * x + direction[1] * y + direction[2] * z;
      const gx = u[n] | 0, gy = v[n] | 0;
      if (gx < 0 || gy < 0 || gx >= GRID || gy >= GRID) continue;
      const at = gy * GRID + gx;
      if (d[n] > grid[at]) grid[at] = d[n];
    }
    for (const n of asked) {
      const i = 3 * n;
      const facing = direction[0] * normals[i] + direction[1] * normals[i + 1] +
        direction[2] * normals[i + 2];
      if (facing <= 0) continue;
      total[n] += facing;
      // Four cells round the point, weighted by closeness.
      const fu = u[n] - 0.5, fv = v[n] - 0.5;
      const gx = Math.floor(fu), gy = Math.floor(fv), sx = fu - gx, sy = fv - gy;
      if (gx < 0 || gy < 0 || gx >= GRID - 1 || gy >= GRID - 1) {
        seen[n] += facing;
        continue;
      }
      const at = gy * GRID + gx, depth = d[n] + 0.45;
      let free = 0;
      if (grid[at] <= depth) free += (1 - sx) * (1 - sy);
      if (grid[at + 1] <= depth) free += sx * (1 - sy);
      if (grid[at + GRID] <= depth) free += (1 - sx) * sy;
      if (grid[at + GRID + 1] <= depth) free += sx * sy;
      seen[n] += facing * free;
    }
  }
  const share = new Float32Array(count).fill(0.22);
  for (const n of asked) share[n] = total[n] > 0 ? seen[n] / total[n] : 1;
  return share;
}
