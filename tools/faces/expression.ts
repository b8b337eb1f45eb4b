/**
 * Which action units a face of an emotion shows. The prototypes follow EMFACS (Friesen & Ekman 1983), but every
 * unit of one comes only with a probability and any other may join: within one emotion the units must vary, since
 * telling them apart inside an emotion is what the method is for.
 */
import type { Emotion } from "@emoco/web/facs";
import { LABELLED_UNITS } from "./action_units.ts";
import type { Random } from "./random.ts";

/** FACS intensity 0-5 of each labelled unit, and of AU16, which is drawn but not labelled. */
export type Intensities = Record<number, number>;

type Prototype = Readonly<Record<number, number>>;

/** Probability of each unit, by emotion; an emotion with two prototypes takes either. */
const PROTOTYPES: Readonly<Record<Exclude<Emotion, "neutral">, readonly Prototype[]>> = {
  happy: [{ 6: 0.78, 12: 0.95, 25: 0.5, 26: 0.14, 7: 0.15, 14: 0.12 }],
  sad: [{ 1: 0.82, 4: 0.68, 15: 0.8, 17: 0.55, 24: 0.16, 7: 0.1 }],
  surprise: [{ 1: 0.85, 2: 0.85, 5: 0.75, 25: 0.75, 26: 0.75 }],
  fear: [{ 1: 0.78, 2: 0.6, 4: 0.65, 5: 0.72, 7: 0.45, 20: 0.72, 25: 0.65, 26: 0.42 }],
  disgust: [
    { 9: 0.9, 15: 0.5, 16: 0.4, 4: 0.3, 7: 0.25, 25: 0.2 },
    { 10: 0.9, 17: 0.6, 9: 0.25, 14: 0.12, 6: 0.1, 25: 0.2 },
  ],
  anger: [{ 4: 0.88, 5: 0.5, 7: 0.65, 23: 0.55, 24: 0.55, 17: 0.3, 10: 0.1, 25: 0.15 }],
};

/** How often a unit that does not belong joins; rarer prototypes get more, so that each unit can be learnt. */
const STRAY: Prototype = { 14: 0.13, 24: 0.15, 23: 0.14, 20: 0.07, 10: 0.06, 9: 0.04, 15: 0.05, 25: 0.08 };
const STRAY_DEFAULT = 0.06;

/** Pairs that muscles or lips cannot show together; the one less likely for the emotion goes. */
const CONFLICTS: readonly (readonly [number, number])[] = [
  [23, 24],
  [23, 25],
  [24, 25],
  [23, 26],
  [24, 26],
  [16, 23],
  [16, 24],
  [17, 26],
  [10, 24],
  [10, 23],
  [12, 15],
  [16, 17],
];

/** Units a neutral face may show alone: none of them opens the lips as well. */
const ALONE = LABELLED_UNITS.filter((au) => ![10, 26].includes(au));

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

function settle(intensities: Intensities, prototype: Prototype): Intensities {
  for (const [a, b] of CONFLICTS) {
    if (!intensities[a] || !intensities[b]) continue;
    const keepA = (prototype[a] ?? 0) > (prototype[b] ?? 0) ||
      ((prototype[a] ?? 0) === (prototype[b] ?? 0) && intensities[a] >= intensities[b]);
    delete intensities[keepA ? b : a];
  }
  return intensities;
}

/** Draws the intensities of one face. AU25 stands for what opens the lips; its label is measured on the mesh. */
export function drawExpression(emotion: Emotion, random: Random): Intensities {
  if (emotion === "neutral") return neutral(random);
  const prototype = random.pick(PROTOTYPES[emotion]);
  // One strength for the face, so that faces as a whole range from faint to full.
  const strength = random.between(0.55, 1.15);
  const intensities: Intensities = {};
  for (const au of [...LABELLED_UNITS, 16]) {
    const own = prototype[au] ?? 0;
    const stray = au === 16 ? 0.03 : STRAY[au] ?? STRAY_DEFAULT;
    const draw = random.next();
    const level = random.normal(own > 0.3 ? 3.3 : 2.5, 1.05) * strength;
    // Faint traces of any unit keep "absent" from meaning "still".
    const trace = random.chance(0.05);
    if (draw < Math.max(own, stray)) intensities[au] = Math.min(5, Math.max(1, Math.round(level)));
    else if (trace) intensities[au] = 1;
  }
  return settle(intensities, prototype);
}

/** Lip gaps in units of the head (about cm) from which AU25 has intensity 1, 2, 3, 4, 5. */
const LIP_GAPS = [0.1, 0.26, 0.6, 1.05, 1.65];

/** The FACS intensity of AU25 for a gap between the inner lips, beyond the subject's own at rest. */
export function lipsPart(gap: number): number {
  return LIP_GAPS.filter((limit) => gap >= limit).length;
}
