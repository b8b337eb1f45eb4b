/** Charts as inline SVG: no script, no font, no file beside them, light and dark by the page's own colours. */

/** One line of a chart. */
export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

/** Colours told apart by most colour-blind readers (Okabe and Ito). */
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"] as const;

/**
 * A chart of lines over a common x axis, with a legend; points that are not finite interrupt their line. A long line is
 * drawn through means of neighbouring points, so that a run of any length stays readable and its file small.
 */
export function lineChart(
  title: string,
  series: readonly Series[],
  { xLabel, yRange, level, width = 460, height = 260 }: {
    xLabel: string;
    yRange?: readonly [number, number];
    /** A height that a line is compared with, drawn dashed. */
    level?: { y: number; name: string };
    width?: number;
    height?: number;
  },
): string {
  const left = 46, right = 12, top = 42, bottom = 36;
  const drawn = series.map(({ name, points }) => ({ name, points: thin(points) }));
  const points = drawn.flatMap((line) => line.points).filter(([x, y]) =>
    Number.isFinite(x) && Number.isFinite(y)
  );
  if (points.length === 0) return "";
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
  const xTicks = ticks(Math.min(...xs), Math.max(...xs), xs.every(Number.isInteger)),
    yTicks = ticks(...(yRange ?? [Math.min(...ys), Math.max(...ys)]));
  const [x0, x1, y0, y1] = [xTicks[0], xTicks.at(-1)!, yTicks[0], yTicks.at(-1)!];
  const px = (x: number) => (left + (x - x0) / (x1 - x0 || 1) * (width - left - right)).toFixed(1);
  const py = (y: number) =>
    (height - bottom - (y - y0) / (y1 - y0 || 1) * (height - top - bottom)).toFixed(1);

  const grid = yTicks.map((y) =>
    `<line class="grid" x1="${left}" x2="${width - right}" y1="${py(y)}" y2="${py(y)}"/>` +
    `<text x="${left - 6}" y="${py(y)}" text-anchor="end" dominant-baseline="middle">${label(y)}</text>`
  ).join("");
  // The last one ends at the chart's edge, which would cut its half off.
  const axis = xTicks.map((x, i) =>
    `<text x="${px(x)}" y="${height - bottom + 16}" text-anchor="${
      i === xTicks.length - 1 ? "end" : "middle"
    }">${label(x)}</text>`
  )
    .join("");
  const lines = drawn.map(({ points }, i) => {
    const path = points.map(([x, y], at) =>
      Number.isFinite(y) ? `${at && Number.isFinite(points[at - 1][1]) ? "L" : "M"}${px(x)} ${py(y)}` : ""
    ).join("");
    const dots = points.length > 30 ? "" : points.filter(([, y]) => Number.isFinite(y))
      .map(([x, y]) => `<circle cx="${px(x)}" cy="${py(y)}" r="2.5" fill="${colour(i)}"/>`).join("");
    return `<path d="${path}" fill="none" stroke="${colour(i)}" stroke-width="2"/>${dots}`;
  }).join("");
  const dashed = !level
    ? ""
    : `<line class="level" x1="${left}" x2="${width - right}" y1="${py(level.y)}" y2="${
      py(level.y)
    }"/><text x="${width - right}" y="${Number(py(level.y)) - 5}" text-anchor="end">${
      escapeHtml(level.name)
    }</text>`;
  let legendX = left;
  const legend = series.length < 2 ? "" : series.map(({ name }, i) => {
    const x = legendX;
    legendX += 32 + name.length * 6.2;
    return `<rect x="${x}" y="24" width="10" height="3" fill="${colour(i)}"/>` +
      `<text x="${x + 14}" y="26" dominant-baseline="middle">${escapeHtml(name)}</text>`;
  }).join("");
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `<text x="${left}" y="11" class="title">${escapeHtml(title)}</text>${legend}${grid}${axis}` +
    `<text x="${(left + width - right) / 2}" y="${height - 4}" text-anchor="middle">${
      escapeHtml(xLabel)
    }</text>${dashed}${lines}</svg>`;
}

/** Horizontal bars from 0 to 1, one a name, in groups of one bar a series. */
export function barChart(
  title: string,
  names: readonly string[],
  series: readonly { name: string; values: readonly number[] }[],
  width = 460,
): string {
  const left = 170, right = 44, top = 42, bar = 9, gap = 8;
  const group = series.length * bar + gap;
  const height = top + names.length * group + 6;
  const legend = series.length < 2
    ? ""
    : series.map(({ name }, i) =>
      `<rect x="${left + i * 64}" y="22" width="10" height="7" fill="${colour(i)}"/>` +
      `<text x="${left + i * 64 + 14}" y="26" dominant-baseline="middle">${escapeHtml(name)}</text>`
    ).join("");
  const rows = names.map((name, n) => {
    const y = top + n * group;
    const bars = series.map(({ values }, i) => {
      const value = values[n];
      if (!Number.isFinite(value)) return "";
      const length = Math.max(0, value) * (width - left - right); // a correlation may be below 0
      return `<rect x="${left}" y="${y + i * bar}" width="${length.toFixed(1)}" height="${bar - 1}" fill="${
        colour(i)
      }"/>` +
        `<text x="${(left + length + 4).toFixed(1)}" y="${
          y + i * bar + bar / 2
        }" dominant-baseline="middle">${value.toFixed(2)}</text>`;
    }).join("");
    const middle = y + (group - gap) / 2;
    return `<text x="${left - 8}" y="${middle}" text-anchor="end" dominant-baseline="middle">${
      escapeHtml(name)
    }</text>${bars}`;
  }).join("");
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">` +
    `<text x="8" y="11" class="title">${escapeHtml(title)}</text>${legend}${rows}</svg>`;
}

/** Text that is safe inside HTML and attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** At most `MOST_POINTS` points: each the mean of as many neighbours; those that are not finite are left out of it. */
function thin(points: Series["points"]): Series["points"] {
  const share = Math.ceil(points.length / MOST_POINTS);
  if (share <= 1) return points;
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return Array.from({ length: Math.ceil(points.length / share) }, (_, i) => {
    const part = points.slice(i * share, (i + 1) * share).filter(([, y]) => Number.isFinite(y));
    return part.length ? [mean(part.map(([x]) => x)), mean(part.map(([, y]) => y))] : [NaN, NaN];
  });
}

const MOST_POINTS = 200;

function colour(i: number): string {
  return COLOURS[i % COLOURS.length];
}

/** Up to eight round numbers that enclose a range; of `whole` things, such as epochs, there are no halves. */
function ticks(least: number, most: number, whole = false): number[] {
  if (least === most) most = least + 1;
  const raw = (most - least) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step =
    [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= raw && !(whole && size < 1)) ?? 1;
  const first = Math.floor(least / step + 1e-9), last = Math.ceil(most / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function label(value: number): string {
  return Math.abs(value) >= 10_000 ? `${value / 1000}k` : String(value);
}

/** A chart as a file of its own, on white, for pages that do not style it. */
export function standaloneSvg(chart: string): string {
  const style =
    "text{fill:#5b6675;font:11px system-ui,sans-serif}.title{fill:#1c2430;font-size:13px;font-weight:600}" +
    ".grid{stroke:#dfe4ea}";
  return chart.replace(
    /^<svg ([^>]*)>/,
    `<svg xmlns="http://www.w3.org/2000/svg" $1><style>${style}</style><rect width="100%" height="100%" fill="#fff"/>`,
  ) + "\n";
}
