/**
 * Pictures or videos of one's own with a table of labels.
 * @module
 */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import { isAbsolute, join } from "node:path";
import { fromHere } from "../files/from_here.ts";
import { encodingOf } from "../files/text.ts";
import { type DataSet, type Labels, LayoutError, type Sample, type UnitLabels } from "./data_set.ts";
import { readEmotion, readSplit } from "./folder.ts";
import { inside, isFile, list } from "./layout.ts";
import type { Notes } from "./notes.ts";
import { guessDelimiter, readRows } from "./rows.ts";
import { isKnownUnit, type Label, occurrenceOf, readIntensity, readOccurrence } from "./unit_labels.ts";

/** What the folder must look like, for `--help`. */
export const CSV_LAYOUT =
  `a table with a header row, named by --table unless it is the only .csv there, and pictures whose paths it gives;
columns are named by --image, --subject, --emotion, --split and --frame (each its own name unless given; only image must
be there; with a frame column, image names a video); --present=AU# and --intensity=AU#_r name the columns of the units,
# stands for the number; --emotions=neutral,happy,... names the emotions of numbers 0, 1, ...`;

/** The options of a table. */
export interface CsvOptions {
  readonly table?: string;
  readonly image?: string;
  readonly subject?: string;
  readonly emotion?: string;
  readonly split?: string;
  readonly frame?: string;
  readonly present: string;
  readonly intensity?: string;
  readonly emotions?: string;
  readonly first: number;
}

interface Columns {
  readonly image: number;
  readonly subject?: number;
  readonly emotion?: number;
  readonly split?: number;
  readonly frame?: number;
  readonly present: readonly { au: number; at: number }[];
  readonly intensity: readonly { au: number; at: number }[];
}

/** Opens the table in `root`. @throws {LayoutError} */
export async function openCsv(root: string, options: CsvOptions): Promise<DataSet> {
  const path = findTable(root, options.table), delimiter = await guessDelimiter(path);
  const [header] = await Array.fromAsync(firstOf(readRows(path, delimiter)));
  if (!header) throw new LayoutError(`${path} is empty.`);
  const encoding = encodingOf(path),
    columns = findColumns(path, header, options),
    emotions = readEmotions(options.emotions);

  async function* rows(notes: Notes): AsyncGenerator<Sample> {
    let line = 1;
    for await (const row of readRows(path, delimiter)) {
      if (line++ === 1) continue;
      const sample = sampleOf(row, `row ${line - 1}`, columns, emotions, options.first, notes);
      if (sample) yield sample;
    }
  }

  return {
    name: "",
    hasPoints: false,
    async *samples(notes) {
      if (encoding !== "utf-8") notes.add("other encodings", `${inside(root, path)}: ${encoding}`);
      if (columns.frame === undefined) return yield* rows(notes);
      // Frames must come in their videos' order, which a table need not have.
      const videos = new Map<string, Sample[]>();
      for await (const sample of rows(notes)) {
        const frames = videos.get(sample.source);
        if (frames) frames.push(sample);
        else videos.set(sample.source, [sample]);
      }
      for (const frames of videos.values()) yield* frames.sort((one, other) => one.frame! - other.frame!);
    },
  };
}

function findTable(root: string, table?: string): string {
  if (table !== undefined) {
    const path = [isAbsolute(table) ? table : join(root, table), fromHere(table)].find(isFile);
    if (!path) throw new LayoutError(`--table=${table} is no file in ${root}, nor from where you stand.`);
    return path;
  }
  const tables = list(root).filter(({ name }) => /\.(csv|tsv)$/i.test(name));
  if (tables.length === 1) return tables[0].path;
  const found = tables.length === 0 ? "no .csv" : `several: ${tables.map(({ name }) => name).join(", ")}`;
  throw new LayoutError(`${root} holds ${found}; name the table by --table=labels.csv.`);
}

async function* firstOf<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  for await (const item of items) return yield item;
}

