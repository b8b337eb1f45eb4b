/**
 * From a model's raw answers on labelled photographs to a calibration and a threshold for every unit.
 * @module
 */
import {
  type Answer,
  calibrated,
  type Calibration,
  fitCalibration,
  LEAST_POSITIVES,
  meetingThreshold,
} from "../../train/scores/calibration.ts";
import type { CalibratedUnit } from "../../train/units/calibration_file.ts";
import { UsageError } from "../../train/runs/flags.ts";
import type { Photo } from "./manifest.ts";
import { type Reliability, reliabilityOf } from "./reliability.ts";
import type { Reading } from "./worker.ts";

/** The rule, as the card has it. */
export const RULE =
  "Probability of presence: sigmoid(slope * logit(p) + offset) of the model's answer p, fitted by cross-entropy with a weak " +
  "prior towards p itself (Platt scaling). Threshold: where precision and recall meet, as many called present as are " +
  `present. A unit with fewer than ${LEAST_POSITIVES} positives has the calibration of all units together and the ` +
  "threshold 0.5.";

/** What was fitted, and how good the probabilities were before and are now on the very same faces. */
export interface Fitted {
  readonly units: readonly CalibratedUnit[];
  readonly before: Reliability;
  readonly after: Reliability;
}

/**
 * Fits all units of a model.
 * @param readings uncalibrated, of each photograph; of the model `m` of them
 * @throws {UsageError} too few positives of all units together
 */
export function calibrateUnits(
  aus: readonly number[],
  photos: readonly Photo[],
  readings: readonly Reading[],
  m = 0,
): Fitted {
  const cells = aus.map((au, a) => cellsOf(au, a, photos, readings, m));
  const everything = cells.flatMap(({ answers }) => answers);
  if (cells.every(({ positives }) => positives < LEAST_POSITIVES)) {
    throw new UsageError(
      `No unit is shown by ${LEAST_POSITIVES} or more of the ${photos.length} photographs: too few to calibrate by.`,
    );
  }
  const together = rounded(fitCalibration(everything));
  const units = aus.map((au, a): CalibratedUnit => {
    const { answers, positives, faces, missed } = cells[a];
    const own = positives < LEAST_POSITIVES || positives === faces ? undefined : ownOf(answers, missed);
    return own
      ? { au, positives, faces, from: "its own faces", ...own }
      : { au, positives, faces, from: "all units together", calibration: together, threshold: 0.5 };
  });
  const after = cells.flatMap(({ answers }, a) =>
    answers.map(({ p, present }) => ({ probability: calibrated(p, units[a].calibration), present }))
  );
  return {
    units,
    before: reliabilityOf(everything.map(({ p, present }) => ({ probability: p, present })))!,
    after: reliabilityOf(after)!,
  };
}

function ownOf(
  answers: readonly Answer[],
  missed: number,
): { calibration: Calibration; threshold: number } | undefined {
  const calibration = rounded(fitCalibration(answers));
  const probabilities = answers.map(({ p, present }) => ({ p: calibrated(p, calibration), present }));
  const threshold = meetingThreshold(probabilities, missed);
  return threshold === undefined ? undefined : { calibration, threshold };
}

/** The labelled cells of a unit: answers where a face was found, and how many that show it were not. */
function cellsOf(
  au: number,
  a: number,
  photos: readonly Photo[],
  readings: readonly Reading[],
  m: number,
): { answers: Answer[]; positives: number; faces: number; missed: number } {
  const answers: Answer[] = [];
  let positives = 0, faces = 0, missed = 0;
  for (const [i, { present: labels }] of photos.entries()) {
    const present = labels.get(au), reading = readings[i];
    if (present === undefined) continue;
    faces++;
    positives += Number(present);
    if ("reason" in reading) missed += Number(present);
    else answers.push({ p: reading.models[m].aus[a].probability, present });
  }
  return { answers, positives, faces, missed };
}

/** Four decimals: more would be said than a few hundred faces know, and cards are read by people. */
function rounded([slope, offset]: Calibration): Calibration {
  return [Number(slope.toFixed(4)), Number(offset.toFixed(4))];
}
