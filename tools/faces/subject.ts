/** Who is drawn: everything about a face that stays while its expression changes. */
import { drawHat, type Hat } from "./cloth.ts";
import {
  blend,
  BROWN_EYES,
  CLOTHS,
  type Colour,
  DARK_HAIR,
  GREY_HAIR,
  LIGHT_EYES,
  LIGHT_HAIR,
  SKINS,
  vary,
} from "./palette.ts";
import { Random } from "./random.ts";
import type { Traits } from "./rest.ts";

const MORE_STYLES = ["swept", "bangs", "bob", "curls"] as const;
export const HAIR_STYLES = [
  "short",
  "cropped",
  "receding",
  "bald",
  "fringe",
  "long",
  "tied",
  ...MORE_STYLES,
] as const;
export type HairStyle = typeof HAIR_STYLES[number];
export const BEARDS = ["none", "stubble", "moustache", "goatee", "full"] as const;
export type Beard = typeof BEARDS[number];

export interface Glasses {
  /** Half width, half height of a rim, and the exponent of its superellipse (2 is an ellipse). */
  readonly width: number;
  readonly height: number;
  readonly corner: number;
  readonly thickness: number;
  readonly colour: Colour;
  /** What is seen instead of what lies behind: the dark of sunglasses, a window's light on clear glass. */
  readonly lens: { readonly colour: Colour; readonly opacity: number };
}

export interface Makeup {
  /** Colour over the upper lids and how thick it lies, 0 to 1. */
  readonly shadow: Colour;
  readonly shadowCover: number;
  /** How much darker and wider the lash line is, 0 to 1. */
  readonly liner: number;
  readonly blush: number;
}

/** Parts of the face that keep lines of their own. */
export const LINED = ["forehead", "glabella", "eyes", "cheeks", "mouth"] as const;
export type Lines = Readonly<Record<typeof LINED[number], number>>;

/** One person. Colours are linear reflectances. */
export interface Subject {
  readonly name: string;
  /** Key of this subject's noise patterns. */
  readonly key: number;
  /** Weights of the identity modes. */
  readonly identity: readonly number[];
  readonly traits: Traits;
  /** 0 young to 1 old. */
  readonly age: number;
  /** Skin tone from 1 (lightest) to 6 (darkest). */
  readonly skinGroup: number;
  readonly skin: Colour;
  readonly redness: number;
  readonly freckles: number;
  /** How blotchy, how spotted, and how dark round the eyes this skin is; 1 is usual. */
  readonly mottle: number;
  readonly spots: number;
  readonly rings: number;
  readonly makeup: Makeup;
  /** Lines that stay at rest, 0 to about 1, by part of the face. */
  readonly lines: Lines;
  readonly gloss: number;
  readonly lips: Colour;
  readonly hairStyle: HairStyle;
  readonly hair: Colour;
  readonly hat: Hat;
  readonly curl: number;
  /** Height of the hairline above its usual place. */
  readonly hairline: number;
  readonly brow: {
    readonly thickness: number;
    readonly density: number;
    readonly arch: number;
    readonly colour: Colour;
  };
  readonly beard: Beard;
  readonly iris: Colour;
  readonly irisSize: number;
  /** The pupil's radius as a share of the iris's. */
  readonly pupil: number;
  readonly glasses: Glasses | null;
  /** How deep this skin creases. */
  readonly creasing: number;
  readonly cloth: Colour;
}

/** Draws subject number `index`; the same seed and number are always the same person. */
export function drawSubject(seed: number, index: number, modes: number): Subject {
  const random = new Random(seed, index, 0x5b);
  const key = Math.floor(random.next() * 2 ** 31);
  const identity = Array.from({ length: modes }, () => random.normal(0, 0.8, 2.2));
  const child = random.chance(0.09) ? random.between(0.3, 1) : 0;
  const age = child > 0 ? 0 : random.next() ** 1.3;
  const skinGroup = 1 + index % SKINS.length;
  const skin = vary(SKINS[skinGroup - 1], random, 0.1);
  const masculine = random.chance(0.5);
  const lightHaired = random.chance([0.75, 0.55, 0.25, 0.06, 0.03, 0.02][skinGroup - 1]);
  let hair = vary(random.pick(lightHaired ? LIGHT_HAIR : DARK_HAIR), random, 0.15);
  const grey = Math.max(0, age - 0.55) * 2 * random.next();
  hair = blend(hair, GREY_HAIR, grey);
  const hairStyle = random.pick(
    HAIR_STYLES,
    masculine
      ? [4.5, 4, 2, 1, 1, 1, 0.4, 2.5, 0.3, 0.2, 1.2]
      : [1.2, 0.5, 0.1, 0.1, 1.5, 5, 2.5, 2, 2, 2, 1.5],
  );
  const beard = masculine ? random.pick(BEARDS, [4, 3, 1, 1, 1.6]) : "none";
  const lightEyed = random.chance([0.6, 0.4, 0.15, 0.04, 0.01, 0.01][skinGroup - 1]);
  const lipstick = !masculine && random.chance(0.3);
  const lipTint: Colour = lipstick
    ? random.pick<Colour>([[0.5, 0.06, 0.07], [0.42, 0.12, 0.14], [0.3, 0.05, 0.09]])
    : [skin[0] * 0.86, skin[1] * 0.52, skin[2] * 0.58];
  const browDark = blend(
    blend(hair, [skin[0] * 0.2, skin[1] * 0.16, skin[2] * 0.16], 0.25),
    [0.012, 0.01, 0.009],
    random.chance(0.4) ? random.between(0, 0.8) : 0,
  );
  return {
    name: `s${seed}-${String(index).padStart(4, "0")}`,
    key,
    identity,
    traits: drawTraits(random, skinGroup, child),
    age,
    skinGroup,
    skin,
    redness: random.between(0.4, 1.3),
    freckles: random.chance(lightHaired ? 0.3 : 0.05) ? random.between(0.3, 1) : 0,
    mottle: random.between(0.4, 1.6) * (child > 0 ? 0.6 : 1),
    spots: random.chance(0.6) ? random.between(0, 1) : 0,
    rings: random.between(0.3, 1.7) + 0.5 * age,
    makeup: masculine || child > 0 ? NO_MAKEUP : drawMakeup(random),
    lines: drawLines(random, age),
    gloss: random.between(0.4, 1.9),
    lips: blend(
      lipTint,
      [skin[0] * 0.8, skin[1] * 0.55, skin[2] * 0.6],
      lipstick ? random.between(0.1, 0.5) : 0,
    ),
    hairStyle,
    hair,
    hat: drawHat(random),
    curl: random.next() ** 2 + (skinGroup >= 5 ? 0.5 : 0),
    hairline: random.normal(0, 0.3) + (hairStyle === "receding" ? 0.8 : 0),
    brow: {
      thickness: random.between(0.55, 1.35) * (masculine ? 1.25 : 0.85) * (1 - 0.25 * child),
      density: random.chance(0.2) ? random.between(0.15, 0.6) : random.between(0.55, 1),
      arch: random.normal(0, 0.12),
      colour: browDark,
    },
    beard,
    iris: vary(random.pick(lightEyed ? LIGHT_EYES : BROWN_EYES), random, 0.15),
    irisSize: random.between(0.94, 1.06),
    pupil: random.between(0.3, 0.5),
    glasses: random.chance(0.2) ? drawGlasses(random) : null,
    creasing: random.between(0.75, 1.15) + 0.45 * age,
    cloth: vary(random.pick<Colour>(CLOTHS), random, 0.2),
  };
}

