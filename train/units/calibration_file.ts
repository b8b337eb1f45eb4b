/**
 * `calibration.json` beside a run's model: what `deno task calibrate` found on people that the model has not learnt from,
 * and what `deno task export` puts into the card.
 */
import { join } from "node:path";
import type { Calibration } from "../scores/calibration.ts";
import { exists } from "../runs/whole_file.ts";
import { RunError } from "../runs/run_folder.ts";

/** Name of the file. */
export const CALIBRATION_FILE = "calibration.json";

/** How one unit is calibrated. */
export interface CalibratedUnit {
  readonly au: number;
  /** Faces that show it, and that are labelled for it; found or not. */
  readonly positives: number;
  readonly faces: number;
  /** Whether its own faces were enough, or those of all units together had to serve. */
  readonly from: "its own faces" | "all units together";
  readonly calibration: Calibration;
  /** In calibrated probability. */
  readonly threshold: number;
}

/** The content of `calibration.json`. */
export interface CalibrationFile {
  readonly format: 1;
  /** The file whose answers were calibrated. */
  readonly model: { readonly file: string; readonly sha256: string };
  /** Name of the folder of photographs, its split, and which half of it. */
  readonly data: string;
  readonly split: string;
  readonly half: "even" | "odd" | null;
  readonly faces: number;
  readonly people: number;
  /** Photographs in which no face was found. */
  readonly notFound: number;
  /** How thresholds and calibrations were chosen, in words. */
  readonly rule: string;
  readonly units: readonly CalibratedUnit[];
}

/**
 * The calibration of a run's model, undefined where there is none.
 * @param digest SHA-256 of the model's file as it is exported now
 * @throws {RunError} not such a file, of another model, or of other units
 */
export function readCalibration(
  folder: string,
  aus: readonly number[],
  digest: string,
): CalibrationFile | undefined {
  const path = join(folder, CALIBRATION_FILE);
  if (!exists(path)) return undefined;
  const again = `run deno task calibrate again, or remove ${path}.`;
  let file: CalibrationFile;
  try {
    file = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    throw new RunError(`${path} cannot be read (${(error as Error).message}): ${again}`);
  }
  if (file?.format !== 1 || !Array.isArray(file.units)) {
    throw new RunError(`${path} is no calibration of this version: ${again}`);
  }
  if (file.model?.sha256 !== digest) {
    throw new RunError(`${path} was fitted to another model file than this run's: ${again}`);
  }
  if (file.units.map(({ au }) => au).join() !== aus.join()) {
    throw new RunError(
      `${path} calibrates the action units ${file.units.map(({ au }) => au).join(", ")}, the model has ${
        aus.join(", ")
      }: ${again}`,
    );
  }
  return file;
}

/** What the card says of its thresholds and probabilities: how they were chosen, on whom, and of how many. */
export function thresholdsMetric(
  { rule, data, split, half, faces, people, notFound, units }: CalibrationFile,
): object {
  return {
    rule,
    data: `${half ? `the ${half} half of ` : ""}${
      split === "all" ? "all lines" : `split ${split}`
    } of ${data}`,
    faces,
    people,
    notFound,
    units: units.map(({ au, positives, faces, from }) => ({ au, positives, faces, from })),
  };
}
