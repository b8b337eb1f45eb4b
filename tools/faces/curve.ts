/** Curves drawn on the rest head, seen from the front. */

/** What the nearest point of a curve looks like from (x, y). */
export interface Nearest {
  distance: number;
  /** Positive on the left when walking along the curve. */
  side: number;
  /** Unit vector away from the curve. */
  dx: number;
  dy: number;
  /** Where along the curve, 0 to 1 by length. */
  along: number;
}

/** A polyline with a box around it, so that far points cost four comparisons. */
export class Curve {
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #start: Float64Array;
  /** Left, bottom, right and top of all that lies within reach. */
  readonly box: readonly [number, number, number, number];

  /** Points [x, y] in order; `reach` is how far from the curve `nearest` still answers. */
  constructor(points: readonly (readonly [number, number])[], readonly reach: number) {
    this.#x = Float64Array.from(points, (p) => p[0]);
    this.#y = Float64Array.from(points, (p) => p[1]);
    this.#start = new Float64Array(points.length);
    for (let i = 1; i < points.length; i++) {
      const length = Math.hypot(this.#x[i] - this.#x[i - 1], this.#y[i] - this.#y[i - 1]);
      this.#start[i] = this.#start[i - 1] + length;
    }
    this.box = [
      Math.min(...this.#x) - reach,
      Math.min(...this.#y) - reach,
      Math.max(...this.#x) + reach,
      Math.max(...this.#y) + reach,
    ];
  }

  /** Finds the nearest point of the curve; false when it is farther than `reach`. */
  nearest(x: number, y: number, into: Nearest): boolean {
    const [left, bottom, right, top] = this.box;
    if (x < left || x > right || y < bottom || y > top) return false;
    let best = this.reach * this.reach, found = false;
    const px = this.#x, py = this.#y, last = px.length - 1;
    for (let i = 0; i < last; i++) {
      const ex = px[i + 1] - px[i], ey = py[i + 1] - py[i];
      const square = ex * ex + ey * ey || 1e-12;
      const t = Math.min(1, Math.max(0, ((x - px[i]) * ex + (y - py[i]) * ey) / square));
      const dx = x - px[i] - t * ex, dy = y - py[i] - t * ey;
      const far = dx * dx + dy * dy;
      if (far >= best) continue;
      best = far;
      found = true;
      const distance = Math.sqrt(far);
      into.distance = distance;
      into.side = ex * (y - py[i]) - ey * (x - px[i]) >= 0 ? 1 : -1;
      into.dx = distance > 1e-9 ? dx / distance : 0;
      into.dy = distance > 1e-9 ? dy / distance : 0;
      into.along = (this.#start[i] + t * Math.sqrt(square)) / (this.#start[last] || 1);
    }
    return found;
  }
}

/** Whether a closed polygon holds (x, y). */
export function inside(polygon: readonly (readonly [number, number])[], x: number, y: number): boolean {
  let odd = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i++) {
    const [xi, yi] = polygon[i], [xj, yj] = polygon[j];
    if ((yi > y) !== (yj > y) && x < (xj - xi) * (y - yi) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

/** Points of a smooth curve through the given ones (Catmull-Rom), `steps` for each stretch. */
export function smooth(
  points: readonly (readonly [number, number])[],
  closed: boolean,
  steps = 4,
): [number, number][] {
  const n = points.length;
  const at = (i: number) => closed ? points[(i + n) % n] : points[Math.min(n - 1, Math.max(0, i))];
  const out: [number, number][] = [];
  for (let i = 0; i < (closed ? n : n - 1); i++) {
    const [a, b, c, d] = [at(i - 1), at(i), at(i + 1), at(i + 2)];
    for (let s = 0; s < steps; s++) {
      const t = s / steps;
      const mixed = [0, 1].map((k) =>
        0.5 * (2 * b[k] + (c[k] - a[k]) * t + (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t +
          (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t ** 3)
      );
      out.push([mixed[0], mixed[1]]);
    }
  }
  out.push([...(closed ? points[0] : points[n - 1])] as [number, number]);
  return out;
}
