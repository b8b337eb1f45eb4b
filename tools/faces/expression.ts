/**
 * Which action units a face of an emotion shows. The prototypes follow EMFACS (Friesen & Ekman 1983), but every
 * unit of one comes only with a probability and any other may join: within one emotion the units must vary, since
 * telling them apart inside an emotion is what the method is for.
 */
import type { Emotion } from "@emoco/web/facs";
import { LABELLED_UNITS } from "./action_units.ts";
import type { Random } from "./random.ts";

/** FACS intensity 0-5 of units. */
export type Intensities = Record<number, number>;

type Prototype = Readonly<Record<number, number>>;

/** Probability of each unit, by emotion; an emotion with two prototypes takes either. */
const PROTOTYPES: Readonly<Record<Exclude<Emotion, "neutral">, readonly Prototype[]>> = {
  // A smile as people have it for each other, one that reaches the eyes, and laughter.
  happy: [
    { 12: 0.95, 6: 0.3, 25: 0.35, 14: 0.12, 1: 0.08, 2: 0.08 },
    { 6: 0.85, 12: 0.96, 25: 0.55, 26: 0.12, 7: 0.15, 14: 0.1 },
    { 6: 0.9, 12: 0.97, 25: 0.9, 26: 0.7, 27: 0.08, 7: 0.3, 10: 0.12, 43: 0.08 },
  ],
  sad: [{ 1: 0.82, 4: 0.68, 15: 0.8, 17: 0.55, 24: 0.16, 7: 0.1, 43: 0.08, 20: 0.08, 25: 0.12 }],
  surprise: [{ 1: 0.85, 2: 0.85, 5: 0.75, 25: 0.75, 26: 0.7, 27: 0.14 }],
  fear: [{ 1: 0.78, 2: 0.6, 4: 0.65, 5: 0.72, 7: 0.45, 20: 0.72, 25: 0.65, 26: 0.42, 27: 0.06 }],
  disgust: [
    { 9: 0.9, 15: 0.5, 16: 0.4, 4: 0.3, 7: 0.3, 25: 0.2, 6: 0.12 },
    { 10: 0.9, 17: 0.6, 9: 0.25, 14: 0.12, 6: 0.1, 25: 0.2, 4: 0.15 },
  ],
  anger: [
    { 4: 0.88, 5: 0.5, 7: 0.65, 23: 0.55, 24: 0.55, 17: 0.3, 10: 0.1, 25: 0.15 },
    // Shouting.
    { 4: 0.9, 7: 0.6, 5: 0.35, 9: 0.4, 10: 0.6, 16: 0.3, 25: 0.85, 26: 0.6, 27: 0.15 },
  ],
};

/** How often a unit that does not belong joins; rarer prototypes get more, so that each unit can be learnt. */
const STRAY: Prototype = {
  ...{ 14: 0.12, 24: 0.17, 23: 0.18, 20: 0.07, 10: 0.06, 9: 0.05, 15: 0.06, 25: 0.08, 5: 0.08, 7: 0.08 },
  ...{ 16: 0.05, 18: 0.08, 22: 0.07, 27: 0.03, 28: 0.07, 43: 0.04 },
};
const STRAY_DEFAULT = 0.06;

/** Pairs that muscles or lips cannot show together; the one less likely for the emotion goes. */
const CONFLICTS: readonly (readonly [number, number])[] = [
  ...[[23, 24], [23, 25], [24, 25], [23, 26], [24, 26], [16, 23], [16, 24], [17, 26], [10, 24], [10, 23]],
  ...[[12, 15], [16, 17], [26, 27], [17, 27], [23, 27], [24, 27], [5, 43]],
  // Lips that are drawn in, puckered or funnelled do nothing else.
  ...[10, 12, 16, 17, 18, 20, 22, 23, 24, 25, 26, 27].map((au) => [28, au]),
  ...[10, 12, 15, 20, 22, 23, 24, 27].map((au) => [18, au]),
  ...[12, 15, 17, 20, 23, 24].map((au) => [22, au]),
] as [number, number][];

/** Units a neutral face may show alone: none of them opens the lips as well. */
const ALONE = LABELLED_UNITS.filter((au) => ![10, 16, 22, 26, 27, 28, 43].includes(au));

/** Levels of a unit that came by chance: any, the strongest seldom. */
const strayLevel = (random: Random) => random.pick([1, 2, 3, 4, 5], [2, 3, 3, 2, 1.2]);

