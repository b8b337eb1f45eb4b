/**
 * What a manifest holds, counted while it is written.
 * @module
 */
import { EMOTIONS } from "@emoco/web/facs";
import type { AlignedFace } from "../align/journal.ts";
import type { Labels, Sample } from "./data_set.ts";

/** Labels of one action unit over all faces. */
export interface UnitCount {
  present: number;
  absent: number;
  unlabelled: number;
  /** Faces of each whole intensity 0-5. */
  readonly intensity: number[];
}

/** A face of the manifest, as far as the report shows it. */
export interface ShownFace extends AlignedFace {
  readonly sample: Sample;
}

/** Counts, and the faces that the report shows. */
export class Summary {
  faces = 0;
  /** Photos that show several faces. */
  several = 0;
  readonly emotions = new Map<string, number>(EMOTIONS.map((emotion) => [emotion, 0]));
  readonly splits = new Map<string, number>();
  readonly units = new Map<number, UnitCount>();
  readonly subjects = new Map<string, { faces: number; missed: number }>();
  /** Drawn from all faces alike, by a hash of their names, so that the same set always shows the same. */
  readonly drawn = new Best<ShownFace>(200, ({ image }) => hash(image));
  readonly leastSure = new Best<ShownFace>(12, ({ photo }) => photo.score ?? Infinity);
  readonly farthestOff = new Best<ShownFace>(12, ({ photo }) => -(photo.off ?? -Infinity));
  readonly missed = new Best<Sample>(12, ({ source }) => hash(source));
  /** Faces by the distance between the finder's points and the set's, in hundredths of the eyes' distance. */
  readonly off: number[] = new Array(101).fill(0);

  /** Counts a face. */
  add(sample: Sample, face: AlignedFace): void {
    const { photo } = face, { labels } = sample;
    this.faces++;
    if ((photo.faces ?? 1) > 1) this.several++;
    if (labels.emotion) count(this.emotions, labels.emotion);
    if (labels.split) count(this.splits, labels.split);
    this.#units(labels);
    this.#subject(labels.subject).faces++;
    if (photo.off !== undefined) this.off[Math.min(100, Math.round(photo.off * 100))]++;
    const shown = { ...face, sample };
    this.drawn.offer(shown);
    if (photo.score !== undefined) this.leastSure.offer(shown);
    if (photo.off !== undefined) this.farthestOff.offer(shown);
  }

  /** Counts a sample that gave no face. */
  miss(sample: Sample): void {
    this.#subject(sample.labels.subject).missed++;
    if (sample.position === undefined) this.missed.offer(sample);
  }

  /** The distance that half of the faces stay below, in parts of the eyes' distance. */
  medianOff(): number | undefined {
    const half = this.off.reduce((sum, faces) => sum + faces, 0) / 2;
    if (half === 0) return undefined;
    let below = 0;
    return this.off.findIndex((faces) => (below += faces) >= half) / 100;
  }

  #units({ present = {}, intensity = {} }: Labels): void {
    for (const key of new Set([...Object.keys(present), ...Object.keys(intensity)])) {
      const unit = this.units.get(Number(key)) ??
        { present: 0, absent: 0, unlabelled: 0, intensity: [0, 0, 0, 0, 0, 0] };
      this.units.set(Number(key), unit);
      const is = present[key] ?? null, grade = intensity[key] ?? null;
      unit[is === null ? "unlabelled" : is === 1 ? "present" : "absent"]++;
      if (grade !== null) unit.intensity[Math.round(grade)]++;
    }
  }

  #subject(subject: string): { faces: number; missed: number } {
    const known = this.subjects.get(subject) ?? { faces: 0, missed: 0 };
    this.subjects.set(subject, known);
    return known;
  }
}

/** The subjects that have faces. */
export function withFaces(subjects: Summary["subjects"]): Set<string> {
  return new Set([...subjects].filter(([, { faces }]) => faces > 0).map(([subject]) => subject));
}

/** Keeps the few of many with the lowest rank, in its order. */
export class Best<T> {
  readonly #kept: { rank: number; item: T }[] = [];

  constructor(private readonly size: number, private readonly rank: (item: T) => number) {}

  offer(item: T): void {
    const rank = this.rank(item), last = this.#kept.at(-1);
    if (this.#kept.length === this.size && rank >= last!.rank) return;
    const at = this.#kept.findIndex((kept) => kept.rank > rank);
    this.#kept.splice(at < 0 ? this.#kept.length : at, 0, { rank, item });
    if (this.#kept.length > this.size) this.#kept.pop();
  }

  get items(): readonly T[] {
    return this.#kept.map(({ item }) => item);
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** FNV-1a, a number that looks drawn by lot. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value ^= value >>> 15; // neighbours' names differ in their last letters only
  return Math.imul(value, 0x2c1b3c6d) >>> 0;
}
