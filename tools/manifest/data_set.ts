/**
 * What every data set comes down to: samples in a fixed order, and notes on what did not fit.
 * @module
 */
import type { Emotion } from "@emoco/web/facs";
import type { Box } from "@emoco/web/face-finder";
import type { FacePoints } from "@emoco/web/image";
import type { Notes } from "./notes.ts";

/** Occurrence or intensity of each action unit by its number; `null` where nobody coded it or it cannot be seen. */
export type UnitLabels = Readonly<Record<string, number | null>>;

/** The fields of a manifest line that the labels give. */
export interface Labels {
  readonly subject: string;
  readonly emotion?: Emotion;
  readonly split?: "pretrain" | "au" | "test";
  readonly present?: UnitLabels;
  readonly intensity?: UnitLabels;
  /** What else the set knows, kept as it is. */
  readonly [other: string]: unknown;
}

/** A face that the labels speak of, in a picture or in one frame of a video. */
export interface Sample {
  /** Path of the picture or video inside the root, with forward slashes. */
  readonly source: string;
  /** Set for a frame of a video: its place, from 0. */
  readonly position?: number;
  /** Number of the frame as the labels have it, also where frames come as pictures. */
  readonly frame?: number;
  readonly labels: Labels;
  /** Where the set says that the face is, in pixels of the picture. */
  readonly box?: Box;
  /** The set's own landmarks, in pixels of the picture. */
  readonly points?: FacePoints;
}

/** A data set as it was delivered, found in its folder. */
export interface DataSet {
  /** Goes into the field `set` of every manifest line; "" for folders and tables of one's own. */
  readonly name: string;
  /** Whether it has landmarks of its own to align by. */
  readonly hasPoints: boolean;
  /**
   * Reads the labels, a sample at a time and in the same order at each call. The frames of a video follow one another
   * with rising positions. What does not fit is noted.
   */
  samples(notes: Notes): AsyncIterable<Sample>;
}

/** The root is not what was asked for, or an option does not fit; the message says what was looked for. */
export class LayoutError extends Error {
  override name = "LayoutError";
}

/** A set's samples, each once: labels that come a second time for the same face are noted and left out. */
export async function* readSamples(set: DataSet, notes: Notes): AsyncGenerator<Sample> {
  const seen = new Set<string>();
  for await (const sample of set.samples(notes)) {
    const key = keyOf(sample);
    if (seen.has(key)) notes.add("labelled twice", key.replace("#", ", position "));
    else yield withPlainSubject(sample);
    seen.add(key);
  }
}

/** One person's name may be composed in two ways (ü, or u and its dots); they are one person. */
function withPlainSubject(sample: Sample): Sample {
  const { subject } = sample.labels, plain = subject.normalize("NFC");
  return plain === subject ? sample : { ...sample, labels: { ...sample.labels, subject: plain } };
}

/** The name of a sample in the journal: its source, and the position of a frame. */
export function keyOf({ source, position }: Sample): string {
  return position === undefined ? source : `${source}#${position}`;
}
