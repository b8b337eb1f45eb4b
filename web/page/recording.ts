/**
 * What was measured, frame by frame, in flat arrays that are made in large pieces: nothing is left for the garbage
 * collector, and an hour of one face at 30 frames a second takes 20 MB.
 * @module
 */
import { FULL_INTENSITY, judgeUnit } from "../detected_unit.ts";
import { parseReadings, readingColumns, writeReadings } from "../face_readings.ts";
import type { DetectedFace } from "../detector.ts";
import type { ModelCard } from "../model_card.ts";
import { POINT_NUMBERS, readPoints, writePoints } from "./recorded_points.ts";

/** Faces a piece. */
const PIECE = 4096;
/** Most pieces; then the oldest one is dropped. About 2 hours of one face at 30 frames a second. */
const MOST_PIECES = 53;
/** Before the probabilities: face, score, box, points. */
const HEAD = 14;

/** Times closer than this are one, in seconds. */
const SAME_TIME = 1e-4;

/** A face with its number. */
export interface TrackedFace extends DetectedFace {
  /** Its number in this recording, from 1 on. */
  readonly id: number;
}

/** A face as it was recorded: all numbers to the precision of float32. */
export interface RecordedFace
  extends Pick<DetectedFace, "box" | "score" | "points" | "points68" | "pose" | "gaze" | "openness"> {
  readonly id: number;
  /** In the order of the card. */
  readonly probabilities: readonly number[];
  /** 0-5, of models that know them. */
  readonly intensities?: readonly number[];
  /** 0-1, of models that know it. */
  readonly visible?: readonly number[];
  readonly emotions: readonly number[];
}

/** A frame as it was recorded. */
export interface RecordedFrame {
  readonly frame: number;
  /** Seconds. */
  readonly time: number;
  readonly faces: readonly RecordedFace[];
}

interface Piece {
  readonly times: Float64Array;
  readonly frames: Int32Array;
  readonly values: Float32Array;
  /** See `recorded_points.ts`; empty where the model has none. */
  readonly points: Int16Array;
  rows: number;
}

/** Numbers over time, as they are charted. */
export interface Series {
  /** Seconds, rising. */
  readonly times: Float64Array;
  /** For each action unit what it was at each time; null where the face was away. */
  readonly values: (Float64Array | (number | null)[])[];
}

/** The frames of one source, oldest first. */
export class Recording {
  readonly #pieces: Piece[] = [];
  readonly #width: number;
  /** Where in a row these begin; -1 where the model does not have them. */
  readonly #at: { intensities: number; visible: number; emotions: number; readings: number };
  readonly #points: number;
  #frames = 0;