function findColumns(path: string, header: readonly string[], options: CsvOptions): Columns {
  const column = (option: "image" | "subject" | "emotion" | "split" | "frame") => {
    const name = options[option] ?? option;
    const at = header.findIndex((cell) => cell.toLowerCase() === name.toLowerCase());
    if (at >= 0) return at;
    if (options[option] === undefined && option !== "image") return undefined;
    throw new LayoutError(
      `${path} has no column "${name}", which --${option} names; its columns are ${header.join(", ")}.`,
    );
  };
  const units = (pattern: string | undefined, option: string) => {
    if (pattern === undefined) return [];
    if (pattern.split("#").length !== 2) {
      throw new LayoutError(`--${option}=${pattern} must hold one #, which stands for the unit's number.`);
    }
    const [before, after] = pattern.split("#").map((text) => text.replace(/[^\w]/g, "\\$&"));
    const matcher = new RegExp(`^${before}0*(\\d+)${after}$`, "i");
    return header.flatMap((cell, at) => {
      const au = Number(matcher.exec(cell)?.[1] ?? NaN);
      return isKnownUnit(au) ? [{ au, at }] : [];
    });
  };
  const columns = {
    image: column("image")!,
    subject: column("subject"),
    emotion: column("emotion"),
    split: column("split"),
    frame: column("frame"),
    present: units(options.present, "present"),
    intensity: units(options.intensity, "intensity"),
  };
  if (columns.emotion === undefined && columns.present.length + columns.intensity.length === 0) {
    throw new LayoutError(
      `${path} has neither a column of emotions (--emotion) nor of action units (--present=${options.present}); its ` +
        `columns are ${header.join(", ")}.`,
    );
  }
  return columns;
}

function readEmotions(text: string | undefined): readonly (Emotion | undefined)[] | undefined {
  return text?.split(",").map((word) => {
    const emotion = readEmotion(word);
    if (emotion || word.trim() === "") return emotion;
    throw new LayoutError(
      `--emotions: "${word}" is none; they are ${EMOTIONS.join(", ")}, or nothing for a class to leave out.`,
    );
  });
}

function sampleOf(
  row: readonly string[],
  name: string,
  columns: Columns,
  emotions: readonly (Emotion | undefined)[] | undefined,
  first: number,
  notes: Notes,
): Sample | undefined {
  const cell = (at: number | undefined) => at === undefined ? "" : row[at] ?? "";
  const source = cell(columns.image).replaceAll("\\", "/").replace(/^(\.\/)+/, "");
  const units = (of: readonly { au: number; at: number }[], read: (text?: string) => Label): UnitLabels =>
    Object.fromEntries(of.map(({ au, at }) => {
      const label = read(cell(at));
      if (label === undefined) notes.add("labels without meaning", `${name}: AU${au} is "${cell(at)}"`);
      return [au, label ?? null];
    }));
  const intensity = units(columns.intensity, readIntensity);
  const present = {
    ...Object.fromEntries(Object.entries(intensity).map(([au, grade]) => [au, occurrenceOf(grade)])),
    ...units(columns.present, readOccurrence),
  };
  const word = cell(columns.emotion);
  const emotion = emotions && /^\d+$/.test(word) ? emotions[Number(word)] : readEmotion(word);
  if (word !== "" && !emotion) notes.add("other classes", `${name}: ${source} is "${word}"`);
  if (source === "" || !emotion && Object.keys(present).length === 0) return undefined;
  const splitWord = cell(columns.split), split = readSplit(splitWord);
  if (splitWord !== "" && !split) notes.add("labels without meaning", `${name}: split "${splitWord}"`);
  const labels: Labels = {
    subject: cell(columns.subject) || source.replace(/\.[^./]*$/, ""),
    ...(emotion && { emotion }),
    ...(split && { split }),
    ...(Object.keys(present).length > 0 && { present }),
    ...(Object.keys(intensity).length > 0 && { intensity }),
  };
  if (columns.frame === undefined) return { source, labels };
  const number = cell(columns.frame), frame = Number(number);
  if (/^\d+(\.0+)?$/.test(number)) {
    return { source, position: frame - first, frame, labels: { ...labels, video: source, frame } };
  }
  notes.add("labels without meaning", `${name}: frame "${number}"`);
  return undefined;
}
