/**
 * `report.html`: what was seen in each film, with curves, the strongest moments as pictures, and what went wrong. One
 * file that opens offline.
 * @module
 */
import { actionUnit } from "@emoco/web/facs";
import { htmlPage, htmlTable } from "../../train/runs/report_page.ts";
import { escapeHtml, lineChart } from "../../train/runs/svg_chart.ts";
import type { Moment } from "./moments.ts";
import { FACE, type RowLayout, TIME } from "./row.ts";
import type { Spool } from "./spool.ts";
import type { FilmStatistics, Person } from "./statistics.ts";

/** Points of a curve, persons and units with a chart, films with charts in a report. */
const BINS = 240, CHARTED_PERSONS = 3, CHARTED_UNITS = 5, CHARTED_FILMS = 60;

/** A chart as wide as the page. */
const WIDE = { width: 940, height: 280 };

/** What a report says of one film. */
export interface FilmReport {
  readonly file: string;
  readonly facts: readonly string[];
  /** HTML: charts and moments. */
  readonly body: string;
}

/** The part of a film, with its curves drawn. */
export function reportFilm(
  file: string,
  layout: RowLayout,
  rows: Pick<Spool, "read">,
  statistics: FilmStatistics,
  moments: readonly Moment[],
  ending?: string,
): FilmReport {
  const { frames, empty, seconds, persons } = statistics;
  const charted = [...persons].sort((one, other) => other.frames - one.frames).slice(0, CHARTED_PERSONS);
  const isAlone = charted.length === 1;
  const charts = charted.map((person) => chartOf(person, layout, rows, isAlone ? WIDE : {}));
  const figures = moments.map(({ au, face, time, strength, picture }) =>
    `<figure><img src="data:image/jpeg;base64,${picture}" alt="AU${au} at its strongest" width="96" height="96">` +
    `<figcaption>AU${au} ${escapeHtml(actionUnit(au).name)}, ${strength.toFixed(1)} at ${tenths(time)}` +
    `${persons.length > 1 ? `, face ${face}` : ""}</figcaption></figure>`
  );
  return {
    file,
    facts: [
      clock(seconds),
      String(frames),
      String(persons.length),
      frames > 0 ? `${Math.round(100 * (frames - empty) / frames)} %` : "",
      ending ?? "",
    ],
    // One chart has the whole width; the pictures stand in line, however long what stands below them is.
    body: `<div${isAlone ? "" : ' class="charts"'}>${charts.join("")}</div>` +
      `<div class="faces" style="align-items: flex-start">${figures.join("")}</div>`,
  };
}

/** The whole page. @param skipped what was not analysed, and why */
export function reportPage(
  films: readonly FilmReport[],
  skipped: readonly (readonly [file: string, reason: string])[],
  model: string,
): string {
  const shown = films.slice(0, CHARTED_FILMS);
  const rest = films.length > shown.length
    ? `<p>Curves of the first ${shown.length} films are drawn; the tables hold all of them.</p>`
    : "";
  return htmlPage(
    `${films.length === 1 ? "1 film" : `${films.length} films`} read by ${model}`,
    htmlTable(
      ["Film", "Length", "Frames", "Persons", "Frames with a face", "To note"],
      films.map(({ file, facts }) => [file, ...facts]),
    ) + rest +
      shown.map(({ file, body }) => `<h2>${escapeHtml(file)}</h2>${body}`).join("\n") +
      (skipped.length === 0 ? "" : `<h2>Not analysed</h2>${htmlTable(["File", "Why"], skipped)}`),
  );
}

/** The units that move most of one person, over time. */
function chartOf(
  { face, units, first, last }: Person,
  layout: RowLayout,
  rows: Pick<Spool, "read">,
  size: { width?: number; height?: number },
): string {
  const { aus, target } = layout.card;
  const chosen = units.map(({ peak, resting }, i) => ({ i, range: peak - resting }))
    .filter(({ range }) => range > 0)
    .sort((one, other) => other.range - one.range).slice(0, CHARTED_UNITS)
    .sort((one, other) => one.i - other.i);
  const sums = chosen.map(() => new Float64Array(BINS)), counts = chosen.map(() => new Uint32Array(BINS));
  const length = Math.max(last - first, 1e-3);
  for (const row of rows.read()) {
    if (row[FACE] !== face) continue;
    const bin = Math.min(BINS - 1, Math.floor((row[TIME] - first) / length * BINS));
    chosen.forEach(({ i }, k) => {
      const value = row[layout.strength(i)];
      if (Number.isNaN(value)) return;
      sums[k][bin] += value;
      counts[k][bin]++;
    });
  }
  // A short film has fewer frames than the chart has places: those without a frame are left out, longer gaps stay gaps.
  const step = length / BINS, gap = 1;
  const series = chosen.map(({ i }, k) => {
    const points: [number, number][] = [];
    for (let bin = 0; bin < BINS; bin++) {
      if (counts[k][bin] === 0) continue;
      const time = first + (bin + 0.5) * step, before = points.at(-1)?.[0] ?? time;
      if (time - before > gap) points.push([time - step, NaN]);
      points.push([time, sums[k][bin] / counts[k][bin]]);
    }
    return { name: `AU${aus[i].au}`, points };
  });
  return lineChart(`Face ${face}, ${target}`, series, {
    ...size,
    xLabel: "seconds",
    yRange: [0, target === "intensity" ? 5 : 1],
  });
}

/** Seconds as "1:05.4": a moment is shorter than a second. */
function tenths(seconds: number): string {
  return `${clock(seconds)}.${Math.floor(seconds * 10 + 1e-6) % 10}`;
}

/** Seconds as "1:05". */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds), two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
