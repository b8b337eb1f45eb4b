/** The supervised detectors by the names that `--detector` takes. `linear`, one layer on the encoder, is none of these. */
import { alexnet } from "./alexnet.ts";
import type { Detector } from "./detector.ts";
import { drml } from "./drml.ts";

export const DETECTORS = { alexnet, drml } satisfies { [name: string]: Detector };

/** A detector's name. */
export type DetectorName = keyof typeof DETECTORS;

/** The names in the order of the paper's tables. */
export const DETECTOR_NAMES = Object.keys(DETECTORS) as DetectorName[];
