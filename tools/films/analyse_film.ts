/**
 * One film from its first frame to its last: into rows, moments and, where wanted, a drawn film.
 * @module
 */
import type { AuDetector } from "@emoco/web/detector";
import type { FaceFollower } from "@emoco/web/face-follower";
import { DrawnFilm } from "./drawn_film.ts";
import type { Ffmpeg, FilmPart } from "./film.ts";
import { Moments } from "./moments.ts";
import type { NumberedFace, RowLayout } from "./row.ts";
import type { Spool } from "./spool.ts";

/** What reads films. */
export interface FilmReader {
  readonly ffmpeg: Ffmpeg;
  readonly detector: AuDetector;
  /** The detector's finder. */
  readonly follower: FaceFollower;
  /** What runs the model. */
  readonly engine: "native" | "wasm";
}

/** Where a drawn film goes. */
export interface Drawing {
  /** While it is written. */
  readonly path: string;
  readonly mark: string;
}

/** How far a film is. */
export interface FilmProgress {
  readonly frames: number;
  /** Seconds of the film that are read, and in all where that is known. */
  readonly time: number;
  readonly duration?: number;
}

/** What came out of a film beside its rows. */
export interface Analysed {
  readonly frames: number;
  readonly moments: Moments;
  /** What was wrong with the film, where something was. */
  readonly ending?: string;
}

/** Somebody asked to stop. */
export class Stopped extends Error {
  constructor() {
    super("Stopped; films that are done are kept, and the same command goes on with the others.");
  }
}

/**
 * Reads a film into a spool.
 * @param told after every frame; true stops
 * @throws {FilmError} no frame could be read
 * @throws {Stopped} `told` asked for it
 */
export async function analyseFilm(
  { ffmpeg, detector, follower }: FilmReader,
  path: string,
  part: FilmPart,
  layout: RowLayout,
  spool: Spool,
  { drawing, told }: { drawing?: Drawing; told: (progress: FilmProgress) => boolean },
): Promise<Analysed> {
  const moments = new Moments(layout.card), film = ffmpeg.open(path, part), frames = film.frames();
  follower.restart();
  let count = 0, drawn: DrawnFilm | undefined, ending: string | undefined, isWhole = false;
  // The next frame is decoded and read while the model works on this one.
  let next = frames.next();
  try {
    for (;;) {
      const result = await next;
      if (result.done) {
        ending = result.value;
        break;
      }
      const { number, time, pixels } = result.value;
      next = frames.next();
      next.catch(() => undefined); // awaited in the next round
      follower.at(time);
      const { faces: found } = await detector.detect(pixels);
      const faces = found.filter((face): face is NumberedFace => face.id !== undefined);
      const at = { number, time, width: pixels.width, height: pixels.height };
      if (faces.length === 0) spool.add((row) => layout.write(row, at));
      for (const face of faces) {
        spool.add((row) => layout.write(row, at, face));
        moments.consider(pixels, face, time);
      }
      if (drawing) {
        const rate = (film.frameRate ?? 25) / (part.every ?? 1);
        drawn ??= await DrawnFilm.begin(
          ffmpeg,
          drawing.path,
          pixels,
          layout.card.aus.length,
          rate,
          drawing.mark,
        );
        await drawn.add(pixels, faces);
      }
      count++;
      if (told({ frames: count, time: time - (part.from ?? 0), duration: film.duration })) {
        throw new Stopped();
      }
    }
    isWhole = true;
  } finally {
    if (!isWhole) {
      await next.catch(() => undefined);
      await frames.return(undefined);
      await drawn?.drop();
    }
  }
  await drawn?.end();
  return { frames: count, moments, ...ending !== undefined && { ending } };
}
