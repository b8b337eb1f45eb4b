/** The supervised detectors by the names that `--detector` takes. `linear`, one layer on the encoder, is none of these. */
import { alexnet } from "./alexnet.ts";
import type { Detector } from "./detector.ts";
import { drml } from "./drml.ts";
import { dsin } from "./dsin.ts";
import { eac } from "./eac.ts";
import { jaa } from "./jaa.ts";
import { srerl } from "./srerl.ts";

export const DETECTORS = { alexnet, drml, eac, jaa, dsin, srerl } as const satisfies {
  [name: string]: Detector;
};

/** A detector's name. */
export type DetectorName = keyof typeof DETECTORS;

/** The names in the order of the paper's tables. */
export const DETECTOR_NAMES = Object.keys(DETECTORS) as DetectorName[];

/** A detector by its name. */
export function detectorOf(name: DetectorName): Detector {
  return DETECTORS[name];
}
