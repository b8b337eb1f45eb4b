/**
 * A face in a frame as a row of numbers, and the columns of tables that are made of rows.
 * @module
 */
import type { DetectedFace } from "@emoco/web/detector";
import { readingColumns, writeReadings } from "@emoco/web/face-readings";
import type { ModelCard } from "@emoco/web/model-card";

/** A face with its number in the film. */
export interface NumberedFace extends DetectedFace {
  readonly id: number;
}

/** Where things stand in a row, all numbers NaN where nothing is known; face 0 is a frame without a face. */
export const FRAME = 0, TIME = 1, FACE = 2, SCORE = 3, X = 4, Y = 5, WIDTH = 6, HEIGHT = 7;
/** Picture's size, and the four points: left eye, right eye, nose, mouth. */
const PICTURE = 8, POINTS = 10, READINGS = 18;
const WARNINGS = ["cut-off", "turned-away", "covered"] as const;

/** A column of a table. */
export interface Column {
  readonly name: string;
  /** "whole" and "number" are numbers; digits after the point of a number. */
  readonly kind: "text" | "whole" | "number";
  readonly digits: number;
  /** null: nothing is known. */
  value(row: Float64Array): number | string | null;
}

/** How rows of a model are laid out. */
export class RowLayout {
  /** Numbers of a row. */
  readonly width: number;
  readonly readings: readonly string[];
  /** Places in a row. */
  readonly warnings: number;
  readonly units: number;
  readonly emotions: number;
  /** Of the 68 points; -1 where they are not kept. */
  readonly points: number;

  /** @param hasPoints whether the 68 points are kept, of a model that knows them */
  constructor(readonly card: ModelCard, hasPoints: boolean) {
    const { aus, emotions, outputs } = card;
    this.readings = readingColumns(outputs);
    this.warnings = READINGS + this.readings.length;
    this.units = this.warnings + 1;
    this.emotions = this.units + 3 * aus.length;
    const end = this.emotions + (emotions?.length ?? 0);
    this.points = hasPoints && outputs?.includes("points") ? end : -1;
    this.width = this.points < 0 ? end : end + 136;
  }

  /** Writes a face, or a frame without one. */
  write(
    row: Float64Array,
    { number, time, width, height }: { number: number; time: number; width: number; height: number },
    face?: NumberedFace,
  ): void {
    row.fill(NaN);
    row[FRAME] = number;
    row[TIME] = time;
    row[FACE] = face?.id ?? 0;
    row[PICTURE] = width;
    row[PICTURE + 1] = height;
    if (!face) return;
    const { score, box, points, aus, emotions = {}, points68, warnings = [] } = face;
    row.set([score, box.x, box.y, box.width, box.height], SCORE);
    row.set([...points.leftEye, ...points.rightEye, ...points.nose, ...points.mouth], POINTS);
    writeReadings(face, this.card.outputs, row, READINGS);
    row[this.warnings] = warnings.reduce((sum, code) => sum + 2 ** WARNINGS.indexOf(code), 0);
    aus.forEach(({ probability, intensity, present }, i) => {
      row[this.probability(i)] = present === null ? NaN : probability;
      row[this.intensity(i)] = intensity ?? NaN;
      row[this.present(i)] = present === null ? NaN : Number(present);
    });
    this.card.emotions?.forEach((name, i) => row[this.emotions + i] = emotions[name] ?? NaN);
    if (this.points >= 0) points68?.forEach((point, i) => row.set(point, this.points + 2 * i));
  }

  /** Places of a unit's numbers, by its place in the card. */
  probability(unit: number): number {
    return this.units + 3 * unit;
  }
  intensity(unit: number): number {
    return this.units + 3 * unit + 1;
  }
  present(unit: number): number {
    return this.units + 3 * unit + 2;
  }

  /** The place of what a unit is charted and summed up by: its intensity, else its probability. */
  strength(unit: number): number {
    return this.card.target === "intensity" ? this.intensity(unit) : this.probability(unit);
  }

  /** The place of a reading such as "yaw"; -1 where the model does not know it. */
  reading(name: string): number {
    const at = this.readings.indexOf(name);
    return at < 0 ? -1 : READINGS + at;
  }

  /** The four points of a face. */
  eyes(row: Float64Array): { left: readonly [number, number]; right: readonly [number, number] } {
    return { left: [row[POINTS], row[POINTS + 1]], right: [row[POINTS + 2], row[POINTS + 3]] };
  }

  /** The picture's width and height. */
  picture(row: Float64Array): readonly [width: number, height: number] {
    return [row[PICTURE], row[PICTURE + 1]];
  }
}

/** A column that shows the number at a place. */
export function numberAt(
  name: string,
  at: number,
  digits: number,
  kind: "whole" | "number" = "number",
): Column {
  return { name, kind, digits, value: (row) => Number.isNaN(row[at]) ? null : row[at] };
}

/** "AU04" of 4: the names of units in tables are equally long. */
export function unitName(au: number): string {
  return `AU${String(au).padStart(2, "0")}`;
}

/**
 * The columns of our own tables.
 * @param file what stands in the column `file`
 * @param relative a unit's intensity (or probability) against the person's resting face, where that is asked for
 */
export function columnsOf(
  layout: RowLayout,
  file: string | ((row: Float64Array) => string),
  relative?: (row: Float64Array, unit: number) => number,
): Column[] {
  const { aus, emotions, target } = layout.card;
  const measure = target === "intensity" ? "intensity" : "probability";
  return [
    { name: "file", kind: "text", digits: 0, value: (row) => typeof file === "string" ? file : file(row) },
    numberAt("frame", FRAME, 0, "whole"),
    numberAt("time", TIME, 4),
    { name: "face", kind: "whole", digits: 0, value: (row) => row[FACE] || null },
    numberAt("score", SCORE, 4),
    ...["x", "y", "width", "height"].map((name, i) => numberAt(name, X + i, 1)),
    ...layout.readings.map((name) => numberAt(name, layout.reading(name), name.startsWith("open") ? 4 : 2)),
    {
      name: "warnings",
      kind: "text",
      digits: 0,
      value: (row) => WARNINGS.filter((_, i) => row[layout.warnings] & 2 ** i).join(" ") || null,
    },
    ...aus.flatMap(({ au }, i) => [
      numberAt(`${unitName(au)}_${measure}`, layout.strength(i), measure === "intensity" ? 3 : 4),
      numberAt(`${unitName(au)}_present`, layout.present(i), 0, "whole"),
      ...relative
        ? [{
          name: `${unitName(au)}_relative`,
          kind: "number" as const,
          digits: 3,
          value: (row: Float64Array) => {
            const value = relative(row, i);
            return Number.isNaN(value) ? null : value;
          },
        }]
        : [],
    ]),
    ...(emotions ?? []).map((name, i) => numberAt(name, layout.emotions + i, 4)),
    ...layout.points < 0
      ? []
      : ["x", "y"].flatMap((axis, k) =>
        Array.from({ length: 68 }, (_, i) => numberAt(`${axis}_${i}`, layout.points + 2 * i + k, 2))
      ),
  ];
}
