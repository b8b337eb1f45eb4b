/**
 * Films and photos into a folder of tables: one table a film and one for all photos, a summary, a report. What is done
 * is not done again; what cannot be read is named, and the rest done.
 * @module
 */
import { basename, extname, join } from "node:path";
import { Interrupt } from "../../train/runs/interrupt.ts";
import { Progress } from "../../train/runs/progress.ts";
import { exists as isThere, sha256, writeAtomically } from "../../train/runs/whole_file.ts";
import { analyseFilm, type FilmReader } from "./analyse_film.ts";
import { DrawnFilms } from "./drawn_films.ts";
import { FilmError, type FilmPart } from "./film.ts";
import { FolderLock, type Shard } from "./folder_lock.ts";
import { Journal } from "./journal.ts";
import { openFaceColumns } from "./openface.ts";
import { clock, reportFilm, reportPage } from "./report.ts";
import { type Column, columnsOf, RowLayout } from "./row.ts";
import { Spool } from "./spool.ts";
import { type FilmStatistics, summarise } from "./statistics.ts";
import { summaryHead, summaryLines } from "./summary.ts";
import { endingOf, type Format, linesOf, writeTable } from "./tables.ts";

/** A film by the name that its user gave it, and where it is. */
export interface NamedFilm {
  readonly name: string;
  readonly path: string;
}

/** What tables hold. */
export interface TableOptions {
  readonly format: Format;
  /** Whether the 68 points are in them. */
  readonly hasPoints: boolean;
  /** Whether each unit is also given against the person's resting face. */
  readonly hasBaseline: boolean;
  readonly part: FilmPart;
}

/** Where tables go. */
export interface FilmRun extends TableOptions {
  readonly out: string;
  /** A folder for drawn films. */
  readonly draw?: string;
  readonly shard?: Shard;
}

/** What could not be read, and why. */
export type Skipped = readonly [file: string, reason: string];

/**
 * Reads films into `run.out`.
 * @param others what was skipped besides, to be listed
 * @returns the films that could not be read
 * @throws {Stopped} somebody asked to stop; what was done is kept
 */
export async function analyseFilms(
  films: readonly NamedFilm[],
  run: FilmRun,
  reader: FilmReader,
  others: readonly Skipped[],
): Promise<Skipped[]> {
  const { out, format, shard, part } = run;
  const journal = new Journal(out);
  using _lock = FolderLock.take(journal.folder, out, shard);
  using interrupt = new Interrupt();
  const { card } = reader.detector, layout = new RowLayout(card, run.hasPoints);
  const settings = sha256(JSON.stringify([card.files, format, run.hasPoints, run.hasBaseline, part]));
  const tables = journal.tables(films.map(({ path }) => ({
    path,
    wished: `${path === "-" ? "stdin" : basename(path, extname(path))}${endingOf(format)}`,
  })));
  const mine = films.map((film, i) => ({ ...film, table: tables[i] }))
    .filter((_, i) => !shard || i % shard.count === shard.index - 1);
  const drawn = run.draw === undefined ? undefined : new DrawnFilms(run.draw);
  const skipped: Skipped[] = [], progress = new Progress(Math.max(1, mine.length));
  let already = 0;
  try {
    for (const [i, { name, path, table }] of mine.entries()) {
      if (path !== "-" && isThere(path) && journal.isDone(path, table, settings)) {
        already++;
        continue;
      }
      using spool = new Spool(join(journal.folder, `${table}.rows`), layout.width);
      const began = performance.now();
      try {
        const drawing = drawn?.begin(path, tables[films.findIndex((film) => film.path === path)]);
        const { frames, moments, ending } = await analyseFilm(reader, path, part, layout, spool, {
          drawing,
          told: ({ frames, time, duration }) => {
            const rate = frames / (performance.now() - began) * 1000;
            const share = duration ? Math.min(1, time / duration) : 0;
            const place = duration ? ` of ${clock(duration)}` : "";
            progress.show(
              i + share,
              `${i + 1} of ${mine.length}: ${name} ${clock(time)}${place}, ${rate.toFixed(0)} frames/s`,
            );
            return interrupt.asked;
          },
        });
        const statistics = summarise(layout, spool);
        const columns = columnsFor(layout, name, run, statistics);
        await writeTable(join(out, table), format, spool, columns, factsOf(name, reader, statistics));
        drawing?.keep();
        const { size, mtime } = path === "-" ? { size: 0, mtime: null } : Deno.statSync(path);
        journal.add({
          path,
          size,
          modified: mtime?.getTime() ?? 0,
          settings,
          table,
          summary: summaryLines(name, card, statistics),
          report: reportFilm(name, layout, spool, statistics, await moments.taken(), ending),
        });
        const seconds = (performance.now() - began) / 1000;
        progress.print(
          `${name}: ${frames} frames, ${persons(statistics)}, ${(frames / seconds).toFixed(0)} frames/s, ` +
            `${table}${
              ending === undefined ? "" : `. Damaged (${ending}): what could be decoded is in the table`
            }`,
        );
      } catch (error) {
        if (!(error instanceof FilmError)) throw error;
        skipped.push([name, error.message]);
        progress.print(`${name}: ${error.message}`);
      }
    }
  } finally {
    progress.end();
    const records = journal.records();
    if (records.length > 0) {
      const lines = [summaryHead(card), ...records.flatMap(({ summary }) => summary)];
      writeAtomically(join(out, "summary.csv"), `${lines.join("\n")}\n`);
    }
    const all = [...others, ...skipped];
    const cell = (text: string) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const list = join(out, shard ? `skipped-${shard.index}-of-${shard.count}.csv` : "skipped.csv");
    if (all.length > 0 || isThere(list)) {
      writeAtomically(
        list,
        ["file,reason", ...all.map((line) => line.map(cell).join(","))].join("\n") + "\n",
      );
    }
    const model = `${card.name} ${card.version}`;
    writeAtomically(join(out, "report.html"), reportPage(records.map(({ report }) => report), all, model));
  }
  if (already > 0) console.log(`${already} ${already === 1 ? "film was" : "films were"} done before.`);
  return skipped;
}

