/**
 * Aligns the faces of a data set on all cores; what is done already, the journal knows.
 * @module
 */
import { dirname, join, resolve } from "node:path";
import type { Entry, Journal } from "../align/journal.ts";
import { facePath } from "../align/photos.ts";
import { runWorkers } from "../align/pool.ts";
import type { Job } from "../align/worker.ts";
import type { OutputNames } from "../files/names.ts";
import { Progress } from "../faces/progress.ts";
import { type DataSet, keyOf, readSamples, type Sample } from "./data_set.ts";
import { isFile } from "./layout.ts";
import { Notes } from "./notes.ts";
import { Ffmpeg } from "./video.ts";

/** How the faces are made. */
export interface Settings {
  readonly root: string;
  readonly out: string;
  /** Side of a face in pixels. */
  readonly size: number;
  readonly workers: number;
  /** Whose points align a face. */
  readonly points: "finder" | "set";
  /** Of the labelled frames of a sequence, every n-th. */
  readonly every: number;
}

/** How a video came out: how many frames it has, and why it ended before its end. */
export interface Clip {
  readonly source: string;
  readonly frames: number;
  readonly reason?: string;
  readonly why?: "missing" | "unreadable";
}

/** The journal of a manifest: an entry a face, and a line a video. */
export type SampleJournal = Journal<Entry | Clip>;

/** Whether a sample is to be aligned: every n-th frame of a sequence, counted by the frame's number. */
export function isWanted({ frame }: Sample, every: number): boolean {
  return frame === undefined || frame % every === 0;
}

/** Aligns what the journal does not know yet. @throws {LayoutError} there are videos but no ffmpeg */
export async function alignSamples(
  set: DataSet,
  settings: Settings,
  journal: SampleJournal,
  names: OutputNames,
): Promise<void> {
  const isDone = (sample: Sample) => journal.has(keyOf(sample)) && hasFace(settings.out, journal, sample);
  let left = 0;
  const openVideos = new Set<string>();
  for await (const sample of readSamples(set, new Notes())) {
    if (sample.position !== undefined && !journal.has(sample.source)) openVideos.add(sample.source);
    if (!isWanted(sample, settings.every) || isDone(sample)) continue;
    left++;
    if (sample.position !== undefined) openVideos.add(sample.source);
  }
  if (left === 0 && openVideos.size === 0) return;
  const ffmpeg = openVideos.size > 0 ? await Ffmpeg.open() : undefined;
  const progress = new Progress("faces aligned", left);

  async function* jobs(): AsyncGenerator<Job> {
    let clip: Sample[] = [];
    for await (const sample of readSamples(set, new Notes())) {
      if (clip.length > 0 && clip[0].source !== sample.source) {
        yield* jobsOfClip(clip);
        clip = [];
      }
      if (settings.points === "set" && !sample.points) {
        if (!isDone(sample)) {
          journal.add({ source: keyOf(sample), reason: "The set has no landmarks of it.", why: "no face" });
        }
      } else if (sample.position !== undefined) {
        if (openVideos.has(sample.source)) clip.push(sample);
      } else if (isWanted(sample, settings.every) && !isDone(sample)) {
        const image = names.take(facePath(sample.source), sample.source);
        yield jobOf(sample, image, pathOf(settings.root, sample.source), settings);
      }
    }
    if (clip.length > 0) yield* jobsOfClip(clip);
  }

  async function* jobsOfClip(clip: readonly Sample[]): AsyncGenerator<Job> {
    const { source } = clip[0], path = pathOf(settings.root, source);
    if (!isFile(path)) {
      journal.add({ source, frames: 0, reason: "The file does not exist.", why: "missing" });
      return;
    }
    const wanted = new Map(
      clip.filter((sample) => isWanted(sample, settings.every) && !isDone(sample))
        .map((sample) => [sample.position!, sample]),
    );
    const folder = names.take(folderOf(source), source);
    const frames = ffmpeg!.frames(path, (position) => wanted.has(position));
    let count = 0, next = await frames.next();
    for (; !next.done; next = await frames.next()) {
      count++;
      const { position, pixels } = next.value;
      if (!pixels) continue;
      const sample = wanted.get(position)!;
      yield jobOf(sample, `${folder}/${String(sample.frame).padStart(6, "0")}.jpg`, pixels, settings);
    }
    const reason = next.value;
    if (reason || !journal.has(source)) {
      journal.add({ source, frames: count, ...(reason && { reason, why: "unreadable" }) });
    }
  }

  await runWorkers(jobs(), Math.min(settings.workers, Math.max(1, left)), (entry) => {
    journal.add(entry);
    progress.step();
  });
  progress.end();
}

function jobOf(sample: Sample, image: string, from: Job["from"], { out, size, points }: Settings): Job {
  return {
    source: keyOf(sample),
    from,
    to: out,
    image,
    size,
    known: points === "set" ? { points: sample.points } : { box: sample.box },
    ...(points === "finder" && { compare: sample.points }),
  };
}

/** Where a source is; a table may compose the letters of its name otherwise than the file system does. */
function pathOf(root: string, source: string): string {
  const path = resolve(root, source);
  if (isFile(path)) return path;
  return ["NFC", "NFD"].map((form) => resolve(root, source.normalize(form))).find(isFile) ?? path;
}

/** Where the frames of a video go, unless those of another are there already. */
function folderOf(source: string): string {
  return facePath(source).replace(/\.jpg$/, "");
}

/** Notes the names that a journal gave out before. */
export function reserveNames(names: OutputNames, entry: Entry | Clip): void {
  if (!("image" in entry)) return;
  const [, video] = /^(.*)#-?\d+$/.exec(entry.source) ?? [];
  const isFrame = video !== undefined && /\/\d{6,}\.jpg$/.test(entry.image);
  if (isFrame) names.reserve(dirname(entry.image), video);
  else names.reserve(entry.image, entry.source);
}

/** Whether the face that the journal speaks of is still there. */
function hasFace(out: string, journal: SampleJournal, sample: Sample): boolean {
  const entry = journal.read(keyOf(sample))!;
  return !("image" in entry) || isFile(join(out, entry.image));
}
