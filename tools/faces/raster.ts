/** A z-buffer: which triangle each sample of a picture sees, and where in it. */

/** Vertices on the picture, [V, 3]: x right and y down in samples, z the distance from the camera. */
export type Screen = Float32Array;

/** Says whether a triangle covers a sample at these barycentric weights: how hair and lashes get their gaps. */
export type Accept = (triangle: number, w0: number, w1: number, w2: number, sample: number) => boolean;

/** What each sample sees; `triangle` is -1 where it sees nothing. */
export class DepthBuffer {
  readonly depth: Float32Array;
  readonly triangle: Int32Array;
  /** The number of the mesh that the triangle belongs to. */
  readonly part: Uint8Array;
  /** Weights of the triangle's first and second vertex; the third's is the rest to 1. */
  readonly first: Float32Array;
  readonly second: Float32Array;

  constructor(readonly width: number, readonly height: number) {
    this.depth = new Float32Array(width * height);
    this.triangle = new Int32Array(width * height);
    this.part = new Uint8Array(width * height);
    this.first = new Float32Array(width * height);
    this.second = new Float32Array(width * height);
    this.clear();
  }

  /** Forgets everything drawn. */
  clear(): void {
    this.depth.fill(Infinity);
    this.triangle.fill(-1);
  }

  /**
   * Draws triangles `from` up to `to` of mesh `part`. A sample is its centre (+0.5); triangles that turn clockwise on
   * the picture show their back and are skipped unless `bothSides`.
   */
  draw(
    screen: Screen,
    triangles: Int32Array,
    from: number,
    to: number,
    bothSides = false,
    accept?: Accept,
    part = 0,
  ): void {
    const { width, height, depth, triangle, first, second } = this,
      owner = this.part,
      print = new Footprint();
    for (let t = from; t < to; t++) {
      if (!print.take(screen, triangles, 3 * t, width, height, bothSides)) continue;
      const { x0, x1, y1, az, bz, cz, step0, step1 } = print;
      for (let y = print.y0; y <= y1; y++) {
        let w0 = print.firstAt(y), w1 = print.secondAt(y);
        for (let x = x0, at = y * width + x0; x <= x1; x++, at++, w0 += step0, w1 += step1) {
          const w2 = 1 - w0 - w1;
          if (w0 < -1e-6 || w1 < -1e-6 || w2 < -1e-6) continue;
          const z = w0 * az + w1 * bz + w2 * cz;
          if (z >= depth[at] || (accept && !accept(t, w0, w1, w2, at))) continue;
          depth[at] = z;
          triangle[at] = t;
          owner[at] = part;
          first[at] = w0;
          second[at] = w1;
        }
      }
    }
  }
}

/**
 * Draws depth alone into `map` [height, width], the nearest (smallest) one: what a shadow map needs. Triangles that
 * turn their back are skipped unless `bothSides`.
 */
export function drawDepth(
  map: Float32Array,
  width: number,
  height: number,
  screen: Screen,
  triangles: Int32Array,
  bothSides: boolean,
): void {
  const print = new Footprint();
  for (let t = 0; t < triangles.length; t += 3) {
    if (!print.take(screen, triangles, t, width, height, bothSides)) continue;
    const { x0, x1, y1, cz, step0, step1 } = print, za = print.az - cz, zb = print.bz - cz;
    for (let y = print.y0; y <= y1; y++) {
      let w0 = print.firstAt(y), w1 = print.secondAt(y);
      for (let x = x0, at = y * width + x0; x <= x1; x++, at++, w0 += step0, w1 += step1) {
        if (w0 < -1e-6 || w1 < -1e-6 || w0 + w1 > 1.000001) continue;
        const z = cz + w0 * za + w1 * zb;
        if (z < map[at]) map[at] = z;
      }
    }
  }
}

/**
 * The samples that a triangle may cover, and its weights there; filled anew for each, since there are very many. Private
 * by TypeScript alone: fields with # made drawing a twentieth slower, by measure.
 */
class Footprint {
  /** First and last column and row. */
  x0 = 0;
  x1 = 0;
  y0 = 0;
  y1 = 0;
  /** Distances of the corners from the camera. */
  az = 0.5;
  bz = 0.5;
  cz = 0.5;
  /** What the weights of the first and the second corner change by from a column to the next. */
  step0 = 0.5;
  step1 = 0.5;
  private ax = 0.5;
  private ay = 0.5;
  private bx = 0.5;
  private by = 0.5;
  private cx = 0.5;
  private cy = 0.5;
  private inverse = 0.5;

  /** Takes the triangle whose corners are named from place `at` on; false where no sample can be seen of it. */
  take(
    screen: Screen,
    triangles: Int32Array,
    at: number,
    width: number,
    height: number,
    bothSides: boolean,
  ): boolean {
    const a = 3 * triangles[at], b = 3 * triangles[at + 1], c = 3 * triangles[at + 2];
    const ax = screen[a], ay = screen[a + 1], bx = screen[b], by = screen[b + 1];
    const cx = screen[c], cy = screen[c + 1];
    // y points down, so a triangle seen from outside has a negative area here.
    const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
    if (area === 0 || (area > 0 && !bothSides) || !(area === area)) return false;
    let low = ax < bx ? ax : bx, high = ax < bx ? bx : ax;
    if (cx < low) low = cx;
    else if (cx > high) high = cx;
    if (high < 0.5 || low > width) return false;
    const x0 = low <= 0.5 ? 0 : Math.ceil(low - 0.5) | 0,
      x1 = (high < width ? high - 0.5 : width - 1) | 0;
    if (x0 > x1) return false;
    low = ay < by ? ay : by, high = ay < by ? by : ay;
    if (cy < low) low = cy;
    else if (cy > high) high = cy;
    if (high < 0.5 || low > height) return false;
    const y0 = low <= 0.5 ? 0 : Math.ceil(low - 0.5) | 0,
      y1 = (high < height ? high - 0.5 : height - 1) | 0;
    if (y0 > y1) return false;
    const inverse = 1 / area;
    this.x0 = x0, this.x1 = x1, this.y0 = y0, this.y1 = y1;
    this.az = screen[a + 2], this.bz = screen[b + 2], this.cz = screen[c + 2];
    this.step0 = (by - cy) * inverse, this.step1 = (cy - ay) * inverse;
    this.ax = ax, this.ay = ay, this.bx = bx, this.by = by, this.cx = cx, this.cy = cy;
    this.inverse = inverse;
    return true;
  }

  /** Weight of the first corner in the first column of row `y`. */
  firstAt(y: number): number {
    const px = this.x0 + 0.5, py = y + 0.5;
    return ((this.bx - px) * (this.cy - py) - (this.by - py) * (this.cx - px)) * this.inverse;
  }

  /** Weight of the second corner there. */
  secondAt(y: number): number {
    const px = this.x0 + 0.5, py = y + 0.5;
    return ((this.cx - px) * (this.ay - py) - (this.cy - py) * (this.ax - px)) * this.inverse;
  }
}
