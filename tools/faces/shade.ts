/** The colour a sample sends to the camera: diffuse light that wraps in skin, highlights, hair. */
import type { ShadowMap } from "./light.ts";
import type { Matrix } from "./mesh.ts";
import { unit } from "./mesh.ts";
import type { Sample } from "./sample.ts";
import type { Scene } from "./scene.ts";

/** How far red, green and blue wander in skin before they come out. */
const WRAP = [0.34, 0.14, 0.09] as const;

/** Shades samples of one face in its light. */
export class Shader {
  /** The linear light of the last sample. */
  readonly light = new Float32Array(3);
  readonly #half: readonly number[];
  readonly #fillHalf: readonly number[];

  constructor(readonly scene: Scene, readonly turn: Matrix, readonly shadow: ShadowMap) {
    this.#half = unit([scene.key.from[0], scene.key.from[1], scene.key.from[2] + 1]);
    this.#fillHalf = unit([scene.fill.from[0], scene.fill.from[1], scene.fill.from[2] + 1]);
  }

  /**
   * `n` is the surface's normal and `p` its place, both in the camera's frame (head's middle at the origin);
   * `open` is what its vertices see of the surroundings; `pixel` turns the shadow's pattern.
   */
  shade(s: Sample, n: Float32Array, p: Float32Array, open: number, pixel: number): void {
    const { scene, turn: m, light } = this;
    let nx = n[0] - (m[0] * s.gx + m[1] * s.gy + m[2] * s.gz);
    let ny = n[1] - (m[3] * s.gx + m[4] * s.gy + m[5] * s.gz);
    let nz = n[2] - (m[6] * s.gx + m[7] * s.gy + m[8] * s.gz);
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
    nx /= length, ny /= length, nz /= length;
    const [lx, ly, lz] = scene.key.from;
    const facing = nx * lx + ny * ly + nz * lz;
    const geometric = n[0] * lx + n[1] * ly + n[2] * lz;
    const angle = ((pixel * 0x9e3779b1) >>> 16) * (Math.PI * 2 / 65536);
    const lit = geometric > -0.4 ? this.shadow.lit(p[0], p[1], p[2], n[0], n[1], n[2], angle) : 0;
    const [fx, fy, fz] = scene.fill.from;
    const fill = nx * fx + ny * fy + nz * fz;
    const around = s.open * open;
    // Surroundings: sky above, ground below, the room in front.
    const upward = 0.5 + 0.5 * ny, level = 1 - Math.abs(ny);
    const { sky, horizon, ground } = scene.ambient;
    let shine: number, fillShine: number;
    if (s.strand > 0) {
      // Strands run down over the head: a highlight across them (Kajiya & Kay 1989).
      const up = [m[1], m[4], m[7]];
      const along = up[0] * nx + up[1] * ny + up[2] * nz;
      const [tx, ty, tz] = unit([up[0] - along * nx, up[1] - along * ny, up[2] - along * nz]);
      const dot = tx * this.#half[0] + ty * this.#half[1] + tz * this.#half[2];
      shine = Math.max(0, 1 - dot * dot) ** (s.gloss / 2) * s.specular * Math.max(0, facing + 0.2);
      fillShine = 0;
    } else {
      const h = this.#half, f = this.#fillHalf;
      shine = Math.max(0, nx * h[0] + ny * h[1] + nz * h[2]) ** s.gloss * s.specular *
        (facing > -0.1 ? 1 : 0);
      fillShine = Math.max(0, nx * f[0] + ny * f[1] + nz * f[2]) ** s.gloss * s.specular;
      const slant = (1 - Math.max(0, nz)) ** 2, graze = slant * slant;
      shine *= 1 + 2 * graze;
    }
    const crevice = Math.max(0, Math.min(1, s.open));
    const keep = 0.35 + 0.65 * crevice;
    for (let c = 0; c < 3; c++) {
      const wrap = WRAP[c] * s.wrap;
      const diffuse = Math.max(0, (facing + wrap) / (1 + wrap));
      // In skin the shadow's edge glows: red reaches further in.
      const shadow = lit * (1 + 0.5 * wrap * (1 - lit));
      const fillDiffuse = Math.max(0, (fill + wrap) / (1 + wrap)) * (0.35 + 0.65 * around);
      const room =
        (sky[c] * upward * upward + ground[c] * (1 - upward) * (1 - upward) + horizon[c] * level * 0.75) *
        around * (1 + 0.6 * wrap * (1 - around));
      const reflectance = c === 0 ? s.r : c === 1 ? s.g : s.b;
      light[c] = reflectance *
          (scene.key.colour[c] * diffuse * shadow * keep + scene.fill.colour[c] * fillDiffuse * keep + room) +
        shine * scene.key.colour[c] * lit * crevice + fillShine * scene.fill.colour[c] * crevice +
        0.1 * s.specular * room;
    }
  }
}
