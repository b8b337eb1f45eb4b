/** The names of the supervised detectors; apart from the detectors themselves, so that a list of names loads no engine. */

/** The names that `--detector` takes beside `linear`, in the order of the paper's tables. */
export const DETECTOR_NAMES = ["alexnet", "drml", "eac", "jaa", "dsin", "srerl"] as const;

/** A detector's name. */
export type DetectorName = typeof DETECTOR_NAMES[number];
