/**
 * A film read twice, frame by frame: once as films are read, with the face followed, once with each frame on its own.
 * @module
 */
import type { AuDetector, DetectedFace, FaceReadings } from "@emoco/web/detector";
import type { FaceFinder } from "@emoco/web/face-finder";
import type { FaceFollower } from "@emoco/web/face-follower";
import type { ModelCard } from "@emoco/web/model-card";
import type { Ffmpeg } from "../film.ts";

/** What is kept of a face. */
export interface Sample {
  /** Of each unit of the card: its intensity, else its probability; NaN where it cannot be seen. */
  readonly strengths: readonly number[];
  readonly present: readonly (boolean | null)[];
  readonly openness?: FaceReadings["openness"];
}

/** A film's main face, frame by frame; undefined where it was not found. */
export interface BothReadings {
  readonly name: string;
  /** Seconds of each frame. */
  readonly times: readonly number[];
  readonly followed: readonly (Sample | undefined)[];
  readonly alone: readonly (Sample | undefined)[];
  /** How many numbers the followed faces got. */
  readonly ids: number;
}

/** What reads a film both ways. */
export interface BothReader {
  readonly ffmpeg: Ffmpeg;
  readonly detector: AuDetector;
  readonly follower: FaceFollower;
  /** The one that the follower asks. */
  readonly finder: FaceFinder;
}

/**
 * Reads a film; its main face is the one that is followed longest.
 * @throws {FilmError} no frame could be read
 */
export async function readBoth(
  { ffmpeg, detector, follower, finder }: BothReader,
  path: string,
  name: string,
): Promise<BothReadings> {
  const times: number[] = [], tracked: DetectedFace[][] = [], single: DetectedFace[][] = [];
  follower.restart();
  for await (const { time, pixels } of ffmpeg.open(path).frames()) {
    follower.at(time);
    times.push(time);
    tracked.push([...(await detector.detect(pixels, undefined, follower)).faces]);
    single.push([...(await detector.detect(pixels, undefined, finder)).faces]);
  }
  const seen = new Map<number, number>();
  for (const { id = 0 } of tracked.flat()) seen.set(id, (seen.get(id) ?? 0) + 1);
  const [main] = [...seen].sort(([, one], [, other]) => other - one)[0] ?? [];
  const faces = tracked.map((frame) => frame.find(({ id }) => id === main));
  return {
    name,
    times,
    followed: faces.map((face) => face && sampleOf(face, detector.card)),
    alone: single.map((frame, i) => {
      const face = faces[i] ? nearest(frame, faces[i]) : frame[0];
      return face && sampleOf(face, detector.card);
    }),
    ids: seen.size,
  };
}

function sampleOf({ aus, openness }: DetectedFace, { target }: ModelCard): Sample {
  return {
    strengths: aus.map(({ probability, intensity, present }) =>
      present === null ? NaN : target === "intensity" ? intensity ?? NaN : probability
    ),
    present: aus.map(({ present }) => present),
    ...openness && { openness },
  };
}

/** The face whose box lies nearest to another's, less than half its width away. */
function nearest(faces: readonly DetectedFace[], { box: at }: DetectedFace): DetectedFace | undefined {
  const off = ({ box }: DetectedFace) =>
    Math.hypot(box.x - at.x + (box.width - at.width) / 2, box.y - at.y + (box.height - at.height) / 2);
  return faces.toSorted((one, other) => off(one) - off(other)).find((face) => off(face) < at.width / 2);
}