const NO_MAKEUP: Makeup = { shadow: [0, 0, 0], shadowCover: 0, liner: 0, blush: 0 };

function drawMakeup(random: Random): Makeup {
  if (random.chance(0.4)) return NO_MAKEUP;
  return {
    shadow: random.pick<Colour>([
      [0.12, 0.06, 0.04],
      [0.03, 0.03, 0.035],
      [0.25, 0.1, 0.12],
      [0.08, 0.1, 0.2],
      [0.35, 0.22, 0.1],
      [0.06, 0.14, 0.1],
    ]),
    shadowCover: random.chance(0.55) ? random.between(0.15, 0.7) : 0,
    liner: random.chance(0.7) ? random.between(0.2, 1) : 0,
    blush: random.chance(0.5) ? random.between(0.3, 1) : 0,
  };
}

/** Lines come with age, not all at the same pace; some are there in the young. */
function drawLines(random: Random, age: number): Lines {
  const line = () => Math.max(0, 0.85 * age * random.between(0.3, 1.5) + random.normal(0, 0.12, 2.5));
  return { forehead: line(), glabella: line(), eyes: line(), cheeks: line(), mouth: line() };
}

function drawTraits(random: Random, skinGroup: number, child: number): Traits {
  const folded = random.chance([0.08, 0.3, 0.45, 0.2, 0.06, 0.04][skinGroup - 1]);
  return {
    lidOpen: random.normal(0, 0.42, 2.2) + 0.25 * child,
    lowerLid: Math.max(0, random.normal(-0.05, 0.3, 2)),
    tilt: random.normal(folded ? 0.06 : 0.01, 0.06, 2.5),
    hood: random.chance(0.4) ? random.next() : 0.15 * random.next(),
    epicanthus: folded ? random.between(0.4, 1) : 0,
    browHeight: random.normal(0, 0.38, 2.3),
    browInner: random.normal(0, 0.26, 2.3),
    browOuter: random.normal(0, 0.28, 2.3),
    mouthCorner: random.normal(0.05, 0.4, 2.3),
    lipFullness: random.normal(skinGroup >= 5 ? 0.4 : 0, 0.5, 2.3),
    skew: random.normal(0, 0.35, 2.2),
    child,
  };
}

function drawGlasses(random: Random): Glasses {
  const round = random.chance(0.35);
  const kind = random.next(), dark = random.between(0.004, 0.03);
  const lens = kind < 0.22
    ? { colour: [dark * random.between(0.5, 2), dark, dark * random.between(0.5, 2)] as const, opacity: 1 }
    : kind < 0.34
    ? { colour: [dark * 2, dark * 1.5, dark] as const, opacity: random.between(0.3, 0.75) }
    : { colour: [0.75, 0.8, 0.85] as const, opacity: random.chance(0.4) ? random.between(0.05, 0.24) : 0 };
  const height = round ? random.between(1.75, 2.05) : random.between(1.35, 1.75);
  return {
    width: round ? height * random.between(1.0, 1.15) : random.between(2.2, 2.5),
    height,
    corner: round ? 2 : random.between(2.6, 4.5),
    thickness: random.chance(0.3) ? random.between(0.18, 0.34) : random.between(0.05, 0.18),
    colour: random.pick<Colour>([
      [0.02, 0.02, 0.02],
      [0.06, 0.03, 0.02],
      [0.25, 0.22, 0.2],
      [
        0.03,
        0.05,
        0.12,
      ],
      [0.35, 0.05, 0.04],
      [0.5, 0.5, 0.48],
      [0.08, 0.2, 0.3],
    ]),
    lens,
  };
}
