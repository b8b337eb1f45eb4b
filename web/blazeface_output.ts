/**
 * What BlazeFace's numbers mean: anchors, boxes, and which of them are the same face.
 * @module
 */
import type { Point } from "./similarity.ts";
import type { Values } from "./inference.ts";

/** Side in pixels of the input that the model was made for. It takes any multiple of 32. */
export const SIDE = 256;

/** The two grids of anchors: pixels a cell, anchors a cell, and the outputs with their scores and boxes. */
export const GRIDS = [
  { step: 16, anchors: 2, scores: "Identity:0", boxes: "Identity_2:0" },
  { step: 32, anchors: 6, scores: "Identity_1:0", boxes: "Identity_3:0" },
] as const;

/** A face as the model tells it. */
export interface Candidate {
  /** 0-1. */
  readonly score: number;
  /** Sides of the box. */
  readonly width: number;
  readonly height: number;
  /** Box centre, right eye, left eye, nose tip, mouth centre, right ear, left ear; right and left are the subject's. */
  readonly points: readonly Point[];
}

/** Numbers a box: centre, sides, and six points. */
const VALUES = 16;
/** Boxes that overlap more than this (intersection over union) are the same face. */
const SAME_FACE = 0.3;

/** The candidates above a score, in pixels of the input, `side` a side; those that overlap are blended into one. */
export function readCandidates(outputs: Record<string, Values>, side: number, minScore: number): Candidate[] {
  const candidates: Candidate[] = [];
  for (const { step, anchors, scores, boxes } of GRIDS) {
    const logits = outputs[scores].data, raw = outputs[boxes].data, cells = side / step;
    for (let i = 0; i < logits.length; i++) {
      const score = 1 / (1 + Math.exp(-logits[i]));
      if (score < minScore) continue;
      const cell = Math.floor(i / anchors);
      const x = (cell % cells + 0.5) * step, y = (Math.floor(cell / cells) + 0.5) * step;
      const numbers = raw.subarray(i * VALUES, (i + 1) * VALUES);
      const points = [0, 4, 6, 8, 10, 12, 14].map((v): Point => [x + numbers[v], y + numbers[v + 1]]);
      candidates.push({ score, width: numbers[2], height: numbers[3], points });
    }
  }
  return blend(candidates);
}

/** Weighted suppression (BlazeFace, section 4): what overlaps the surest candidate is averaged into it by score. */
function blend(candidates: Candidate[]): Candidate[] {
  const blended: Candidate[] = [];
  let rest = [...candidates].sort((one, other) => other.score - one.score);
  while (rest.length > 0) {
    const [surest] = rest;
    const same = rest.filter((candidate) => candidate === surest || isSameFace(surest, candidate));
    const total = same.reduce((sum, { score }) => sum + score, 0);
    const mean = (value: (candidate: Candidate) => number) =>
      same.reduce((sum, candidate) => sum + candidate.score * value(candidate), 0) / total;
    blended.push({
      score: surest.score,
      width: mean(({ width }) => width),
      height: mean(({ height }) => height),
      points: surest.points.map((
        _,
        p,
      ): Point => [mean(({ points }) => points[p][0]), mean(({ points }) => points[p][1])]),
    });
    rest = rest.filter((candidate) => !same.includes(candidate));
  }
  return blended;
}

/** Of candidates for the same face the surest one. */
export function keepSurest(candidates: readonly Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of [...candidates].sort((one, other) => other.score - one.score)) {
    if (!kept.some((better) => isSameFace(better, candidate))) kept.push(candidate);
  }
  return kept;
}

/** Whether two candidates overlap so much that they are one face. */
export function isSameFace(one: Candidate, other: Candidate): boolean {
  const [[x1, y1]] = one.points, [[x2, y2]] = other.points;
  const width = shared(x1, one.width, x2, other.width), height = shared(y1, one.height, y2, other.height);
  const both = width * height;
  return both > SAME_FACE * (one.width * one.height + other.width * other.height - both);
}

function shared(center: number, length: number, otherCenter: number, otherLength: number): number {
  const from = Math.max(center - length / 2, otherCenter - otherLength / 2);
  const to = Math.min(center + length / 2, otherCenter + otherLength / 2);
  return Math.max(0, to - from);
}
