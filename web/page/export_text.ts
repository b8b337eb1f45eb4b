/**
 * A recording as CSV and as JSON.
 * @module
 */
import { isSeen } from "../detected_unit.ts";
import { readingColumns, writeReadings } from "../face_readings.ts";
import { actionUnit } from "../facs.ts";
import type { ModelCard } from "../model_card.ts";
import type { RecordedFace, RecordedFrame, Recording } from "./recording.ts";
import { Smoothing, TIME_CONSTANT } from "./smoothing.ts";
import type { Engine } from "./messages.ts";

/** What an export says of itself. */
export interface ExportFacts {
  readonly card: Pick<ModelCard, "name" | "version" | "target" | "aus" | "emotions" | "outputs">;
  readonly engine: Engine;
  /** What was analysed: "camera", or the name of the file. */
  readonly source: string;
  /** Whether the probabilities are smoothed over time; as measured unless asked for. */
  readonly isSmoothed: boolean;
}

/**
 * Comma-separated text: a line a face and frame with time (seconds), frame, face, score, box (pixels), what the model
 * knows of pose, gaze (degrees) and openness (shares of the eyes' distance), then every action unit's probability, of a
 * model of intensity also its intensity (0-5), then every emotion's probability. Empty: a frame without a face, a unit
 * that cannot be seen.
 */
export function toCsv(recording: Recording, { card, isSmoothed }: ExportFacts): string {
  const emotions = card.emotions ?? [], readings = readingColumns(card.outputs);
  const head = ["time", "frame", "face", "score", "x", "y", "width", "height"];
  const units = card.aus.map(({ au }) => `AU${au}`), isIntensity = card.target === "intensity";
  const measured = [
    ...readings,
    ...units,
    ...isIntensity ? units.map((unit) => `${unit}_intensity`) : [],
    ...emotions,
  ];
  const lines = [[...head, ...measured].join(",")];
  for (const { time, frame, faces } of framesOf(recording, isSmoothed)) {
    const when = [round(time, 4), frame];
    if (faces.length === 0) {
      lines.push([...when, ...new Array(head.length - 2 + measured.length)].join(","));
    }
    for (const face of faces) {
      const { id, score, box, intensities = [], emotions } = face,
        places = new Array<number>(readings.length);
      writeReadings(face, card.outputs, places);
      lines.push([
        ...when,
        id,
        round(score, 4),
        ...[box.x, box.y, box.width, box.height].map((value) => round(value, 1)),
        ...places.map((value) => round(value, 4)),
        ...[...seen(face, face.probabilities), ...seen(face, intensities)]
          .map((value) => value === null ? "" : round(value, 4)),
        ...emotions.map((value) => round(value, 4)),
      ].join(","));
    }
  }
  return lines.join("\n") + "\n";
}

/** Numbers of the action units, null where a unit cannot be seen. */
function seen({ visible }: RecordedFace, values: readonly number[]): (number | null)[] {
  return values.map((value, i) => isSeen(visible?.[i]) ? value : null);
}

/** The same as JSON, with the model, its thresholds and the points of every face. */
export function toJson(recording: Recording, { card, engine, source, isSmoothed }: ExportFacts): string {
  return JSON.stringify(
    {
      model: { name: card.name, version: card.version, target: card.target },
      engine,
      source,
      smoothing: isSmoothed ? { kind: "exponential", timeConstant: TIME_CONSTANT } : null,
      aus: card.aus.map(({ au, threshold }) => ({ au, name: actionUnit(au).name, threshold })),
      frames: framesOf(recording, isSmoothed).map(({ time, frame, faces }) => ({
        time: round(time, 4),
        frame,
        faces: faces.map((face) => ({
          face: face.id,
          ...describe(face, card),
        })),
      })),
    },
    null,
    1,
  ) + "\n";
}

/** A face in JSON. */
function describe(face: RecordedFace, { aus, emotions: names, outputs }: ExportFacts["card"]): object {
  const { score, box, points: at, points68, intensities, emotions } = face;
  const place = (point: readonly number[]) => point.map((value) => round(value, 1));
  const columns = readingColumns(outputs), places = new Array<number>(columns.length);
  writeReadings(face, outputs, places);
  const units = (values: readonly number[]) =>
    Object.fromEntries(
      seen(face, values).map((value, i) => [`AU${aus[i].au}`, value === null ? null : round(value, 4)]),
    );
  return {
    score: round(score, 4),
    box: {
      x: round(box.x, 1),
      y: round(box.y, 1),
      width: round(box.width, 1),
      height: round(box.height, 1),
    },
    points: {
      leftEye: place(at.leftEye),
      rightEye: place(at.rightEye),
      nose: place(at.nose),
      mouth: place(at.mouth),
    },
    ...points68 && { points68: points68.map(place) },
    ...Object.fromEntries(columns.map((name, i) => [name, round(places[i], 4)])),
    aus: units(face.probabilities),
    ...intensities && { intensities: units(intensities) },
    ...names && { emotions: Object.fromEntries(names.map((name, i) => [name, round(emotions[i], 4)])) },
  };
}

function framesOf(recording: Recording, isSmoothed: boolean): RecordedFrame[] {
  const frames = [...recording.read()];
  if (!isSmoothed) return frames;
  const smoothing = new Smoothing();
  return frames.map(({ frame, time, faces }) => ({
    frame,
    time,
    faces: faces.map((face) => ({
      ...face,
      ...smoothed(smoothing, face, time),
    })),
  }));
}

function smoothed(smoothing: Smoothing, face: RecordedFace, time: number) {
  const { probabilities, intensities = [] } = face, count = probabilities.length;
  const values = smoothing.follow(face.id, [...probabilities, ...intensities], time);
  return {
    probabilities: values.slice(0, count),
    ...intensities.length > 0 && { intensities: values.slice(count) },
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
