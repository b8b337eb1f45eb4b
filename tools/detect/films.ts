/**
 * The part of `detect` that reads films, and writes tables.
 * @module
 */
import { join } from "node:path";
import { Ffmpeg } from "../films/film.ts";
import type { Shard } from "../films/folder_lock.ts";
import { JOURNAL } from "../films/journal.ts";
import { openFaceColumns } from "../films/openface.ts";
import { columnsOf, FRAME, RowLayout } from "../films/row.ts";
import { analyseFilms, printFilm, type Skipped, type TableOptions } from "../films/run.ts";
import { Spool } from "../films/spool.ts";
import { endingOf, FORMATS, writeTable } from "../films/tables.ts";
import { fromHere } from "../files/from_here.ts";
import { exists } from "../files/out_folder.ts";
import { PASSED_OVER, type PassedOver } from "../files/passed_over.ts";
import { openDetector, openFilmDetector } from "./open.ts";
import type { NamedFiles, NamedPhoto } from "./photos.ts";
import { readPhotos } from "./read_photos.ts";

/** The options of films, as `parseArgs` takes them. */
export const OPTIONS = {
  out: { type: "string" },
  format: { type: "string", default: "csv" },
  every: { type: "string", default: "1" },
  from: { type: "string" },
  to: { type: "string" },
  points: { type: "boolean", default: false },
  baseline: { type: "boolean", default: false },
  shard: { type: "string" },
} as const;

/** What was given of them. */
export interface FilmValues {
  readonly out?: string;
  readonly draw?: string;
  readonly json?: boolean;
  readonly jsonl?: boolean;
  readonly format: string;
  readonly every: string;
  readonly from?: string;
  readonly to?: string;
  readonly points: boolean;
  readonly baseline: boolean;
  readonly shard?: string;
}

/** The options as they are meant. @throws {Error} one sentence: what is wrong in them */
export function filmOptions(values: FilmValues): TableOptions & { readonly shard?: Shard } {
  const format = FORMATS.find((name) => name === values.format);
  if (!format) throw new Error(`--format=${values.format} must be one of ${FORMATS.join(", ")}.`);
  const every = Number(values.every);
  if (!(Number.isInteger(every) && every >= 1)) {
    throw new Error(`--every=${values.every} must be a whole number of frames, 1 or more.`);
  }
  const from = seconds("from", values.from), to = seconds("to", values.to);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new Error(`--from=${values.from} must come before --to=${values.to}.`);
  }
  const part = { every, ...from !== undefined && { from }, ...to !== undefined && { to } };
  const shard = shardOf(values.shard);
  return { format, hasPoints: values.points, hasBaseline: values.baseline, part, ...shard && { shard } };
}

/** Reads films and photos into tables. @returns what could not be read */
export async function readFilms(
  { photos, films }: NamedFiles,
  values: FilmValues,
  model: string | undefined,
  passed: PassedOver,
): Promise<string[]> {
  const options = filmOptions(values), { shard } = options;
  if (values.json) throw new Error("--json is for photos; films take --format=json and --out=folder.");
  const ffmpeg = films.length > 0 ? await Ffmpeg.find() : undefined;
  if (values.out === undefined) {
    const [film] = films, format = values.jsonl ? "jsonl" : options.format;
    if (films.length > 1 || photos.length > 0 || values.draw !== undefined || format === "parquet") {
      throw new Error(
        "Where do the tables go? --out=folder names the folder; only one film's text is printed.",
      );
    }
    const ending = await printFilm(film, { ...options, format }, {
      ffmpeg: ffmpeg!,
      ...await openFilmDetector(model),
    })
      .catch((error) => {
        throw new Error(`${film.name}: ${(error as Error).message}`, { cause: error });
      });
    if (ending !== undefined) {
      console.error(`${film.name} is damaged (${ending}): what could be decoded is above.`);
    }
    return [];
  }
  const out = fromHere(values.out);
  Deno.mkdirSync(join(out, JOURNAL), { recursive: true });
  const skipped: Skipped[] = passed.items.map(({ kind, path }) => [path, PASSED_OVER[kind]]);
  const failures: Skipped[] = [];
  if (photos.length > 0) {
    const mine = shard ? photos.filter((_, i) => i % shard.count === shard.index - 1) : photos;
    failures.push(...await keepPhotos(mine, out, options, model));
  }
  if (films.length > 0) {
    const reader = { ffmpeg: ffmpeg!, ...await openFilmDetector(model) };
    const run = { ...options, out, ...values.draw !== undefined && { draw: values.draw } };
    failures.push(...await analyseFilms(films, run, reader, [...skipped, ...failures]));
  }
  return failures.map(([file, reason]) => `${file}: ${reason}`);
}

/** One table of all photos. */
async function keepPhotos(
  photos: readonly NamedPhoto[],
  out: string,
  { format, hasPoints, shard }: TableOptions & { readonly shard?: Shard },
  model: string | undefined,
): Promise<Skipped[]> {
  const open = await openDetector(model), { card } = open.detector;
  const share = shard ? `-${shard.index}-of-${shard.count}` : "", name = `photos${share}${endingOf(format)}`;
  const path = join(out, name), mark = join(out, JOURNAL, `${name}.photos`);
  if (exists(path) && !exists(mark)) {
    throw new Error(`${path} is there already and was not written by this program: choose another --out.`);
  }
  const layout = new RowLayout(card, hasPoints);
  using rows = new Spool(join(out, JOURNAL, `${name}.rows`), layout.width);
  const names = photos.map(({ name }) => name), place = new Map(photos.map((photo, i) => [photo, i]));
  const failures = await readPhotos(photos, open, {
    keep: (photo, { width, height, faces }) => {
      const at = { number: place.get(photo)!, time: NaN, width, height };
      if (faces.length === 0) rows.add((row) => layout.write(row, at));
      faces.forEach((face, i) => rows.add((row) => layout.write(row, at, { ...face, id: i + 1 })));
    },
  });
  const columns = format === "openface"
    ? openFaceColumns(layout)
    : columnsOf(layout, (row) => names[row[FRAME]]).map((column) =>
      column.name === "frame" ? { ...column, value: () => null } : column
    );
  Deno.writeTextFileSync(mark, "");
  const facts = {
    model: { name: card.name, version: card.version, target: card.target },
    engine: open.engine,
  };
  await writeTable(path, format, rows, columns, facts);
  console.log(`${photos.length - failures.length} photos: ${name}`);
  return failures.map((line): Skipped => {
    const at = line.indexOf(": ");
    return [line.slice(0, at), line.slice(at + 2)];
  });
}

/** "0:10", "1:02:03.5" or "75" as seconds. */
function seconds(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^(\d+:){0,2}\d+(\.\d+)?$/.test(text)) {
    throw new Error(`--${option}=${text} must be a time such as 0:10, 1:02:03 or 75.5 (seconds).`);
  }
  return text.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);
}

function shardOf(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const [, index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).map(Number);
  if (!(index >= 1 && index <= count)) {
    throw new Error(`--shard=${text} must be a share such as 3/16, from 1/16 to 16/16.`);
  }
  return { index, count };
}
