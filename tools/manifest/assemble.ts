/**
 * From labels and the journal of the alignment to `manifest.jsonl`, in the order of the labels.
 * @module
 */
import { join } from "node:path";
import type { Entry } from "../align/journal.ts";
import { type Clip, isWanted, type SampleJournal, type Settings } from "./align_samples.ts";
import { type DataSet, keyOf, readSamples, type Sample } from "./data_set.ts";
import { notePassedOver } from "./layout.ts";
import { type Kind, Notes } from "./notes.ts";
import { Summary } from "./summary.ts";

/** What was written, and what did not fit. */
export interface Assembled {
  readonly summary: Summary;
  readonly notes: Notes;
  /** Faces the labels speak of and that were asked for. */
  readonly samples: number;
  readonly videos: number;
}

/** Writes `manifest.jsonl` and `problems.tsv` whole or not at all; memory does not grow with their length. */
export async function assemble(set: DataSet, settings: Settings, journal: SampleJournal): Promise<Assembled> {
  using manifest = new LineFile(join(settings.out, "manifest.jsonl"));
  using problems = new LineFile(join(settings.out, "problems.tsv"));
  const notes = new Notes((kind, what, count) => problems.add(`${kind}\t${what}\t${count}`));
  const summary = new Summary();
  let samples = 0, videos = 0;
  let clip: { source: string; frames: Clip | undefined; labelled: number; beyond: number } | undefined;
  const endClip = () => {
    if (!clip) return;
    videos++;
    const { source, frames, labelled, beyond } = clip;
    if (frames?.why === "unreadable") {
      notes.add("unreadable files", `${source}: ends after frame ${frames.frames} (${frames.reason})`);
    } else if (frames?.why === "missing") notes.add("unreadable files", `${source}: ${frames.reason}`);
    if (beyond > 0) {
      const has = frames ? `, which has ${frames.frames} frames` : "";
      notes.add("labels without a picture", `${source}${has}`, beyond);
    }
    const others = (frames?.frames ?? 0) - labelled;
    if (others > 0) notes.add("pictures without labels", source, others);
    clip = undefined;
  };

  for await (const sample of readSamples(set, notes)) {
    if (clip?.source !== sample.source) endClip();
    if (sample.position !== undefined) {
      const { source, position } = sample;
      clip ??= { source, frames: journal.read(source) as Clip | undefined, labelled: 0, beyond: 0 };
      if (position >= 0 && position < (clip.frames?.frames ?? 0)) clip.labelled++;
      else {
        clip.beyond++;
        continue;
      }
    }
    if (!isWanted(sample, settings.every)) continue;
    samples++;
    const entry = journal.read(keyOf(sample)) as Entry | undefined;
    if (!entry || "reason" in entry) {
      summary.miss(sample);
      noteFailure(notes, sample, entry);
    } else {
      summary.add(sample, entry);
      const { image, photo } = entry;
      if (photo.warnings?.includes("damaged")) notes.add("damaged pictures", keyOf(sample));
      const isPicture = sample.position === undefined;
      const line = {
        image,
        ...sample.labels,
        ...(set.name && { set: set.name }),
        ...(isPicture && { source: sample.source }),
        photo,
      };
      manifest.add(JSON.stringify(line));
    }
  }
  endClip();
  notePassedOver(settings.root, notes);
  manifest.finish();
  problems.finish();
  return { summary, notes, samples, videos };
}

function noteFailure(notes: Notes, sample: Sample, entry: Entry | undefined): void {
  const { source, frame, position } = sample;
  const name = position === undefined ? source : `${source}, frame ${frame}`;
  if (!entry || !("reason" in entry)) return notes.add("labels without a picture", name);
  const kind: Kind = {
    missing: "labels without a picture",
    unreadable: "unreadable files",
    "no face": "no face",
  }[entry.why] as Kind;
  notes.add(kind, kind === "unreadable files" ? `${name}: ${entry.reason}` : name);
}

/** A file that is written line by line and takes its name when it is whole. */
class LineFile implements Disposable {
  readonly #file: Deno.FsFile;
  #lines: string[] = [];

  constructor(private readonly path: string) {
    this.#file = Deno.openSync(`${path}.part`, { write: true, create: true, truncate: true });
  }

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length >= 1000) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#file.syncSync();
    Deno.renameSync(`${this.path}.part`, this.path);
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #flush(): void {
    const bytes = new TextEncoder().encode(this.#lines.map((line) => `${line}\n`).join(""));
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#lines = [];
  }
}
