/** Geometry on vertex lists: normals, rotations, projection. */

/** Unit normals of the vertices, the area-weighted mean of their triangles'; [V, 3]. */
export function vertexNormals(
  vertices: Float32Array,
  triangles: Int32Array,
  into?: Float32Array,
): Float32Array {
  const normals = into ?? new Float32Array(vertices.length);
  normals.fill(0);
  for (let t = 0; t < triangles.length; t += 3) {
    const a = 3 * triangles[t], b = 3 * triangles[t + 1], c = 3 * triangles[t + 2];
    const ux = vertices[b] - vertices[a], uy = vertices[b + 1] - vertices[a + 1];
    const uz = vertices[b + 2] - vertices[a + 2];
    const vx = vertices[c] - vertices[a], vy = vertices[c + 1] - vertices[a + 1];
    const vz = vertices[c + 2] - vertices[a + 2];
    const nx = uy * vz - uz * vy, ny = uz * vx - ux * vz, nz = ux * vy - uy * vx;
    normals[a] += nx, normals[a + 1] += ny, normals[a + 2] += nz;
    normals[b] += nx, normals[b + 1] += ny, normals[b + 2] += nz;
    normals[c] += nx, normals[c + 1] += ny, normals[c + 2] += nz;
  }
  for (let i = 0; i < normals.length; i += 3) {
    const length = Math.sqrt(normals[i] ** 2 + normals[i + 1] ** 2 + normals[i + 2] ** 2) || 1;
    normals[i] /= length, normals[i + 1] /= length, normals[i + 2] /= length;
  }
  return normals;
}

/** A 3 x 3 matrix, rows first. */
export type Matrix = readonly number[];

/**
 * Turns of a head in degrees: yaw to the subject's left, pitch up, roll to the subject's left shoulder; the yaw
 * is applied first.
 */
export function rotation(yaw: number, pitch: number, roll: number): Matrix {
  const [y, p, r] = [yaw, -pitch, -roll].map((angle) => angle * Math.PI / 180);
  const cy = Math.cos(y), sy = Math.sin(y), cp = Math.cos(p), sp = Math.sin(p);
  const cr = Math.cos(r), sr = Math.sin(r);
  // roll * pitch * yaw
  return [
    cr * cy - sr * sp * sy,
    -sr * cp,
    cr * sy + sr * sp * cy,
    sr * cy + cr * sp * sy,
    cr * cp,
    sr * sy - cr * sp * cy,
    -cp * sy,
    sp,
    cp * cy,
  ];
}

/** Vectors or, about `centre`, points turned by a matrix; [V, 3]. */
export function turn(
  vectors: Float32Array,
  m: Matrix,
  centre: readonly number[] = [0, 0, 0],
  into = new Float32Array(vectors.length),
): Float32Array {
  const [cx, cy, cz] = centre;
  for (let i = 0; i < vectors.length; i += 3) {
    const x = vectors[i] - cx, y = vectors[i + 1] - cy, z = vectors[i + 2] - cz;
    into[i] = m[0] * x + m[1] * y + m[2] * z;
    into[i + 1] = m[3] * x + m[4] * y + m[5] * z;
    into[i + 2] = m[6] * x + m[7] * y + m[8] * z;
  }
  return into;
}

/** The unit vector along `v`. */
export function unit(v: readonly number[]): [number, number, number] {
  const length = Math.hypot(v[0], v[1], v[2]) || 1;
  return [v[0] / length, v[1] / length, v[2] / length];
}

/** The cross product. */
export function cross(a: readonly number[], b: readonly number[]): [number, number, number] {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