function neutral(random: Random): Intensities {
  const intensities: Intensities = {};
  const kind = random.next();
  if (kind < 0.4) return intensities;
  if (kind < 0.78) {
    for (const au of [random.pick(ALONE), random.pick(ALONE)]) {
      if (au !== 25) intensities[au] = 1;
    }
  } else {
    intensities[random.pick(ALONE)] = random.pick([2, 3], [3, 1]);
  }
  return settle(intensities, {});
}

/** Mouths that talk, and eyes that blink: they come with any emotion. */
function alive(intensities: Intensities, prototype: Prototype, random: Random): Intensities {
  const out = { ...intensities };
  if (random.chance(0.1)) {
    const sound = random.pick([
      { 25: 2, 26: 1 },
      { 25: 3, 26: 2 },
      { 25: 2, 26: 3 },
      { 18: 3, 25: 2 },
      { 22: 3, 25: 3, 26: 1 },
      { 22: 4, 25: 2 },
      { 28: 3 },
      { 16: 3, 25: 3 },
    ] as Intensities[]);
    for (const [au, level] of Object.entries(sound)) out[Number(au)] = Math.max(level, out[Number(au)] ?? 0);
  }
  if (random.chance(0.06)) out[43] = random.pick([5, 4, 3, 2], [5, 1.5, 1, 1]);
  return settle(out, prototype);
}

function settle(intensities: Intensities, prototype: Prototype): Intensities {
  for (const [a, b] of CONFLICTS) {
    if (!intensities[a] || !intensities[b]) continue;
    const keepA = (prototype[a] ?? 0) > (prototype[b] ?? 0) ||
      ((prototype[a] ?? 0) === (prototype[b] ?? 0) && intensities[a] >= intensities[b]);
    delete intensities[keepA ? b : a];
  }
  return intensities;
}

/**
 * Draws the intensities of one face. AU25 stands for what opens the lips; its label, like that of AU5 and AU43, is
 * measured on the mesh.
 */
export function drawExpression(emotion: Emotion, random: Random): Intensities {
  if (emotion === "neutral") return alive(neutral(random), {}, random);
  const prototype = random.pick(PROTOTYPES[emotion]);
  // One strength for the face, so that faces as a whole range from faint to full; some are played for the stage.
  const theatre = random.chance(0.15);
  const strength = theatre ? random.between(1.1, 1.6) : random.between(0.4, 1.25);
  const crowd = theatre ? 1.8 : 1;
  const intensities: Intensities = {};
  for (const au of LABELLED_UNITS) {
    const own = prototype[au] ?? 0;
    const stray = crowd * (STRAY[au] ?? STRAY_DEFAULT);
    const draw = random.next();
    const level = own > 0.3
      ? random.normal(3.3, 1.1) * strength
      : strayLevel(random) * Math.min(1.2, strength + 0.3);
    // Faint traces of any unit keep "absent" from meaning "still".
    const trace = random.chance(0.05);
    if (draw < Math.max(own, stray)) intensities[au] = Math.min(5, Math.max(1, Math.round(level)));
    else if (trace) intensities[au] = 1;
  }
  return alive(settle(intensities, prototype), prototype, random);
}

/** Lip gaps in units of the head (about cm) from which AU25 has intensity 1, 2, 3, 4, 5. */
const LIP_GAPS = [0.1, 0.26, 0.6, 1.05, 1.65];

/** The FACS intensity of AU25 for a gap between the inner lips, beyond the subject's own at rest. */
export function lipsPart(gap: number): number {
  return LIP_GAPS.filter((limit) => gap >= limit).length;
}

/** Rise of the upper lid in head units from which AU5 has intensity 1, 2, 3, 4, 5. */
const LID_RISES = [0.07, 0.18, 0.32, 0.46, 0.56];

/** The FACS intensity of AU5 for an upper lid that units raise this far over its rest. */
export function lidRises(rise: number): number {
  return LID_RISES.filter((limit) => rise >= limit).length;
}

/** Shares of the opening between the lids from whose closing on AU43 has intensity 1, 2, 3, 4, 5. */
const CLOSED = [0.15, 0.35, 0.55, 0.75, 0.92];

/** The FACS intensity of AU43 for lids that close this share of what gaze and the other units leave open. */
export function lidsClose(share: number): number {
  return CLOSED.filter((limit) => share >= limit).length;
}
