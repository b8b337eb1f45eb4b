/** Draws what a face is to look like: from (seed, subject, face) to everything the renderer needs, and its labels. */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import { INTENSITY_WEIGHT, LABELLED_UNITS, type UnitWeights } from "./action_units.ts";
import { drawExpression, type Intensities, lidRises, lidsClose, lipsPart } from "./expression.ts";
import type { Measures } from "./measures.ts";
import { Random } from "./random.ts";
import type { Picture, View } from "./render.ts";
import { drawScene, type Scene } from "./scene.ts";
import { drawSubject, type Subject } from "./subject.ts";

/** All that `renderFace` takes, ready to be sent to a worker. */
export interface Portrait {
  readonly subject: Subject;
  readonly weights: UnitWeights;
  readonly scene: Scene;
  readonly view: View;
  /** Samples along each side of a pixel. */
  readonly samples: number;
}

/** A face of the set: what to draw, and what is known of it before it is drawn. */
export interface FaceDraw {
  readonly subject: Subject;
  /** Absent where a face moves from one emotion to another. */
  readonly emotion?: Emotion;
  readonly split: Split;
  readonly intensities: Intensities;
  readonly weights: UnitWeights;
  readonly scene: Scene;
}

export type Split = "pretrain" | "au" | "test";

/** Number of identity modes that subjects are drawn from. */
export const IDENTITY_MODES = 100;

/** Which part of the set each subject belongs to: 60, 25 and 15 % of them, at random. */
export function splitSubjects(seed: number, subjects: number): Split[] {
  const order = new Random(seed, 0x51).shuffle(subjects);
  const pretrain = Math.round(0.6 * subjects), au = Math.round(0.25 * subjects);
  const splits: Split[] = new Array(subjects);
  order.forEach((subject, place) =>
    splits[subject] = place < pretrain ? "pretrain" : place < pretrain + au ? "au" : "test"
  );
  return splits;
}

/** Units that each side of the face shows by itself. */
const SIDED: ReadonlySet<number> = new Set<number>([1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 20, 43, 45]);

/** How much of the eyes' opening each intensity of AU43 closes. */
const CLOSING = [0, 0.24, 0.45, 0.65, 0.83, 1] as const;

/** How far each side moves: the grade's weight, somewhat more or less, and rarely the same left and right. */
export function weigh(intensities: Intensities, random: Random): UnitWeights {
  const weights: Record<number, { left: number; right: number }> = {};
  for (const [au, intensity] of Object.entries(intensities)) {
    if (intensity === 0) continue;
    const weight = (au === "43" ? CLOSING[intensity] : INTENSITY_WEIGHT[intensity]) *
      random.between(0.88, 1.12);
    // Dimples and raised lips are the units seen most on one side alone; any other may be, and eyes wink.
    const oneSided = SIDED.has(Number(au)) && random.chance([10, 14, 43].includes(Number(au)) ? 0.18 : 0.06);
    const tilt = oneSided ? random.pick([-1, 1]) * random.between(0.4, 1) : random.normal(0, 0.1, 2);
    weights[Number(au)] = {
      left: weight * Math.min(1, 1 + tilt) + (tilt > 0 && !oneSided ? weight * tilt * 0.5 : 0),
      right: weight * Math.min(1, 1 - tilt) + (tilt < 0 && !oneSided ? -weight * tilt * 0.5 : 0),
    };
  }
  return weights;
}

/** Draws face number `face` of subject number `subject`; each subject shows every emotion. */
export function drawFace(seed: number, subject: number, face: number, split: Split): FaceDraw {
  // Each emotion once; then as people look most of the time.
  const emotion = face < EMOTIONS.length
    ? EMOTIONS[face]
    : new Random(seed, subject, face, 4).pick(EMOTIONS, [3, 5, 1.5, 1, 1, 1.2, 1.5]);
  const intensities = drawExpression(emotion, new Random(seed, subject, face, 1));
  return {
    subject: drawSubject(seed, subject, IDENTITY_MODES),
    emotion,
    split,
    intensities,
    weights: weigh(intensities, new Random(seed, subject, face, 2)),
    scene: drawScene(new Random(seed, subject, face, 3)),
  };
}

