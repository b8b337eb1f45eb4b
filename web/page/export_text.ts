/**
 * A recording as CSV and as JSON.
 * @module
 */
import { FULL_INTENSITY } from "../detected_unit.ts";
import { actionUnit } from "../facs.ts";
import type { ModelCard } from "../model_card.ts";
import type { RecordedFrame, Recording } from "./recording.ts";
import { Smoothing, TIME_CONSTANT } from "./smoothing.ts";
import type { Engine } from "./messages.ts";

/** What an export says of itself. */
export interface ExportFacts {
  readonly card: Pick<ModelCard, "name" | "version" | "target" | "aus" | "emotions">;
  readonly engine: Engine;
  /** What was analysed: "camera", or the name of the file. */
  readonly source: string;
  /** Whether the probabilities are smoothed over time; as measured unless asked for. */
  readonly isSmoothed: boolean;
}

/**
 * Comma-separated text: a line a face and frame with time (seconds), frame, face, score, box (pixels), then every
 * action unit's probability, of a model of intensity also its intensity (0-5), then every emotion's probability. A
 * frame without a face has a line with those left empty.
 */
export function toCsv(recording: Recording, { card, isSmoothed }: ExportFacts): string {
  const emotions = card.emotions ?? [];
  const head = ["time", "frame", "face", "score", "x", "y", "width", "height"];
  const units = card.aus.map(({ au }) => `AU${au}`), isIntensity = card.target === "intensity";
  const measured = [...units, ...isIntensity ? units.map((unit) => `${unit}_intensity`) : [], ...emotions];
  const lines = [[...head, ...measured].join(",")];
  for (const { time, frame, faces } of framesOf(recording, isSmoothed)) {
    const when = [round(time, 4), frame];
    if (faces.length === 0) {
      lines.push([...when, ...new Array(head.length - 2 + measured.length)].join(","));
    }
    for (const { id, score, box, probabilities, emotions } of faces) {
      const place = [box.x, box.y, box.width, box.height].map((value) => round(value, 1));
      const intensities = isIntensity ? probabilities.map((value) => FULL_INTENSITY * value) : [];
      const values = [score, ...probabilities, ...intensities, ...emotions].map((value) => round(value, 4));
      lines.push([...when, id, values[0], ...place, ...values.slice(1)].join(","));
    }
  }
  return lines.join("\n") + "\n";
}

/** The same as JSON, with the model, its thresholds and the points of every face. */
export function toJson(recording: Recording, { card, engine, source, isSmoothed }: ExportFacts): string {
  const points = (point: readonly number[]) => point.map((value) => round(value, 1));
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
        faces: faces.map(({ id, score, box, points: at, probabilities, emotions }) => ({
          face: id,
          score: round(score, 4),
          box: {
            x: round(box.x, 1),
            y: round(box.y, 1),
            width: round(box.width, 1),
            height: round(box.height, 1),
          },
          points: {
            leftEye: points(at.leftEye),
            rightEye: points(at.rightEye),
            nose: points(at.nose),
            mouth: points(at.mouth),
          },
          aus: Object.fromEntries(card.aus.map(({ au }, i) => [`AU${au}`, round(probabilities[i], 4)])),
          ...card.target === "intensity" && {
            intensities: Object.fromEntries(
              card.aus.map(({ au }, i) => [`AU${au}`, round(FULL_INTENSITY * probabilities[i], 4)]),
            ),
          },
          ...card.emotions &&
            { emotions: Object.fromEntries(card.emotions.map((name, i) => [name, round(emotions[i], 4)])) },
        })),
      })),
    },
    null,
    1,
  ) + "\n";
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
      probabilities: smoothing.follow(face.id, face.probabilities, time),
    })),
  }));
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
