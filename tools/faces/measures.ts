/** What the renderer knows of a picture beyond its pixels: points, pose, gaze, openings, and what cannot be seen. */
import type { Similarity } from "@emoco/web/image";
import { type Head, SURFACES } from "./head.ts";
import type { Gaze, LidMeasure } from "./lids.ts";
import { type Matrix, turn } from "./mesh.ts";
import type { Expressed } from "./model.ts";
import type { DepthBuffer, Screen } from "./raster.ts";

/** Exact measures of one picture. Angles are in degrees, against the picture's own axes. */
export interface Measures {
  /** The 68 iBUG points in pixels of the picture, [x, y] each. */
  readonly landmarks: readonly (readonly [number, number])[];
  /** Yaw and roll to the subject's left, pitch up. */
  readonly pose: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  /** [yaw, pitch] of each eye; [0, 0] looks into the camera. */
  readonly gaze: { readonly left: readonly [number, number]; readonly right: readonly [number, number] };
  /** Openings as shares of the distance between the eyes. */
  readonly openness: { readonly leftEye: number; readonly rightEye: number; readonly mouth: number };
  readonly lids: { readonly left: LidMeasure; readonly right: LidMeasure };
  /** How far the inner lips stand apart beyond the person's rest, in head units. */
  readonly lipGap: number;
  /** Units that cannot be seen here: covered, turned away or outside the picture on both sides of the face. */
  readonly hidden: readonly number[];
}

/** Where each unit shows: points of the left half of the rest face, mirrored for the right one. */
const ANCHORS: Readonly<Record<number, readonly (readonly [number, number])[]>> = {
  1: [[1.5, 6.2], [1.2, 7.2]],
  2: [[4.8, 6.2], [4, 7.2]],
  4: [[1.4, 5.8], [0.4, 5.5], [3, 6]],
  5: [[2.8, 4.1], [3.9, 4], [3.3, 3]],
  6: [[4.2, 2.2], [5.2, 3.2], [4, 1.2]],
  7: [[2.8, 2.95], [3.9, 2.95], [3.3, 4.1]],
  9: [[0.4, 3.4], [0.9, 2.5], [1.4, 0.6]],
  10: [[1.2, -1.6], [1.9, -0.8], [1, -2.3]],
  12: [[2.6, -3.5], [3.2, -2.8], [3.2, -4.2]],
  16: [[0.8, -4.6], [1.6, -4.6]],
  17: [[0.4, -5.9], [1.2, -5.6]],
  23: [[0.4, -2.4], [0.5, -4.4], [1.6, -2.8], [1.6, -4.2]],
  25: [[0.5, -2.5], [0.5, -4.3]],
  26: [[0.6, -4.3], [0.6, -7], [2.2, -6.9]],
};
/** Units that show where another one does. */
const LIKE: Readonly<Record<number, number>> = {
  14: 12,
  15: 12,
  18: 23,
  20: 12,
  22: 23,
  24: 23,
  27: 26,
  28: 23,
  43: 5,
  45: 5,
};

/** Vertices at the anchors of each unit, on either side. */
export interface AnchorVertices {
  readonly left: Int32Array;
  readonly right: Int32Array;
}

/** Finds the vertices of the face nearest to each unit's anchors. */
export function findAnchors(head: Head): ReadonlyMap<number, AnchorVertices> {
  const face = new Set<number>();
  for (let t = 0; t < head.surface.length; t++) {
    if (SURFACES[head.surface[t]] === "eyeLeft" || SURFACES[head.surface[t]] === "eyeRight") continue;
    if (head.surface[t] === SURFACES.indexOf("teeth") || head.surface[t] === SURFACES.indexOf("gums")) {
      continue;
    }
    for (let k = 0; k < 3; k++) face.add(head.triangles[3 * t + k]);
  }
  const nearest = (x: number, y: number) => {
    let best = Infinity, found = 0;
    for (const v of face) {
      // Among points that lie one behind another the front one is meant.
      const far = Math.hypot(head.rest[3 * v] - x, head.rest[3 * v + 1] - y) - 0.1 * head.rest[3 * v + 2];
      if (far < best) best = far, found = v;
    }
    return found;
  };
  const anchors = new Map<number, AnchorVertices>();
  for (const [unit, points] of Object.entries(ANCHORS)) {
    anchors.set(Number(unit), {
      left: Int32Array.from(points, ([x, y]) => nearest(x, y)),
      right: Int32Array.from(points, ([x, y]) => nearest(-x, y)),
    });
  }
  for (const [unit, like] of Object.entries(LIKE)) anchors.set(Number(unit), anchors.get(like)!);
  return anchors;
}

