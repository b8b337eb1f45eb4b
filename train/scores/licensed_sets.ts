/** Data sets that are licensed to those who asked for them: what a model trained on one must say of it. */

import type { Face } from "../input/data.ts";

/** A data set by the name that a manifest's lines carry as `set`. */
export interface LicensedSet {
  /** As its authors write it. */
  name: string;
  /** In one sentence; the agreement that was signed decides. */
  terms: string;
}

const RESEARCH = "licensed for non-commercial research, under an agreement with its authors";

/** The sets that `deno task manifest` reads. */
export const LICENSED_SETS: Readonly<Record<string, LicensedSet>> = {
  affectnet: { name: "AffectNet", terms: RESEARCH },
  disfa: { name: "DISFA", terms: RESEARCH },
  bp4d: { name: "BP4D-Spontaneous", terms: RESEARCH },
  gft: { name: "GFT", terms: RESEARCH },
  rafdb: { name: "RAF-DB", terms: RESEARCH },
};

/** Sets that anybody may use, by what a model card says of them. */
export const OPEN_SETS: Readonly<Record<string, string>> = {
  rendered: "Trained on rendered faces of EmoCo.",
  photographs:
    "Trained on 1,603 openly licensed faces (MIT, CC0) that this project read: generated pictures, two readings " +
    "a face by models of vision and language, no certified FACS coders.",
};

/** Data sets that the faces' lines name as theirs, in order. */
export function setsOf(faces: readonly Face[]): string[] {
  return [...new Set(faces.flatMap(({ other }) => typeof other.set === "string" ? [other.set] : []))].sort();
}

/** The sets' own names; an unknown one stays as it is. */
export function nameSet(set: string): string {
  return LICENSED_SETS[set]?.name ?? set;
}

/** One sentence a set, for a model card. */
export function termsOf(sets: readonly string[]): string {
  return sets.map((set) => {
    const known = LICENSED_SETS[set];
    if (Object.hasOwn(OPEN_SETS, set)) return OPEN_SETS[set];
    return known
      ? `Trained on ${known.name}, which is ${known.terms}: it decides what may be done with this model.`
      : `Trained on the data set "${set}": its terms decide what may be done with this model.`;
  }).join(" ");
}
