/**
 * One face from frame to frame: where it is expected, from what the model's own points have shown.
 * @module
 */
import type { FoundFace } from "./face_finder.ts";
import { FaceShape } from "./face_shape.ts";
import { alignmentTransform, type FacePoints, type Point, transformPoint } from "./image.ts";
import type { AlignmentTemplate } from "./model_card.ts";
import { invert, type Similarity } from "./similarity.ts";

const NAMES = ["leftEye", "rightEye", "nose", "mouth"] as const;
/** Part of what was measured that a still face's points follow; one that moves is followed wholly. */
const STILL = 0.25;
/** In distances of the eyes: residuals from here on are movement. */
const MOVING = 0.06;
/** Part of the newest movement in the speed; the speed is forgotten over a longer gap, in seconds. */
const NEWEST = 0.5, GAP = 0.3;
/** A step that is expected to be shorter, in distances of the eyes, is jitter. */
const STEADY = 0.02;

/** The four points that align a face, from iBUG's 68: its left eye is the picture's right one. */
export function alignmentPointsOf(points68: readonly Point[]): FacePoints {
  const mean = (...places: number[]): Point => {
    let x = 0, y = 0;
    for (const place of places) {
      x += points68[place][0] / places.length;
      y += points68[place][1] / places.length;
    }
    return [x, y];
  };
  return {
    leftEye: mean(42, 43, 44, 45, 46, 47),
    rightEye: mean(36, 37, 38, 39, 40, 41),
    nose: points68[30],
    mouth: mean(48, 54),
  };
}

/** How far a face is from where it was taken to be. */
export interface Offset {
  /** In sides of the crop. */
  readonly shift: number;
  /** Natural logarithm of the factor. */
  readonly scale: number;
  /** Degrees, without a sign. */
  readonly turn: number;
}

/** What it takes to get from the crop that was read to the one that the measured points ask for. */
export function offsetOf(read: FacePoints, measured: FacePoints, template?: AlignmentTemplate): Offset {
  const before = alignmentTransform(read, 1, template), after = alignmentTransform(measured, 1, template);
  const [x, y] = transformPoint(after, transformPoint(invert(before), [0.5, 0.5]));
  const turn = Math.abs(Math.atan2(after.b, after.a) - Math.atan2(before.b, before.a)) * 180 / Math.PI;
  return {
    shift: Math.hypot(x - 0.5, y - 0.5),
    scale: Math.abs(Math.log(Math.hypot(after.a, after.b) / Math.hypot(before.a, before.b))),
    turn: Math.min(turn, 360 - turn),
  };
}

/** The same face by other points: its box goes with them. */
export function moveTo(face: FoundFace, points: FacePoints, template?: AlignmentTemplate): FoundFace {
  const from = alignmentTransform(face.points, 1, template);
  return placed(face, from, alignmentTransform(points, 1, template), points);
}

function placed({ box, score }: FoundFace, from: Similarity, to: Similarity, points: FacePoints): FoundFace {
  const center = transformPoint(from, [box.x + box.width / 2, box.y + box.height / 2]);
  const [x, y] = transformPoint(invert(to), center);
  const factor = Math.hypot(from.a, from.b) / Math.hypot(to.a, to.b);
  const width = box.width * factor, height = box.height * factor;
  return { box: { x: x - width / 2, y: y - height / 2, width, height }, score, points };
}

/** Distance of the eyes in pixels. */
function eyesOf({ leftEye, rightEye }: FacePoints): number {
  return Math.hypot(leftEye[0] - rightEye[0], leftEye[1] - rightEye[1]);
}

/** A face that is followed. */
export class FaceTrack {
  /** The face as it was found or followed last. */
  #face: FoundFace;
  #time: number;
  #speed: Point = [0, 0];
  /** Whether the model's points have shown where it is. */
  isByModel = false;
  /** What it looked like. */
  look?: Float32Array;
  /** How it lies in the finder's crops. */
  readonly shape: FaceShape;

  constructor(face: FoundFace, time: number, private readonly template?: AlignmentTemplate) {
    this.shape = new FaceShape(template);
    this.#face = face;
    this.#time = time;
  }

  /** Where it is expected. */
  expect(time: number): FoundFace {
    const passed = time - this.#time;
    if (!(passed > 0 && passed < GAP) || !this.isByModel) return this.#face;
    const { box, score, points } = this.#face, dx = this.#speed[0] * passed, dy = this.#speed[1] * passed;
    if (Math.hypot(dx, dy) < STEADY * eyesOf(points)) return this.#face;
    const move = ([x, y]: Point): Point => [x + dx, y + dy];
    return {
      box: { ...box, x: box.x + dx, y: box.y + dy },
      score,
      points: {
        leftEye: move(points.leftEye),
        rightEye: move(points.rightEye),
        nose: move(points.nose),
        mouth: move(points.mouth),
      },
    };
  }

  /** Takes in the face as the finder sees it. */
  see(face: FoundFace, time: number): void {
    this.#face = face;
    this.#time = time;
  }

  /** Takes in what the model's points show: jitter is smoothed, movement is not. */
  measure(read: FoundFace, measured: FacePoints, time: number): void {
    const passed = time - this.#time, expected = this.expect(time).points;
    const { leftEye, rightEye } = measured,
      eyes = Math.hypot(leftEye[0] - rightEye[0], leftEye[1] - rightEye[1]);
    let dx = 0, dy = 0, off = 0;
    for (const name of NAMES) {
      const x = measured[name][0] - expected[name][0], y = measured[name][1] - expected[name][1];
      dx += x / NAMES.length;
      dy += y / NAMES.length;
      off += Math.hypot(x, y) / NAMES.length / eyes;
    }
    const gain = this.isByModel ? STILL + (1 - STILL) * Math.min(1, off / MOVING) : 1;
    if (!this.isByModel || !(passed > 0 && passed < GAP)) this.#speed = [0, 0];
    else {
      this.#speed = [
        this.#speed[0] + NEWEST * gain * dx / passed,
        this.#speed[1] + NEWEST * gain * dy / passed,
      ];
    }
    const mix = (name: typeof NAMES[number]): Point => [
      expected[name][0] + gain * (measured[name][0] - expected[name][0]),
      expected[name][1] + gain * (measured[name][1] - expected[name][1]),
    ];
    const points = {
      leftEye: mix("leftEye"),
      rightEye: mix("rightEye"),
      nose: mix("nose"),
      mouth: mix("mouth"),
    };
    this.#face = moveTo(read, points, this.template);
    this.#time = time;
    this.isByModel = true;
  }
}
