/** Measures of intensity: how well two lists of grades agree. */

/**
 * ICC(3,1) of Shrout and Fleiss (1979): two fixed raters, one grade each, consistency. For two raters its mean squares
 * come to 2 cov(a, b) / (var(a) + var(b)). `NaN` when neither list varies.
 */
export function intraclassCorrelation(one: readonly number[], other: readonly number[]): number {
  const { covariance, variances: [a, b] } = moments(one, other);
  return 2 * covariance / (a + b);
}

/** Pearson's correlation; `NaN` when a list does not vary. */
export function pearsonCorrelation(one: readonly number[], other: readonly number[]): number {
  const { covariance, variances: [a, b] } = moments(one, other);
  return a > 0 && b > 0 ? covariance / Math.sqrt(a * b) : NaN;
}

/** Mean absolute error; `NaN` of nothing. */
export function meanAbsoluteError(one: readonly number[], other: readonly number[]): number {
  return one.reduce((sum, value, i) => sum + Math.abs(value - other[i]), 0) / one.length;
}

function moments(one: readonly number[], other: readonly number[]) {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [a, b] = [mean(one), mean(other)];
  const variances: [number, number] = [0, 0];
  let covariance = 0;
  one.forEach((value, i) => {
    variances[0] += (value - a) ** 2;
    variances[1] += (other[i] - b) ** 2;
    covariance += (value - a) * (other[i] - b);
  });
  return { variances, covariance };
}