  /** @param card of the model that measures */
  constructor(readonly card: Pick<ModelCard, "aus" | "emotions" | "target" | "outputs">) {
    const { aus, emotions, target, outputs = [] } = card;
    let end = HEAD + aus.length;
    const take = (count: number) => (end += count) - count;
    // Without a calibration the intensity is five times the probability.
    const isApart = target === "intensity" && aus.some(({ calibration }) => calibration);
    this.#at = {
      intensities: isApart ? take(aus.length) : -1,
      visible: outputs.includes("visible") ? take(aus.length) : -1,
      emotions: take(emotions?.length ?? 0),
      readings: take(readingColumns(outputs).length),
    };
    this.#width = end;
    this.#points = outputs.includes("points") ? POINT_NUMBERS : 0;
  }

  /** Frames that were added. */
  get frames(): number {
    return this.#frames;
  }

  /** Seconds of the newest frame; 0 before the first. */
  get lastTime(): number {
    const piece = this.#pieces.at(-1);
    return piece ? piece.times[piece.rows - 1] : 0;
  }

  /** Adds a frame; one without a face is kept as such. */
  add(frame: number, time: number, faces: readonly TrackedFace[]): void {
    this.#frames++;
    this.#makeRoom(Math.max(1, faces.length));
    if (faces.length === 0) this.#row(frame, time); // face 0: nobody
    for (let i = 0; i < faces.length; i++) {
      this.#write(this.#row(frame, time), faces[i]);
      const piece = this.#pieces[this.#pieces.length - 1];
      if (this.#points > 0) writePoints(piece.points, (piece.rows - 1) * this.#points, faces[i]);
    }
  }

  /** All frames, oldest first. */
  *read(): Generator<RecordedFrame> {
    let open: { frame: number; time: number; faces: RecordedFace[] } | undefined;
    for (const piece of this.#pieces) {
      const { times, frames, rows } = piece;
      for (let row = 0; row < rows; row++) {
        if (open && open.frame !== frames[row]) {
          yield open;
          open = undefined;
        }
        open ??= { frame: frames[row], time: times[row], faces: [] };
        const face = this.#face(piece, row);
        if (face.id > 0) open.faces.push(face);
      }
    }
    if (open) yield open;
  }

  /** The faces of the frame that is shown at a time, as the card's thresholds see them; none before the first. */
  at(time: number): TrackedFace[] {
    const piece = this.#pieces.findLast(({ times }) => times[0] <= time + SAME_TIME);
    if (!piece) return [];
    let row = piece.rows - 1;
    while (piece.times[row] > time + SAME_TIME) row--;
    const shown = piece.frames[row], faces: TrackedFace[] = [];
    for (; row >= 0 && piece.frames[row] === shown; row--) {
      const face = this.#face(piece, row);
      if (face.id > 0) faces.unshift(this.#judge(face));
    }
    return faces;
  }

  /**
   * Action units of one face from a time on: seconds, and for each unit its probability, of a model of intensity the share
   * of the full one, with null where the face was away.
   * @param units their places in the card's order
   */
  series(face: number, units: readonly number[], from: number): Series {
    const { intensities } = this.#at;
    const first = intensities < 0 ? HEAD : intensities, unit = intensities < 0 ? 1 : FULL_INTENSITY;
    let rows = 0, last = -1;
    for (const piece of this.#pieces) rows += piece.rows - firstRow(piece, from);
    const times = new Float64Array(rows), values = units.map(() => new Float64Array(rows).fill(NaN));
    for (const piece of this.#pieces) {
      for (let row = firstRow(piece, from); row < piece.rows; row++) {
        const at = row * this.#width;
        if (last < 0 || times[last] !== piece.times[row]) times[++last] = piece.times[row];
        if (piece.values[at] !== face) continue;
        for (let i = 0; i < units.length; i++) values[i][last] = piece.values[at + first + units[i]] / unit;
      }
    }
    const count = last + 1;
    return { times: times.subarray(0, count), values: values.map((list) => withNulls(list, count)) };
  }

  /** A frame's faces stay together in one piece. */
  #makeRoom(rows: number): void {
    const piece = this.#pieces.at(-1);
    if (piece && piece.rows + rows <= PIECE) return;
    this.#pieces.push({
      times: new Float64Array(PIECE),
      frames: new Int32Array(PIECE),
      values: new Float32Array(PIECE * this.#width),
      points: new Int16Array(PIECE * this.#points),
      rows: 0,
    });
    if (this.#pieces.length > MOST_PIECES) this.#pieces.shift();
  }

  #row(frame: number, time: number): Float32Array {
    const piece = this.#pieces[this.#pieces.length - 1], row = piece.rows++;
    piece.times[row] = time;
    piece.frames[row] = frame;
    return piece.values.subarray(row * this.#width, (row + 1) * this.#width);
  }

  /** In the order in which #face reads; no list is made on the way, 30 times a second. */
  #write(row: Float32Array, face: TrackedFace): void {
    const { id, score, box, points, aus, emotions } = face, at = this.#at;
    row[0] = id;
    row[1] = score;
    row[2] = box.x;
    row[3] = box.y;
    row[4] = box.width;
    row[5] = box.height;
    row.set(points.leftEye, 6);
    row.set(points.rightEye, 8);
    row.set(points.nose, 10);
    row.set(points.mouth, 12);
    const names = this.card.emotions ?? [];
    for (let i = 0; i < aus.length; i++) {
      row[HEAD + i] = aus[i].probability;
      if (at.intensities >= 0) row[at.intensities + i] = aus[i].intensity ?? NaN;
      if (at.visible >= 0) row[at.visible + i] = aus[i].visible ?? NaN;
    }
    for (let i = 0; i < names.length; i++) row[at.emotions + i] = emotions?.[names[i]] ?? NaN;
    writeReadings(face, this.card.outputs, row, at.readings);
  }

  #judge({ probabilities, intensities, visible, emotions, ...face }: RecordedFace): TrackedFace {
    return {
      ...face,
      aus: this.card.aus.map((unit, i) => judgeUnit(unit, probabilities[i], intensities?.[i], visible?.[i])),
      ...this.card.emotions &&
        { emotions: Object.fromEntries(this.card.emotions.map((name, i) => [name, emotions[i]])) },
    };
  }

  #face({ values, points: places }: Piece, row: number): RecordedFace {
    const numbers = values.subarray(row * this.#width, (row + 1) * this.#width);
    const [id, score, x, y, width, height, ...points] = numbers.subarray(0, HEAD);
    const { aus, emotions, target, outputs } = this.card, at = this.#at;
    const of = (start: number, count = aus.length) => [...numbers.subarray(start, start + count)];
    const probabilities = of(HEAD);
    return {
      id,
      score,
      box: { x, y, width, height },
      points: {
        leftEye: [points[0], points[1]],
        rightEye: [points[2], points[3]],
        nose: [points[4], points[5]],
        mouth: [points[6], points[7]],
      },
      ...this.#points > 0 && { points68: readPoints(places, row * this.#points, x, y, width) },
      ...parseReadings(numbers, outputs, at.readings),
      probabilities,
      ...target === "intensity" && {
        intensities: at.intensities < 0
          ? probabilities.map((value) => FULL_INTENSITY * value)
          : of(at.intensities),
      },
      ...at.visible >= 0 && { visible: of(at.visible) },
      emotions: of(at.emotions, emotions?.length ?? 0),
    };
  }
}

/** The first numbers of a list; in a list of another kind, which takes more memory, where there are gaps among them. */
function withNulls(list: Float64Array, count: number): Float64Array | (number | null)[] {
  const numbers = list.subarray(0, count);
  return numbers.includes(NaN) ? Array.from(numbers, (one) => Number.isNaN(one) ? null : one) : numbers;
}

/** The first row of a piece that is no earlier than a time. */
function firstRow({ times, rows }: Piece, from: number): number {
  let low = 0, high = rows;
  while (low < high) {
    const middle = low + high >> 1;
    if (times[middle] < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
