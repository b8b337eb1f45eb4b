/**
 * What a film's rows say of each person: how long each unit was there, how often, how strongly; blinks; the resting face.
 * @module
 */
import { FACE, type RowLayout, TIME } from "./row.ts";
import type { Spool } from "./spool.ts";

/** Steps of a unit's strength, from 0 to full, in which it is counted. */
const STEPS = 500;
/** Openness of eyes is counted to this, in so many steps. */
const WIDEST = 1, EYE_STEPS = 250;
/**
 * A person's resting face: the strength of a unit below which a quarter of that person's frames lie. A unit that is at
 * work for less than three quarters of the film does not raise it.
 */
const RESTING = 0.25;
/** Episodes with a shorter pause between them are one, in seconds. */
const PAUSE = 0.1;
/** A blink: the lids' gap falls below the first share of how far this person's eyes usually stand open, and rises over the second within seconds. */
const SHUT = 0.5, OPEN_AGAIN = 0.7, LONGEST_BLINK = 0.5, USUALLY_OPEN = 0.75;

/** What is known of one action unit of one person. */
export interface UnitStatistics {
  /** Seconds in which it could be seen, and was present. */
  seen: number;
  present: number;
  /** How often it began. */
  episodes: number;
  /** Mean and highest strength: intensity, or probability where the model has no other. */
  mean: number;
  peak: number;
  /** Seconds of the film. */
  peakTime: number;
  /** Strength of the resting face. */
  resting: number;
}

/** What is known of one person of a film. */
export interface Person {
  readonly face: number;
  frames: number;
  /** Seconds in sight. */
  seconds: number;
  first: number;
  last: number;
  /** A minute in sight; undefined where the model sees neither openness nor closed eyes. */
  blinks?: number;
  readonly units: UnitStatistics[];
}

/** What is known of a film. */
export interface FilmStatistics {
  readonly frames: number;
  /** Without any face. */
  readonly empty: number;
  /** Seconds from the first frame to the end of the last. */
  readonly seconds: number;
  readonly persons: readonly Person[];
}

interface Counting extends Person {
  readonly histograms: Uint32Array[];
  readonly eyes: Uint32Array;
  readonly lastPresent: number[];
  readonly sums: number[];
  closedSince: number;
  closings: number;
}

/** Reads all rows twice: for how the person usually is, then for what happens. */
export function summarise(layout: RowLayout, rows: Pick<Spool, "read">): FilmStatistics {
  const persons = new Map<number, Counting>(), { aus, target } = layout.card;
  const full = target === "intensity" ? 5 : 1;
  const [leftEye, rightEye] = ["open_left_eye", "open_right_eye"].map((name) => layout.reading(name));
  const lids = aus.findIndex(({ au }) => au === 45) < 0
    ? aus.findIndex(({ au }) => au === 43)
    : aus.findIndex(({ au }) => au === 45);
  let frames = 0, empty = 0, first = NaN, last = NaN;
  for (const row of rows.read()) {
    const time = row[TIME];
    if (time !== last) frames++;
    if (Number.isNaN(first)) first = time;
    last = time;
    if (row[FACE] === 0) {
      empty++;
      continue;
    }
    const person = persons.get(row[FACE]) ?? begin(row[FACE], aus.length, time);
    persons.set(row[FACE], person);
    aus.forEach((_, i) => count(person.histograms[i], row[layout.strength(i)] / full));
    if (leftEye >= 0) count(person.eyes, (row[leftEye] + row[rightEye]) / 2 / WIDEST);
  }
  const usual = frames > 1 ? (last - first) / (frames - 1) : 0;
  const openness = new Map([...persons].map(([id, { eyes }]) => [id, WIDEST * quantile(eyes, USUALLY_OPEN)]));
  for (const { row, seconds } of withDurations(rows.read(), usual)) {
    const person = persons.get(row[FACE]);
    if (!person) continue;
    person.frames++;
    person.seconds += seconds;
    person.last = row[TIME];
    for (let i = 0; i < aus.length; i++) take(person, i, row, layout, seconds);
    const open = openness.get(row[FACE])!;
    const isKnown = leftEye >= 0 || lids >= 0;
    if (!isKnown) continue;
    const isClosed = person.closedSince >= 0;
    const level = leftEye >= 0 ? (row[leftEye] + row[rightEye]) / 2 / open : 1 - row[layout.present(lids)];
    if (!isClosed && level < SHUT) person.closedSince = row[TIME];
    else if (isClosed && level > OPEN_AGAIN) {
      if (row[TIME] - person.closedSince <= LONGEST_BLINK) person.closings++;
      person.closedSince = -1;
    }
  }
  return {
    frames,
    empty,
    seconds: frames > 0 ? last - first + usual : 0,
    persons: [...persons.values()].sort((one, other) => one.face - other.face).map((person) => ({
      face: person.face,
      frames: person.frames,
      seconds: person.seconds,
      first: person.first,
      last: person.last,
      ...(leftEye >= 0 || lids >= 0) && person.seconds > 0 &&
        { blinks: 60 * person.closings / person.seconds },
      units: person.units.map((unit, i) => ({
        ...unit,
        mean: unit.seen > 0 ? person.sums[i] / unit.seen : NaN,
        resting: full * quantile(person.histograms[i], RESTING),
      })),
    })),
  };
}

