/** Our side of `deno task bench film` as a process of its own: a film into a table, as `deno task detect` does it. */
import { openFilmDetector } from "../detect/open.ts";
import { analyseFilm } from "../films/analyse_film.ts";
import { Ffmpeg } from "../films/film.ts";
import { columnsOf, RowLayout } from "../films/row.ts";
import { Spool } from "../films/spool.ts";
import { summarise } from "../films/statistics.ts";
import { writeTable } from "../films/tables.ts";
import { processUse } from "./contender.ts";
import { TextLineStream } from "./lines.ts";

/** A film read once. */
export interface FilmRound {
  readonly frames: number;
  /** In how many of them there was a face. */
  readonly faces: number;
  readonly seconds: number;
  /** Greatest resident memory of the process so far, ffmpeg's not counted. */
  readonly peakBytes: number;
}

/** What a side says when it is ready. */
export interface FilmGreeting {
  readonly engine: string;
}

/** What the process is told. */
export interface FilmTask {
  readonly film: string;
  /** A folder for the table. */
  readonly folder: string;
  readonly model?: string;
}

if (import.meta.main) {
  const { film, folder, model }: FilmTask = JSON.parse(Deno.args[0]);
  const reader = { ffmpeg: await Ffmpeg.find(), ...await openFilmDetector(model) };
  const { card } = reader.detector, layout = new RowLayout(card, false);

  const round = async (): Promise<FilmRound> => {
    const start = performance.now();
    using spool = new Spool(`${folder}/film.rows`, layout.width);
    const { frames, ending } = await analyseFilm(reader, film, {}, layout, spool, { told: () => false });
    if (ending !== undefined) throw new Error(`${film}: ${ending}`);
    const { empty } = summarise(layout, spool);
    await writeTable(`${folder}/film.csv`, "csv", spool, columnsOf(layout, film), {});
    const seconds = (performance.now() - start) / 1000;
    return { frames, faces: frames - empty, seconds, peakBytes: processUse().peakBytes };
  };

  await round();
  const greeting: FilmGreeting = { engine: `${card.name} ${card.version}, ${reader.engine}` };
  console.log(JSON.stringify(greeting));
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream());
  for await (const _ of lines) console.log(JSON.stringify(await round()));
}
