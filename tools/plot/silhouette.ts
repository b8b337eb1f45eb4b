/** How well classes part features, as one number (Rousseeuw, 1987). */

/**
 * Mean silhouette, -1 to 1, by cosine distance: near 1 where faces lie among their own class, 0 where classes overlap,
 * below 0 where they lie nearer to another one. A face that is alone in its class counts 0; NaN with fewer than two
 * classes.
 *
 * For unit rows the mean distance from x to the n rows of a class with sum S is 1 - x.S / n, so that all pairs cost one
 * product a class.
 * @param rows unit rows [N][F]
 * @param classes class of every row
 */
export function silhouette(rows: readonly Float32Array[], classes: readonly number[]): number {
  const sums = new Map<number, { sum: Float64Array; count: number }>();
  rows.forEach((row, i) => {
    const of = sums.get(classes[i]) ?? { sum: new Float64Array(row.length), count: 0 };
    for (let f = 0; f < row.length; f++) of.sum[f] += row[f];
    of.count++;
    sums.set(classes[i], of);
  });
  if (sums.size < 2) return NaN;
  let total = 0;
  rows.forEach((row, i) => {
    let own = NaN, nearest = Infinity;
    for (const [name, { sum, count }] of sums) {
      const along = dot(row, sum);
      if (name !== classes[i]) nearest = Math.min(nearest, 1 - along / count);
      else if (count > 1) own = 1 - (along - dot(row, row)) / (count - 1);
    }
    const most = Math.max(own, nearest);
    if (!Number.isNaN(own) && most > 0) total += (nearest - own) / most;
  });
  return total / rows.length;
}

function dot(one: ArrayLike<number>, other: ArrayLike<number>): number {
  let sum = 0;
  for (let f = 0; f < one.length; f++) sum += one[f] * other[f];
  return sum;
}
