/** From visibility to light: each pixel is shaded once for each surface that it shows, not once a sample. */
import { SURFACES } from "./head.ts";
import { FINE, type Part } from "./parts.ts";
import type { DepthBuffer } from "./raster.ts";
import { Sample } from "./sample.ts";
import type { Shader } from "./shade.ts";

/** Lays what a face is seen through over its light: `veil` [H, W, 4] as `shadePixels` gives it, and how thick it is. */
export function layVeil(light: Float32Array, veil: Float32Array, opacity: number): void {
  for (let i = 0; i < light.length; i += 4) {
    const cover = veil[i + 3] * opacity;
    if (cover === 0) continue;
    for (let c = 0; c < 3; c++) light[i + c] += opacity * veil[i + c] - cover * light[i + c];
    light[i + 3] += cover * (1 - light[i + 3]);
  }
}

/** Most samples that a pixel may have. */
const MOST = 16;

/**
 * Linear light [H, W, 4] of all samples that see a part; the last channel is their share of the pixel. Samples of a
 * pixel that lie on the same kind of surface are shaded as one, at their mean; small sharp things (`fine`), one by one.
 */
export function shadePixels(
  buffer: DepthBuffer,
  parts: readonly Part[],
  shader: Shader,
  width: number,
  samples: number,
): Float32Array {
  const { triangle, part: owner, first, second } = buffer;
  const height = buffer.height / samples, many = samples * samples, share = 1 / many;
  const light = new Float32Array(4 * width * height), from = shader.light;
  const s = new Sample(), kinds = new Int16Array(MOST);
  for (let y = 0, pixel = 0; y < height; y++) {
    for (let x = 0; x < width; x++, pixel++) {
      const corner = y * samples * buffer.width + x * samples;
      let seen = 0;
      for (let i = 0; i < many; i++) {
        const at = corner + (i / samples | 0) * buffer.width + i % samples, t = triangle[at];
        kinds[i] = -1;
        if (t < 0) continue;
        const { kind, kinds: own } = parts[owner[at]];
        kinds[i] = own ? own[t] : kind;
        seen++;
      }
      if (seen === 0) continue;
      const out = 4 * pixel;
      light[out + 3] = seen * share;
      for (let i = 0; i < many; i++) {
        const kind = kinds[i];
        if (kind < 0) continue;
        const lead = corner + (i / samples | 0) * buffer.width + i % samples, part = parts[owner[lead]];
        const { triangles, rest, normals, world, open, colours, fields } = part;
        let nx = 0, ny = 0, nz = 0, px = 0, py = 0, pz = 0, around = 0, count = 0, used = 0;
        s.clear();
        let last = i, whole = false;
        const single = kind < SURFACES.length && FINE.has(kind);
        if (!single) { for (let j = i + 1; j < many; j++) if (kinds[j] === kind) last = j; }
        for (let j = i; j <= last; j++) {
          if (kinds[j] !== kind) continue;
          count++;
          kinds[j] = -1;
          // The first and the last lie across the pixel from each other: their mean is its middle.
          if (j !== i && j !== last) continue;
          used++;
          const at = corner + (j / samples | 0) * buffer.width + j % samples, t = 3 * triangle[at];
          let w0 = first[at], w1 = second[at];
          if (j === i && last !== i) {
            const far = corner + (last / samples | 0) * buffer.width + last % samples;
            if (3 * triangle[far] === t && owner[far] === owner[at]) {
              // Both lie in one triangle: the middle is found before anything is looked up.
              w0 = 0.5 * (w0 + first[far]), w1 = 0.5 * (w1 + second[far]);
              whole = true;
            }
          } else if (whole) {
            used--;
            continue;
          }
          const w2 = 1 - w0 - w1;
          const ia = triangles[t], ib = triangles[t + 1], ic = triangles[t + 2];
          const a = 3 * ia, b = 3 * ib, c = 3 * ic;
          s.x += w0 * rest[a] + w1 * rest[b] + w2 * rest[c];
          s.y += w0 * rest[a + 1] + w1 * rest[b + 1] + w2 * rest[c + 1];
          s.z += w0 * rest[a + 2] + w1 * rest[b + 2] + w2 * rest[c + 2];
          nx += w0 * normals[a] + w1 * normals[b] + w2 * normals[c];
          ny += w0 * normals[a + 1] + w1 * normals[b + 1] + w2 * normals[c + 1];
          nz += w0 * normals[a + 2] + w1 * normals[b + 2] + w2 * normals[c + 2];
          px += w0 * world[a] + w1 * world[b] + w2 * world[c];
          py += w0 * world[a + 1] + w1 * world[b + 1] + w2 * world[c + 1];
          pz += w0 * world[a + 2] + w1 * world[b + 2] + w2 * world[c + 2];
          around += w0 * open[ia] + w1 * open[ib] + w2 * open[ic];
          if (colours) {
            s.r += w0 * colours[a] + w1 * colours[b] + w2 * colours[c];
            s.g += w0 * colours[a + 1] + w1 * colours[b + 1] + w2 * colours[c + 1];
            s.b += w0 * colours[a + 2] + w1 * colours[b + 2] + w2 * colours[c + 2];
          }
          if (fields) {
            s.u += w0 * fields[a] + w1 * fields[b] + w2 * fields[c];
            s.v += w0 * fields[a + 1] + w1 * fields[b + 1] + w2 * fields[c + 1];
            s.w += w0 * fields[a + 2] + w1 * fields[b + 2] + w2 * fields[c + 2];
          }
        }
        const mean = 1 / used;
        s.scale(mean);
        const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
        const facing = (part.bothSides && nz < 0 ? -1 : 1) / length;
        part.paint(s, kind);
        shader.shade(
          s,
          nx * facing,
          ny * facing,
          nz * facing,
          px * mean,
          py * mean,
          pz * mean,
          around * mean,
          lead,
        );
        const weight = count * share;
        light[out] += from[0] * weight;
        light[out + 1] += from[1] * weight;
        light[out + 2] += from[2] * weight;
      }
    }
  }
  return light;
}