/** A face lies before itself, as a nose before a cheek, when it is nearer by more than this, in head units. */
const BEFORE = 0.5;

function hiddenUnits(
  anchors: ReadonlyMap<number, AnchorVertices>,
  screen: Screen,
  buffer: DepthBuffer,
  slack: readonly number[],
): number[] {
  const share = (vertices: Int32Array) => {
    let seen = 0;
    for (const v of vertices) {
      const x = Math.floor(screen[3 * v]), y = Math.floor(screen[3 * v + 1]);
      if (x < 0 || y < 0 || x >= buffer.width || y >= buffer.height) continue;
      const at = y * buffer.width + x;
      if (buffer.depth[at] >= screen[3 * v + 2] - (slack[buffer.part[at]] ?? BEFORE)) seen++;
    }
    return seen / vertices.length;
  };
  return [...anchors].filter(([, { left, right }]) => Math.max(share(left), share(right)) < 0.5)
    .map(([unit]) => unit).sort((a, b) => a - b);
}

/** Direction of one eye's gaze against the line from it to the camera. */
function gazeAgainstCamera(
  gaze: Gaze,
  matrix: Matrix,
  eye: readonly [number, number, number],
  distance: number,
  roll: number,
): [number, number] {
  const yaw = gaze.yaw * Math.PI / 180, pitch = gaze.pitch * Math.PI / 180;
  const look = Float32Array.of(
    Math.sin(yaw) * Math.cos(pitch),
    Math.sin(pitch),
    Math.cos(yaw) * Math.cos(pitch),
  );
  const angles = (x: number, y: number, z: number) => {
    const c = Math.cos(roll), s = Math.sin(roll), across = c * x + s * y, up = c * y - s * x;
    return [Math.atan2(across, z), Math.atan2(up, Math.hypot(across, z))];
  };
  const [x, y, z] = turn(look, matrix), [lookYaw, lookPitch] = angles(x, y, z);
  const [cameraYaw, cameraPitch] = angles(-eye[0], -eye[1], distance - eye[2]);
  return [(lookYaw - cameraYaw) * 180 / Math.PI, (lookPitch - cameraPitch) * 180 / Math.PI];
}

/** What `measure` needs of a picture. */
export interface Shot {
  readonly head: Head;
  readonly anchors: ReadonlyMap<number, AnchorVertices>;
  readonly expressed: Expressed;
  readonly pose: { readonly yaw: number; readonly pitch: number; readonly roll: number };
  readonly gaze: Gaze;
  readonly matrix: Matrix;
  /** The head in the camera's frame, and on the picture in samples, [V, 3] each. */
  readonly world: Float32Array;
  readonly screen: Screen;
  readonly distance: number;
  readonly place: Similarity;
  readonly samples: number;
  readonly buffer: DepthBuffer;
  /** How far each part after the head may stand before the face and still hide nothing, in head units. */
  readonly slack: readonly number[];
}

/** Measures a picture whose parts are all drawn into `buffer`. */
export function measure(shot: Shot): Measures {
  const { head, expressed, pose, gaze, matrix, world, screen, distance, place, samples } = shot;
  // How far the crop turns the picture clockwise.
  const turned = Math.atan2(place.b, place.a);
  const at = (...landmarks: number[]): [number, number, number] => {
    const out: [number, number, number] = [0, 0, 0];
    for (const i of landmarks) {
      for (let k = 0; k < 3; k++) out[k] += world[3 * head.landmarks[i] + k] / landmarks.length;
    }
    return out;
  };
  const landmarks: [number, number][] = [];
  for (const v of head.landmarks) landmarks.push([screen[3 * v] / samples, screen[3 * v + 1] / samples]);
  const { lids, lipGap, mouthGap, eyeSpan } = expressed;
  return {
    landmarks,
    pose: { yaw: pose.yaw, pitch: pose.pitch, roll: pose.roll + turned * 180 / Math.PI },
    gaze: {
      left: gazeAgainstCamera(gaze, matrix, at(42, 45), distance, turned),
      right: gazeAgainstCamera(gaze, matrix, at(36, 39), distance, turned),
    },
    openness: {
      leftEye: lids.left.gap / eyeSpan,
      rightEye: lids.right.gap / eyeSpan,
      mouth: mouthGap / eyeSpan,
    },
    lids,
    lipGap,
    hidden: hiddenUnits(shot.anchors, screen, shot.buffer, [BEFORE, ...shot.slack]),
  };
}
