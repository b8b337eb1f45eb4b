/**
 * The action units of the Facial Action Coding System (Ekman, Friesen & Hager 2002) that EmoCo knows, and the
 * seven emotions it learns from. Names are the FACS names; the descriptions are our own words.
 * @module
 */

/** The emotions of the pretraining labels. */
export type Emotion = "neutral" | "happy" | "sad" | "surprise" | "fear" | "disgust" | "anger";

/** All emotions, in the order of every label, queue and output in this project: AffectNet's classes 0-6. */
export const EMOTIONS: readonly Emotion[] = Object.freeze(
  ["neutral", "happy", "sad", "surprise", "fear", "disgust", "anger"] as const,
);

/** One facial action unit: a movement of the face that a trained coder sees and numbers. */
export interface ActionUnit {
  /** The number in FACS, 12 for "AU12". */
  readonly au: number;
  /** The English name in FACS. */
  readonly name: string;
  /** The muscle, or the part of it, that moves. */
  readonly muscle: string;
  /** What one sees move, in one sentence. */
  readonly movement: string;
}

const unit = (au: number, name: string, muscle: string, movement: string): ActionUnit =>
  Object.freeze({ au, name, muscle, movement });

/** The action units by rising number. */
export const ACTION_UNITS: readonly ActionUnit[] = Object.freeze([
  unit(
    1,
    "Inner brow raiser",
    "Frontalis, middle part",
    "The inner ends of the eyebrows go up, and short creases cross the middle of the forehead.",
  ),
  unit(
    2,
    "Outer brow raiser",
    "Frontalis, outer part",
    "The outer ends of the eyebrows go up into an arch, and creases appear above them.",
  ),
  unit(
    4,
    "Brow lowerer",
    "Corrugator supercilii, depressor supercilii, procerus",
    "The eyebrows come down and together, with upright or slanting furrows between them.",
  ),
  unit(
    5,
    "Upper lid raiser",
    "Levator palpebrae superioris",
    "The upper eyelid draws back, so that more of the eye, often white above the iris, shows.",
  ),
  unit(
    6,
    "Cheek raiser",
    "Orbicularis oculi, outer ring",
    "The cheeks rise, the eyes narrow from below, and crow's feet spread from their outer corners.",
  ),
  unit(
    7,
    "Lid tightener",
    "Orbicularis oculi, inner ring",
    "The eyelids tighten and the lower lid straightens upwards, as in a squint, while the cheek stays down.",
  ),
  unit(
    9,
    "Nose wrinkler",
    "Levator labii superioris alaeque nasi",
    "The skin beside the nose is pulled up, which wrinkles its bridge and lifts its wings.",
  ),
  unit(
    10,
    "Upper lip raiser",
    "Levator labii superioris",
    "The upper lip goes up, highest beside its middle, and the fold from nose to mouth deepens and bends.",
  ),
  unit(
    12,
    "Lip corner puller",
    "Zygomaticus major",
    "The corners of the mouth move up and back towards the ears: the movement of a smile.",
  ),
  unit(
    14,
    "Dimpler",
    "Buccinator",
    "The corners of the mouth are drawn in and tightened, often with a dimple beside them.",
  ),
  unit(
    15,
    "Lip corner depressor",
    "Depressor anguli oris",
    "The corners of the mouth go down, so that its line turns into an arch.",
  ),
  unit(
    16,
    "Lower lip depressor",
    "Depressor labii inferioris",
    "The lower lip is pulled down and flattened, which can bare the lower teeth.",
  ),
  unit(
    17,
    "Chin raiser",
    "Mentalis",
    "The chin is pushed up and puckers, and the lower lip rises with it.",
  ),
  unit(
    18,
    "Lip pucker",
    "Incisivus labii superioris and inferioris",
    "The lips gather towards the middle and come forward, as for a kiss.",
  ),
  unit(
    20,
    "Lip stretcher",
    "Risorius with platysma",
    "The mouth is drawn straight sideways, wider and flatter, without a smile.",
  ),
  unit(
    22,
    "Lip funneler",
    "Orbicularis oris",
    'The lips turn outwards into a funnel, as when one says "shoe".',
  ),
  unit(
    23,
    "Lip tightener",
    "Orbicularis oris",
    "The lips tense and grow narrow, with fine lines at their edges, without being pressed together.",
  ),
  unit(
    24,
    "Lip pressor",
    "Orbicularis oris",
    "The lips are pressed together, thin and flat, while the chin stays down.",
  ),
  unit(
    25,
    "Lips part",
    "Depressor labii inferioris, or relaxed mentalis or orbicularis oris",
    "A gap opens between the lips, whatever opened it.",
  ),
  unit(
    26,
    "Jaw drop",
    "Masseter relaxed; temporalis and medial pterygoid relaxed",
    "The jaw sinks loosely, and the teeth come apart.",
  ),
  unit(
    27,
    "Mouth stretch",
    "Pterygoids, digastric",
    "The jaw is pulled wide open, and the cheeks stretch flat.",
  ),
  unit(
    28,
    "Lip suck",
    "Orbicularis oris",
    "The lips roll in over the teeth until little of their red can be seen.",
  ),
  unit(
    43,
    "Eyes closed",
    "Levator palpebrae superioris relaxed; orbicularis oculi",
    "The upper lids sink over the eyes and stay there.",
  ),
  unit(
    45,
    "Blink",
    "Levator palpebrae superioris relaxed; orbicularis oculi",
    "The eyes close and open again within a moment; in a single picture they are simply shut.",
  ),
]);

const byNumber = new Map(ACTION_UNITS.map((unit) => [unit.au, unit]));

/** The action unit of that number; throws a RangeError that names a number EmoCo does not know. */
export function actionUnit(au: number): ActionUnit {
  const found = byNumber.get(au);
  if (!found) {
    const known = ACTION_UNITS.map((unit) => unit.au).join(", ");
    throw new RangeError(`AU${au} is not an action unit this project knows; it knows ${known}.`);
  }
  return found;
}
