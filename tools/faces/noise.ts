/** Lattice noise: smooth random fields over space, the same on every machine. */

const TABLE = 256;
const permutation = new Uint8Array(2 * TABLE);
const values = new Float32Array(TABLE);
{
  let state = 0x2545f491;
  const next = () => {
    state ^= state << 13, state ^= state >>> 17, state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const order = Array.from({ length: TABLE }, (_, i) => i);
  for (let i = TABLE - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  for (let i = 0; i < 2 * TABLE; i++) permutation[i] = order[i & 255];
  for (let i = 0; i < TABLE; i++) values[i] = next() * 2 - 1;
}

/** A smooth field in [-1, 1] that changes over about one unit; `seed` picks the field. */
export function noise(x: number, y: number, z: number, seed: number): number {
  x += (seed & 255) * 0.37, y += ((seed >> 8) & 255) * 0.71, z += ((seed >> 16) & 255) * 0.53;
  const xi = Math.floor(x), yi = Math.floor(y), zi = Math.floor(z);
  let fx = x - xi, fy = y - yi, fz = z - zi;
  fx = fx * fx * (3 - 2 * fx), fy = fy * fy * (3 - 2 * fy), fz = fz * fz * (3 - 2 * fz);
  const p = permutation, v = values;
  const x0 = p[xi & 255], x1 = p[(xi + 1) & 255];
  const y0 = yi & 255, y1 = (yi + 1) & 255, z0 = zi & 255, z1 = (zi + 1) & 255;
  const a00 = p[p[x0 + y0] + z0], a01 = p[p[x0 + y0] + z1];
  const a10 = p[p[x0 + y1] + z0], a11 = p[p[x0 + y1] + z1];
  const b00 = p[p[x1 + y0] + z0], b01 = p[p[x1 + y0] + z1];
  const b10 = p[p[x1 + y1] + z0], b11 = p[p[x1 + y1] + z1];
  const c00 = v[a00] + (v[b00] - v[a00]) * fx, c10 = v[a10] + (v[b10] - v[a10]) * fx;
  const c01 = v[a01] + (v[b01] - v[a01]) * fx, c11 = v[a11] + (v[b11] - v[a11]) * fx;
  const d0 = c00 + (c10 - c00) * fy, d1 = c01 + (c11 - c01) * fy;
  return d0 + (d1 - d0) * fz;
}