function begin(face: number, units: number, time: number): Counting {
  return {
    face,
    frames: 0,
    seconds: 0,
    first: time,
    last: time,
    units: Array.from({ length: units }, () => ({
      seen: 0,
      present: 0,
      episodes: 0,
      mean: NaN,
      peak: NaN,
      peakTime: NaN,
      resting: NaN,
    })),
    histograms: Array.from({ length: units }, () => new Uint32Array(STEPS + 1)),
    eyes: new Uint32Array(EYE_STEPS + 1),
    lastPresent: new Array(units).fill(-Infinity),
    sums: new Array(units).fill(0),
    closedSince: -1,
    closings: 0,
  };
}

function take(person: Counting, i: number, row: Float64Array, layout: RowLayout, seconds: number): void {
  const unit = person.units[i], strength = row[layout.strength(i)], time = row[TIME];
  if (Number.isNaN(strength)) return;
  unit.seen += seconds;
  person.sums[i] += strength * seconds;
  if (!(strength <= unit.peak)) {
    unit.peak = strength;
    unit.peakTime = time;
  }
  if (row[layout.present(i)] !== 1) return;
  unit.present += seconds;
  if (time - person.lastPresent[i] > PAUSE + seconds) unit.episodes++;
  person.lastPresent[i] = time;
}

/** Each row with the seconds until the next frame; the last one's are usual ones. */
function* withDurations(
  rows: Iterable<Float64Array>,
  usual: number,
): Generator<{ row: Float64Array; seconds: number }> {
  let frame: Float64Array[] = [];
  for (const row of rows) {
    const passed = frame.length > 0 ? row[TIME] - frame[0][TIME] : 0;
    if (passed > 0) {
      for (const one of frame) yield { row: one, seconds: passed };
      frame = [];
    }
    frame.push(row.slice()); // the row is valid until the next piece is read
  }
  for (const one of frame) yield { row: one, seconds: usual };
}

function count(histogram: Uint32Array, share: number): void {
  if (Number.isNaN(share)) return;
  const most = histogram.length - 1;
  histogram[Math.min(most, Math.max(0, Math.round(share * most)))]++;
}

/** The share, 0-1, below which this part of what was counted lies; NaN where nothing was. */
function quantile(histogram: Uint32Array, part: number): number {
  const total = histogram.reduce((sum, value) => sum + value, 0);
  if (total === 0) return NaN;
  let below = 0;
  for (let i = 0; i < histogram.length; i++) {
    below += histogram[i];
    if (below >= part * total) return i / (histogram.length - 1);
  }
  return 1;
}
