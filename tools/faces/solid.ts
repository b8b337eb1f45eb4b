/** Simple bodies for what is worn or held before a face. */
import { cross, unit, vertexNormals } from "./mesh.ts";
import type { Colour } from "./palette.ts";

/** A mesh of its own, in the frame of the head at rest. */
export interface Mesh {
  readonly vertices: Float32Array;
  readonly normals: Float32Array;
  readonly triangles: Int32Array;
}

/** A mesh of one stuff. */
export interface Prop {
  readonly mesh: Mesh;
  readonly colour: Colour;
  readonly specular: number;
  readonly gloss: number;
  /** How far light wraps into its shade, as in skin. */
  readonly wrap: number;
  /** How far its colour wanders, 0 to 1. */
  readonly texture: number;
  /** Share of the light from behind that it stops; below 1 it is seen through. */
  readonly opacity: number;
}

export type Place = readonly [number, number, number];

/** Collects bodies into one mesh. */
export class Solid {
  readonly #vertices: number[] = [];
  readonly #triangles: number[] = [];

  /** Adds a tube of `sides` edges along `path`, closed at its ends when `round`. */
  tube(path: readonly Place[], radius: number, sides = 6, round = false): void {
    const first = this.#vertices.length / 3, last = path.length - 1;
    for (let i = 0; i < path.length; i++) {
      const before = path[Math.max(0, i - 1)], after = path[Math.min(last, i + 1)];
      const along = unit([after[0] - before[0], after[1] - before[1], after[2] - before[2]]);
      const across = unit(cross(along, Math.abs(along[2]) > 0.8 ? [0, 1, 0] : [0, 0, 1]));
      const up = cross(across, along);
      const thin = round && (i === 0 || i === last) ? 0.05 : round && (i === 1 || i === last - 1) ? 0.85 : 1;
      for (let s = 0; s < sides; s++) {
        const angle = 2 * Math.PI * s / sides;
        const c = thin * radius * Math.cos(angle), d = thin * radius * Math.sin(angle);
        for (let k = 0; k < 3; k++) this.#vertices.push(path[i][k] + c * across[k] + d * up[k]);
      }
    }
    for (let i = 0; i < last; i++) {
      for (let s = 0; s < sides; s++) {
        const a = first + i * sides + s, b = first + i * sides + (s + 1) % sides;
        this.#triangles.push(a, b, a + sides, b, b + sides, a + sides);
      }
    }
  }

  /** Adds an ellipsoid; `axes` are its half axes as vectors. */
  ellipsoid(centre: Place, axes: readonly [Place, Place, Place], rings = 8): void {
    this.grid(rings, 2 * rings, (u, v) => {
      const down = Math.PI * u, round = 2 * Math.PI * v;
      const [a, b, c] = [Math.sin(down) * Math.sin(round), Math.cos(down), Math.sin(down) * Math.cos(round)];
      return [0, 1, 2].map((k) =>
        centre[k] + a * axes[0][k] + b * axes[1][k] + c * axes[2][k]
      ) as unknown as Place;
    });
  }

  /** Adds a box; `axes` are its half edges as vectors. */
  box(centre: Place, axes: readonly [Place, Place, Place]): void {
    for (const [n, u, v] of [[0, 1, 2], [1, 2, 0], [2, 0, 1]]) {
      for (const side of [-1, 1]) {
        this.grid(
          1,
          1,
          (a, b) =>
            [0, 1, 2].map((k) =>
              centre[k] + side * axes[n][k] + side * (2 * a - 1) * axes[u][k] + (2 * b - 1) * axes[v][k]
            ) as unknown as Place,
        );
      }
    }
  }

  /** Adds a sheet: `at` places each of its points, u and v from 0 to 1. */
  grid(rows: number, columns: number, at: (u: number, v: number) => Place): void {
    const first = this.#vertices.length / 3;
    for (let i = 0; i <= rows; i++) {
      for (let j = 0; j <= columns; j++) this.#vertices.push(...at(i / rows, j / columns));
    }
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const a = first + i * (columns + 1) + j, b = a + columns + 1;
        this.#triangles.push(a, b, a + 1, a + 1, b, b + 1);
      }
    }
  }

  /** The mesh of all that was added. */
  mesh(): Mesh {
    const vertices = Float32Array.from(this.#vertices), triangles = Int32Array.from(this.#triangles);
    return { vertices, normals: vertexNormals(vertices, triangles), triangles };
  }
}
