/**
 * What the model says of faces that were found, as they stand: turned where they were found the wrong way up, laid anew where
 * they were found tilted, and of those of which too little is seen no more than can be told (`upright.ts`).
 * @module
 */
import type { DetectedFace } from "./detector.ts";
import type { FoundFace } from "./face_finder.ts";
import { alignmentPointsOf } from "./face_track.ts";
import { warningsOf } from "./face_warnings.ts";
import type { AlignmentTemplate } from "./model_card.ts";
import {
  clarityOf,
  isHardlySeen,
  isPartlyHidden,
  isTilted,
  otherwiseTurned,
  standing,
  tilted,
  tiltOf,
  unjudged,
} from "./upright.ts";

/** How faces are read. */
export interface Reading {
  /** What the model says of faces as they were found; all go through it in one run. */
  read(found: readonly FoundFace[]): Promise<DetectedFace[]>;
  readonly picture: { readonly width: number; readonly height: number };
  readonly template: AlignmentTemplate;
  /** Of a film whoever follows its faces lays them, since a second look now and then would make them tremble. */
  readonly isStill: boolean;
}

/** What is told of the faces that were found: of an unclear one only that it is there, of others nothing. */
export async function standingFaces(found: readonly FoundFace[], reading: Reading): Promise<DetectedFace[]> {
  const told = (await upright(await reading.read(found), reading)).flatMap((face) => {
    const clarity = clarityOf(face);
    if (clarity === "clear") return [face];
    if (clarity === "nothing") return [];
    const unread = { ...face, aus: unjudged(face.aus) };
    return [{ ...unread, warnings: warningsOf(unread, reading.picture) }];
  });
  return reading.isStill ? await straight(told, reading) : told;
}

/** The same faces, those of which hardly anything is seen turned as the model sees the whole of them, where it does. */
async function upright(faces: readonly DetectedFace[], { read, template }: Reading): Promise<DetectedFace[]> {
  const doubted = faces.filter(({ aus, points68 }) => points68 && isHardlySeen(aus));
  if (doubted.length === 0) return [...faces];
  const others = await read(doubted.flatMap((face) => otherwiseTurned(placeOf(face), template)));
  const right = doubted.map((face, i) => standing(face, others.slice(3 * i, 3 * i + 3)));
  // The crop was laid by a face that stood otherwise; the points that the model sees in it lay it better.
  const again = await read(
    right.flatMap((face) => face ? [{ ...placeOf(face), points: alignmentPointsOf(face.points68!) }] : []),
  );
  return faces.map((face) => {
    const at = doubted.indexOf(face);
    if (at < 0 || !right[at]) return face;
    const turned = again[right.slice(0, at).filter(Boolean).length];
    // Of a covered face that lies, as much can seem to be seen the wrong way up as the right one.
    return isPartlyHidden(turned.aus) ? face : turned;
  });
}

/** The same faces, those of which the model sees the whole, and sees that they are tilted, laid anew. */
async function straight(faces: readonly DetectedFace[], { read }: Reading): Promise<DetectedFace[]> {
  const tiltSeen = ({ points, points68, aus }: DetectedFace) =>
    points68 && !isPartlyHidden(aus) ? tiltOf(points, alignmentPointsOf(points68)) : 0;
  const tilts = faces.map(tiltSeen), at = [...faces.keys()].filter((i) => isTilted(tilts[i]));
  if (at.length === 0) return [...faces];
  const again = await read(
    at.map((i) => ({ ...placeOf(faces[i]), points: tilted(faces[i].points, tilts[i]) })),
  );
  return faces.map((face, i) => {
    const other = again[at.indexOf(i)];
    return other && Math.abs(tiltSeen(other)) < Math.abs(tilts[i]) ? other : face;
  });
}

/** What was found of a face. */
function placeOf({ box, score, points }: FoundFace): FoundFace {
  return { box, score, points };
}