/** Reads one film and prints its table. */
export async function printFilm(
  { name, path }: NamedFilm,
  { format, ...run }: TableOptions & { readonly format: Exclude<Format, "parquet"> },
  reader: FilmReader,
): Promise<string | undefined> {
  const layout = new RowLayout(reader.detector.card, run.hasPoints);
  using interrupt = new Interrupt();
  using spool = new Spool(Deno.makeTempFileSync({ prefix: "emoco-rows-" }), layout.width);
  const { ending } = await analyseFilm(reader, path, run.part, layout, spool, {
    told: () => interrupt.asked,
  });
  const statistics = summarise(layout, spool), encoder = new TextEncoder();
  const columns = columnsFor(layout, name, { ...run, format }, statistics);
  for (const text of linesOf(format, spool, columns, factsOf(name, reader, statistics))) {
    const bytes = encoder.encode(text);
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
  }
  return ending;
}

function columnsFor(
  layout: RowLayout,
  name: string,
  { format, hasBaseline }: Pick<TableOptions, "format" | "hasBaseline">,
  { persons }: FilmStatistics,
): Column[] {
  if (!hasBaseline) return format === "openface" ? openFaceColumns(layout) : columnsOf(layout, name);
  const resting = new Map(persons.map(({ face, units }) => [face, units.map(({ resting }) => resting)]));
  const relative = (row: Float64Array, unit: number) =>
    Math.max(0, row[layout.strength(unit)] - (resting.get(row[2])?.[unit] ?? NaN));
  return format === "openface" ? openFaceColumns(layout, relative) : columnsOf(layout, name, relative);
}

function factsOf(
  file: string,
  { detector: { card }, engine }: FilmReader,
  { frames, seconds }: FilmStatistics,
) {
  return {
    model: { name: card.name, version: card.version, target: card.target },
    engine,
    file,
    frames,
    seconds: Number(seconds.toFixed(3)),
    aus: card.aus.map(({ au, threshold }) => ({ au, threshold })),
  };
}

function persons({ persons, empty, frames }: FilmStatistics): string {
  const count = persons.length === 0
    ? "nobody"
    : persons.length === 1
    ? "1 person"
    : `${persons.length} persons`;
  return empty > 0 && persons.length > 0 ? `${count}, no face in ${empty} of ${frames}` : count;
}
