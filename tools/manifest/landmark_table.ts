/**
 * Landmarks in a table of one's own, for any set: what DISFA, BP4D and GFT deliver as MATLAB files, or another tracker's.
 * @module
 */
import type { FacePoints, Point } from "@emoco/web/image";
import { type DataSet, LayoutError } from "./data_set.ts";
import { pointsOf5, pointsOf68 } from "./landmarks.ts";
import { guessDelimiter, readRows } from "./rows.ts";

/** What the table must look like, for `--help`. */
export const LANDMARK_TABLE =
  `a table with a header row: image (path of the picture or video in --root), frame (as
             the labels have it; for sequences), x_0 ... and y_0 ...: 68 landmarks in iBUG's scheme, or 5, in pixels`;

interface Columns {
  readonly image: number;
  readonly frame: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** The set with the landmarks of a table in place of its own. @throws {LayoutError} */
export async function withLandmarks(set: DataSet, path: string): Promise<DataSet> {
  const points = await readTable(path);
  return {
    name: set.name,
    hasPoints: true,
    async *samples(notes) {
      for await (const sample of set.samples(notes)) {
        yield { ...sample, points: points.get(keyOf(sample.source, sample.frame)) };
      }
    },
  };
}

async function readTable(path: string): Promise<Map<string, FacePoints>> {
  const faces = new Map<string, FacePoints>();
  let columns: Columns | undefined, line = 0;
  for await (const row of readRows(path, await guessDelimiter(path))) {
    line++;
    if (!columns) {
      columns = findColumns(path, row);
      continue;
    }
    const at: Point[] = columns.x.map((x, i) => [number(row[x]), number(row[columns!.y[i]])]);
    const points = at.length === 5 ? pointsOf5(at) : pointsOf68(at.flat());
    if (!points) continue; // a frame that the tracker lost: the manifest lists it
    const source = (row[columns.image] ?? "").replaceAll("\\", "/").replace(/^(\.\/)+/, "");
    const frame = row[columns.frame];
    if (frame && !/^\d+(\.0+)?$/.test(frame)) {
      throw new LayoutError(`${path}, row ${line}: frame "${frame}" is no whole number.`);
    }
    faces.set(keyOf(source, frame ? Number(frame) : undefined), points);
  }
  if (faces.size > 0) return faces;
  throw new LayoutError(`${path} holds no row whose landmarks are all numbers.`);
}

function findColumns(path: string, header: readonly string[]): Columns {
  const names = header.map((cell) => cell.trim().toLowerCase());
  const image = names.indexOf("image");
  const series = (axis: string) =>
    names.flatMap((name, at) => {
      const place = new RegExp(`^${axis}_?(\\d+)$`).exec(name)?.[1];
      return place === undefined ? [] : [{ place: Number(place), at }];
    }).sort((one, other) => one.place - other.place);
  const x = series("x"), y = series("y");
  const isWhole = x.every(({ place }, i) => place === y[i]?.place) && x.length === y.length;
  if (image < 0 || !isWhole || ![5, 68].includes(x.length)) {
    throw new LayoutError(
      `${path} must have the columns image, x_0 ... and y_0 ... of 68 or 5 landmarks; it has ` +
        `${image < 0 ? "no image" : "image"}, ${x.length} of x and ${y.length} of y.`,
    );
  }
  return { image, frame: names.indexOf("frame"), x: x.map(({ at }) => at), y: y.map(({ at }) => at) };
}

function keyOf(source: string, frame: number | undefined): string {
  return frame === undefined ? source : `${source}#${frame}`;
}

/** A cell's number; an empty one has none. */
function number(cell: string | undefined): number {
  return cell ? Number(cell) : NaN;
}
