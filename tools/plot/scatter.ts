/** Scatter plots side by side and one above the other, as one SVG file. */
import { COLOURS, escapeHtml, standaloneSvg } from "../../train/runs/svg_chart.ts";

/** One picture: points, each of a class. */
export interface Panel {
  title: string;
  points: readonly (readonly [x: number, y: number])[];
  /** Class of every point, an index into `names`. */
  classes: readonly number[];
  names: readonly string[];
  /** A few words at the right of the title, such as a number that belongs to the picture. */
  note?: string;
}

const SIDE = 420, TOP = 52, GAP = 24;

/** Rows of panels as an SVG file. */
export function scatterFigure(rows: readonly (readonly Panel[])[]): string {
  const width = Math.max(...rows.map((row) => row.length)) * (SIDE + GAP) + GAP;
  const height = rows.length * (TOP + SIDE + GAP);
  const body = rows.flatMap((row, r) =>
    row.map((panel, c) =>
      `<g transform="translate(${GAP + c * (SIDE + GAP)} ${r * (TOP + SIDE + GAP)})">${drawPanel(panel)}</g>`
    )
  );
  const label = rows.flat().map(({ title }) => title).join("; ");
  return standaloneSvg(
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${
      escapeHtml(label)
    }">${body.join("\n")}</svg>`,
  );
}

function drawPanel({ title, points, classes, names, note }: Panel): string {
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  // One scale for both axes: distances are all that a projection tells.
  const scale = (SIDE - 16) / (Math.max(right - left, high - low) || 1);
  const at = ([x, y]: readonly [number, number]) => [
    SIDE / 2 + (x - (left + right) / 2) * scale,
    TOP + SIDE / 2 - (y - (low + high) / 2) * scale,
  ];
  const radius = points.length > 600 ? 2.2 : 3.2;
  let legendX = 0;
  const legend = names.map((name, k) => {
    const x = legendX;
    legendX += 24 + 6.2 * name.length;
    return `<circle cx="${x + 5}" cy="38" r="4" fill="${colour(k, names)}"/><text x="${x + 13}" y="42">${
      escapeHtml(name)
    }</text>`;
  }).join("");
  // In the order of the points, not of the classes: no class lies on top of all others.
  const dots = points.map((point, i) => {
    const [x, y] = at(point);
    return `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}" fill="${
      colour(classes[i], names)
    }"/>`;
  }).join("");
  return `<text x="0" y="20" class="title">${escapeHtml(title)} (${points.length} faces)</text>${legend}` +
    (note ? `<text x="${SIDE}" y="20" text-anchor="end">${escapeHtml(note)}</text>` : "") +
    `<rect class="frame" x="0.5" y="${
      TOP + 0.5
    }" width="${SIDE}" height="${SIDE}" fill="none" stroke="#dfe4ea"/>` +
    `<g fill-opacity="0.75">${dots}</g>`;
}

/** Of two classes the second is the one that is looked for: grey and a strong colour. */
function colour(k: number, names: readonly string[]): string {
  return names.length === 2 ? ["#b4bcc6", "#d55e00"][k] : COLOURS[k % COLOURS.length];
}
