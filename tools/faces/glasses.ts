/** A pair of glasses: rims, bridge and temples as thin tubes. */
import { cross, unit, vertexNormals } from "./mesh.ts";
import type { Glasses } from "./subject.ts";

/** A mesh of its own, in the frame of the head at rest. */
export interface Mesh {
  readonly vertices: Float32Array;
  readonly normals: Float32Array;
  readonly triangles: Int32Array;
}

type Place = readonly [number, number, number];

/** Adds a tube of `sides` edges along `path` to the lists of vertices and triangles. */
function addTube(
  vertices: number[],
  triangles: number[],
  path: readonly Place[],
  radius: number,
  sides = 6,
): void {
  const first = vertices.length / 3;
  for (let i = 0; i < path.length; i++) {
    const before = path[Math.max(0, i - 1)], after = path[Math.min(path.length - 1, i + 1)];
    const along = unit([after[0] - before[0], after[1] - before[1], after[2] - before[2]]);
    const across = unit(cross(along, Math.abs(along[2]) > 0.8 ? [0, 1, 0] : [0, 0, 1])),
      up = cross(across, along);
    for (let s = 0; s < sides; s++) {
      const angle = 2 * Math.PI * s / sides, c = radius * Math.cos(angle), d = radius * Math.sin(angle);
      for (let k = 0; k < 3; k++) vertices.push(path[i][k] + c * across[k] + d * up[k]);
    }
  }
  for (let i = 0; i + 1 < path.length; i++) {
    for (let s = 0; s < sides; s++) {
      const a = first + i * sides + s, b = first + i * sides + (s + 1) % sides;
      triangles.push(a, b, a + sides, b, b + sides, a + sides);
    }
  }
}

/**
 * Glasses for a face: `eyes` are its eye centres (subject's left first), `bridge` the root of its nose, `ear` the
 * half width of its head above the ears.
 */
export function glassesMesh(
  glasses: Glasses,
  eyes: readonly [Place, Place],
  bridge: Place,
  ear: number,
): Mesh {
  const vertices: number[] = [], triangles: number[] = [];
  const { width, height, corner, thickness } = glasses;
  const half = (eyes[0][0] - eyes[1][0]) / 2, middle = (eyes[0][0] + eyes[1][0]) / 2;
  const y = (eyes[0][1] + eyes[1][1]) / 2 - 0.2;
  // The front bends back towards the temples and stands clear of nose and lashes.
  const front = (x: number) => bridge[2] + 0.5 - 0.022 * (x - middle) ** 2;
  const wide = Math.min(width, half - 0.45);
  for (const side of [1, -1]) {
    const rim: Place[] = [];
    for (let i = 0; i <= 32; i++) {
      const angle = 2 * Math.PI * i / 32, c = Math.cos(angle), s = Math.sin(angle);
      const x = middle + side * (half + 0.1) + wide * Math.sign(c) * Math.abs(c) ** (2 / corner);
      rim.push([x, y + height * Math.sign(s) * Math.abs(s) ** (2 / corner), front(x)]);
    }
    addTube(vertices, triangles, rim, thickness);
    const hinge = middle + side * (half + 0.1 + wide);
    const arm: Place[] = [
      [hinge, y + 0.45 * height, front(hinge)],
      [
        middle + side * (ear * 0.6 + 0.4 * Math.abs(hinge - middle) + 0.25),
        y + 0.45 * height,
        front(hinge) - 2,
      ],
      [middle + side * (ear + 0.15), y + 0.45 * height - 0.1, 2.2],
      [middle + side * (ear - 0.1), y - 0.6, -0.5],
    ];
    addTube(vertices, triangles, arm, thickness * 0.8);
  }
  const inner = half + 0.1 - wide;
  const arch: Place[] = [-1, -0.5, 0, 0.5, 1].map((t) => {
    const x = middle + t * inner;
    return [x, y + 0.28 * height + 0.22 * (1 - t * t), front(x) + 0.06];
  });
  addTube(vertices, triangles, arch, thickness * 0.9);
  const points = Float32Array.from(vertices), faces = Int32Array.from(triangles);
  return { vertices: points, normals: vertexNormals(points, faces), triangles: faces };
}
