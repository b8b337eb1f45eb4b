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
  readonly #turn: Float64Array;
  /** Direction to the key and to the fill light, and the normals that mirror each into the camera. */
  readonly #key: Float64Array;
  readonly #fill: Float64Array;
  readonly #half: Float64Array;
  readonly #fillHalf: Float64Array;
  /** Colours of key, fill, sky, horizon and ground, three numbers each. */
  readonly #colours: Float64Array;

  constructor(scene: Scene, turn: Matrix, readonly shadow: ShadowMap) {
    const { key, fill, ambient } = scene;
    this.#turn = Float64Array.from(turn);
    this.#key = Float64Array.from(key.from);
    this.#fill = Float64Array.from(fill.from);
    this.#half = Float64Array.from(unit([key.from[0], key.from[1], key.from[2] + 1]));
    this.#fillHalf = Float64Array.from(unit([fill.from[0], fill.from[1], fill.from[2] + 1]));
    this.#colours = Float64Array.of(
      ...key.colour,
      ...fill.colour,
      ...ambient.sky,
      ...ambient.horizon,
      ...ambient.ground,
    );
  }

  /**
   * (nx, ny, nz) is the surface's unit normal and (px, py, pz) its place, both in the camera's frame (head's middle
   * at the origin); `open` is what its vertices see of the surroundings; `pixel` turns the shadow's pattern.
   */
  shade(
    s: Sample,
    nx: number,
    ny: number,
    nz: number,
    px: number,
    py: number,
    pz: number,
    open: number,
    pixel: number,
  ): void {
    const m = this.#turn, key = this.#key, other = this.#fill, colours = this.#colours, light = this.light;
    const geometric = nx * key[0] + ny * key[1] + nz * key[2];
    const angle = ((pixel * 0x9e3779b1) >>> 16) * (Math.PI * 2 / 65536);
    const lit = geometric > -0.4 ? this.shadow.lit(px, py, pz, nx, ny, nz, angle) : 0;
    nx -= m[0] * s.gx + m[1] * s.gy + m[2] * s.gz;
    ny -= m[3] * s.gx + m[4] * s.gy + m[5] * s.gz;
    nz -= m[6] * s.gx + m[7] * s.gy + m[8] * s.gz;
    const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
    nx /= length, ny /= length, nz /= length;
    const facing = nx * key[0] + ny * key[1] + nz * key[2];
    const fill = nx * other[0] + ny * other[1] + nz * other[2];
    // Light that comes from all over reaches hollows less than a count of free directions says.
    const around = s.open * open * Math.sqrt(open);
    // Surroundings: sky above, ground below, the room in front.
    const upward = 0.5 + 0.5 * ny, sky = upward * upward, ground = (1 - upward) * (1 - upward);
    const horizon = 0.75 * (1 - Math.abs(ny));
    let shine: number, fillShine: number;
    const h = this.#half, f = this.#fillHalf;
    if (s.strand > 0) {
      // Strands run down over the head: a highlight across them (Kajiya & Kay 1989).
      const along = m[1] * nx + m[4] * ny + m[7] * nz;
      const tx = m[1] - along * nx, ty = m[4] - along * ny, tz = m[7] - along * nz;
      const dot = (tx * h[0] + ty * h[1] + tz * h[2]) / (Math.sqrt(tx * tx + ty * ty + tz * tz) || 1);
      shine = Math.max(0, 1 - dot * dot) ** (s.gloss / 2) * s.specular * Math.max(0, facing + 0.2);
      fillShine = 0;
    } else {
      const mirrored = nx * h[0] + ny * h[1] + nz * h[2];
      shine = facing > -0.1 && mirrored > 0 ? mirrored ** s.gloss * s.specular : 0;
      const turned = nx * f[0] + ny * f[1] + nz * f[2];
      fillShine = turned > 0 ? turned ** s.gloss * s.specular : 0;
      const slant = (1 - Math.max(0, nz)) * (1 - Math.max(0, nz));
      shine *= 1 + 2 * slant * slant;
    }
    const crevice = s.open < 0 ? 0 : s.open > 1 ? 1 : s.open;
    const keep = 0.35 + 0.65 * crevice, fillKeep = keep * (0.35 + 0.65 * around);
    for (let c = 0; c < 3; c++) {
      const wrap = WRAP[c] * s.wrap, spread = 1 / (1 + wrap);
      const diffuse = facing + wrap > 0 ? (facing + wrap) * spread : 0;
      // In skin the shadow's edge glows: red reaches further in.
      const shadow = lit * (1 + 0.5 * wrap * (1 - lit));
      const fillDiffuse = fill + wrap > 0 ? (fill + wrap) * spread : 0;
      const room = (colours[6 + c] * sky + colours[12 + c] * ground + colours[9 + c] * horizon) * around *
        (1 + 0.6 * wrap * (1 - around));
      const reflectance = c === 0 ? s.r : c === 1 ? s.g : s.b;
      light[c] =
        reflectance * (colours[c] * diffuse * shadow * keep + colours[3 + c] * fillDiffuse * fillKeep +
            room) +
        shine * colours[c] * lit * crevice + fillShine * colours[3 + c] * crevice + 0.1 * s.specular * room;
    }
  }
}
