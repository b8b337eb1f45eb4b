/** The supervised detectors by name. `linear`, one layer on the encoder, is none of these. */
import { alexnet } from "./alexnet.ts";
import type { Detector } from "./detector.ts";
import { drml } from "./drml.ts";
import { dsin } from "./dsin.ts";
import { eac } from "./eac.ts";
import { jaa } from "./jaa.ts";
import type { DetectorName } from "./names.ts";
import { srerl } from "./srerl.ts";

export const DETECTORS: Readonly<Record<DetectorName, Detector>> = { alexnet, drml, eac, jaa, dsin, srerl };

/** A detector by its name. */
export function detectorOf(name: DetectorName): Detector {
  return DETECTORS[name];
}
