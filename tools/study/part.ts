/** What a part of the study is: a plan of runs, and what is drawn of their results. */
import type { StudyResults } from "./results.ts";
import type { Asked, StudyResult, StudyRun } from "./run.ts";

/** A picture beside the text. */
export interface Chart {
  /** "table4-updates.svg" */
  file: string;
  title: string;
  /** A whole SVG file; "" where the results give none, absent where a run has written the file. */
  svg?: string;
  /** In pixels of the page (default: 420). */
  width?: number;
}

/** One table or figure; each stands in a file of its own. */
export interface Part {
  /** What `--only` takes. */
  name: string;
  /** What it asks, in a few words, for `--help` and messages. */
  about: string;
  /**
   * All runs that are known to be needed after `done`, in the order in which they are worth having. A part that chooses
   * learns of more runs as results come in.
   */
  plan(asked: Asked, done: readonly StudyResult[]): StudyRun[];
  /** @throws {UsageError} what the part needs and was not given */
  demand?(asked: Asked): void;
  /** What a plan needs that takes time to know. */
  prepare?(asked: Asked): Promise<void>;
  /** Markdown, and the charts that belong below it. */
  draw(results: StudyResults): { text: string; charts: Chart[] };
}
