/** Draws what a face is to look like: from (seed, subject, face) to everything the renderer needs, and its labels. */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import { INTENSITY_WEIGHT, LABELLED_UNITS, type UnitWeights } from "./action_units.ts";
import { drawExpression, type Intensities, lipsPart } from "./expression.ts";
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
  readonly emotion: Emotion;
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

/** How far each side moves: the grade's weight, somewhat more or less, and rarely the same left and right. */
export function weigh(intensities: Intensities, random: Random): UnitWeights {
  const weights: Record<number, { left: number; right: number }> = {};
  for (const [au, intensity] of Object.entries(intensities)) {
    if (intensity === 0) continue;
    const weight = INTENSITY_WEIGHT[intensity] * random.between(0.88, 1.12);
    // Dimples and raised lips are the units seen on one side alone.
    const oneSided = [10, 14].includes(Number(au)) && random.chance(0.2);
    const tilt = oneSided ? random.pick([-0.75, 0.75]) : random.normal(0, 0.1, 2);
    weights[Number(au)] = {
      left: weight * Math.min(1, 1 + tilt) + (tilt > 0 && !oneSided ? weight * tilt * 0.5 : 0),
      right: weight * Math.min(1, 1 - tilt) + (tilt < 0 && !oneSided ? -weight * tilt * 0.5 : 0),
    };
  }
  return weights;
}

/** Draws face number `face` of subject number `subject`; each subject shows every emotion in turn. */
export function drawFace(seed: number, subject: number, face: number, split: Split): FaceDraw {
  const emotion = EMOTIONS[face < EMOTIONS.length ? face : (face + subject) % EMOTIONS.length];
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

/** The manifest's line for a face once it is drawn. */
export function label(draw: FaceDraw, picture: Picture, image: string): Record<string, unknown> {
  const { subject, scene } = draw;
  const intensity: Record<string, number> = {}, present: Record<string, number> = {};
  for (const au of LABELLED_UNITS) {
    intensity[au] = au === 25 ? lipsPart(picture.lipGap) : draw.intensities[au] ?? 0;
    present[au] = intensity[au] >= 2 ? 1 : 0;
  }
  const points = Object.fromEntries(
    Object.entries(picture.points).map(([name, [x, y]]) => [name, [round(x, 1), round(y, 1)]]),
  );
  return {
    image,
    subject: subject.name,
    emotion: draw.emotion,
    split: draw.split,
    present,
    intensity,
    pose: {
      yaw: round(scene.pose.yaw, 1),
      pitch: round(scene.pose.pitch, 1),
      roll: round(scene.pose.roll, 1),
    },
    skin: subject.skinGroup,
    age: round(subject.age, 2),
    hair: subject.hairStyle,
    beard: subject.beard,
    glasses: subject.glasses !== null,
    points,
  };
}