const round = (value: number, digits: number) => Number(value.toFixed(digits));

/** The FACS intensity that moves the face about as far as `weight` does. */
export function intensityOf(weight: number): number {
  let level = 0;
  while (level < 5 && weight >= (INTENSITY_WEIGHT[level] + INTENSITY_WEIGHT[level + 1]) / 2) level++;
  return level;
}

/** The intensity of a unit on each side, and of the face: measured on the mesh where the mesh shows it, else as drawn. */
function grade(
  au: number,
  draw: FaceDraw,
  { lids, lipGap }: Measures,
): { all: number; left: number; right: number } {
  const { weights } = draw, sides = ["left", "right"] as const;
  const by = (side: (side: "left" | "right") => number, all?: number) => {
    const [left, right] = sides.map(side);
    return { left, right, all: all ?? Math.max(left, right) };
  };
  const weight = (unit: number, side: "left" | "right") => weights[unit]?.[side] ?? 0;
  switch (au) {
    case 5:
      return by((side) => lids[side].closed < 0.3 ? lidRises(lids[side].rise) : 0);
    case 43:
    case 45:
      // Eyes that other units narrow are not closed: only what AU43, or a blink, closes counts.
      return by((side) => weight(au, side) > 0 ? lidsClose(lids[side].closed) : 0);
    case 25:
      return by(() => lipsPart(lipGap));
    case 26:
      // A jaw that AU27 stretches open is dropped as well.
      return by((side) => Math.max(intensityOf(weight(26, side)), weight(27, side) > 0.3 ? 5 : 0));
    default:
      return by((side) => intensityOf(weight(au, side)), draw.intensities[au] ?? 0);
  }
}

/** The manifest's line for a face once it is drawn. */
export function label(draw: FaceDraw, picture: Picture, image: string): Record<string, unknown> {
  const { subject } = draw, { measures } = picture;
  const intensity: Record<string, number> = {}, present: Record<string, number> = {};
  const sides: Record<string, { left: number; right: number }> = {};
  // A blink is known from its course, so only frames of a clip are labelled with AU45.
  for (const au of draw.emotion ? LABELLED_UNITS : [...LABELLED_UNITS, 45]) {
    const { all, left, right } = grade(au, draw, measures);
    intensity[au] = all;
    present[au] = all >= 2 ? 1 : 0;
    if (SIDED.has(au)) sides[au] = { left, right };
  }
  const points = Object.fromEntries(
    Object.entries(picture.points).map(([name, [x, y]]) => [name, [round(x, 1), round(y, 1)]]),
  );
  const { pose, gaze, openness } = measures;
  return {
    image,
    subject: subject.name,
    ...draw.emotion ? { emotion: draw.emotion } : {},
    split: draw.split,
    present,
    intensity,
    sides,
    visible: Object.fromEntries(measures.hidden.map((au) => [au, 0])),
    pose: { yaw: round(pose.yaw, 1), pitch: round(pose.pitch, 1), roll: round(pose.roll, 1) },
    gaze: {
      left: gaze.left.map((angle) => round(angle, 1)),
      right: gaze.right.map((angle) => round(angle, 1)),
    },
    openness: {
      leftEye: round(openness.leftEye, 3),
      rightEye: round(openness.rightEye, 3),
      mouth: round(openness.mouth, 3),
    },
    skin: subject.skinGroup,
    age: round(subject.age, 2),
    hair: subject.hairStyle,
    beard: subject.beard,
    glasses: subject.glasses !== null,
    hat: subject.hat.kind,
    occluder: draw.scene.occluder?.kind ?? "none",
    points,
    landmarks: measures.landmarks.map(([x, y]) => [round(x, 2), round(y, 2)]),
  };
}
