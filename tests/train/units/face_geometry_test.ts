import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { PLACEMENT } from "../../../train/input/placement.ts";
import type { Face } from "../../../train/input/data.ts";
import { randomStream } from "../../../train/runs/random.ts";
import {
  GEOMETRY_SIZE,
  geometryFeeds,
  geometryOf,
  geometryStart,
  geometryUnits,
  meanGeometry,
  MIRRORED_POINTS,
  placeGeometry,
} from "../../../train/units/face_geometry.ts";

/** A geometry of draws, points in pixels of a picture of 100. */
function drawn(seed: number): Float32Array<ArrayBuffer> {
  const random = randomStream(seed);
  return Float32Array.from(
    { length: GEOMETRY_SIZE },
    (_, i) => i < 136 ? 100 * random() : 40 * random() - 20,
  );
}

function close(one: ArrayLike<number>, other: ArrayLike<number>, tolerance = 1e-4): void {
  assertEquals(one.length, other.length);
  for (let i = 0; i < one.length; i++) assertAlmostEquals(one[i], other[i], tolerance, `number ${i}`);
}

/** The partner of each point in the mirror, from where iBUG's points lie on a face that is its own mirror image. */
function symmetricFace(): Float32Array<ArrayBuffer> {
  const points: [number, number][] = [];
  const put = (...more: [number, number][]) => points.push(...more);
  for (let i = 0; i < 17; i++) put([-Math.cos(Math.PI * i / 16), Math.sin(Math.PI * i / 16)]); // jaw
  for (let i = 0; i < 5; i++) put([-0.7 + 0.12 * i, -0.4 - 0.05 * Math.sin(i)]); // brow on the picture's left
  for (let i = 4; i >= 0; i--) put([0.7 - 0.12 * i, -0.4 - 0.05 * Math.sin(i)]);
  for (let i = 0; i < 4; i++) put([0, -0.3 + 0.15 * i]); // bridge of the nose
  for (let i = -2; i <= 2; i++) put([0.1 * i, 0.25 + 0.02 * (2 - Math.abs(i))]); // under it
  const eye: [number, number][] = [[-0.6, -0.2], [-0.5, -0.26], [-0.36, -0.27], [-0.25, -0.19], [
    -0.35,
    -0.15,
  ], [
    -0.5,
    -0.14,
  ]];
  put(...eye);
  const other = ([x, y]: [number, number]): [number, number] => [-x, y];
  put(...[3, 2, 1, 0, 5, 4].map((i) => other(eye[i]))); // iBUG begins each eye at its left corner in the picture
  for (let i = 0; i < 12; i++) { // outer lips from the left corner over the top
    const turn = Math.PI - Math.PI * i / 6;
    put([0.4 * Math.cos(turn), 0.55 - 0.12 * Math.sin(turn)]);
  }
  for (let i = 0; i < 8; i++) {
    const turn = Math.PI - Math.PI * i / 4;
    put([0.3 * Math.cos(turn), 0.55 - 0.05 * Math.sin(turn)]);
  }
  const values = new Float32Array(GEOMETRY_SIZE);
  values.set(points.flatMap(([x, y]) => [50 + 40 * x, 50 + 40 * y]));
  values.set([0, 7, 0], geometryStart("pose"));
  values.set([6, -3, -6, -3], geometryStart("gaze")); // both eyes turned to the nose alike
  values.set([0.2, 0.2, 0.1], geometryStart("openness"));
  return values;
}

describe("placeGeometry", () => {
  it("mirrors twice to what there was", () => {
    const once = placeGeometry(drawn(1), [0, 0, 1, 1, 1]);
    close(placeGeometry(once, [0, 0, 1, 1, 1]), drawn(1));
    assertEquals(
      MIRRORED_POINTS.map((point) => MIRRORED_POINTS[point]),
      Array.from({ length: 68 }, (_, i) => i),
    );
  });

  it("puts points into a crop, from which they are found back", () => {
    for (const flip of [0, 1]) {
      const whole = drawn(2), placed = placeGeometry(whole, [13, 7, 60, 80, flip]);
      for (let point = 0; point < 68; point++) {
        const from = flip ? MIRRORED_POINTS[point] : point;
        const x = flip ? 1 - placed[2 * point] : placed[2 * point];
        assertAlmostEquals(13 + 60 * x, whole[2 * from], 1e-4);
        assertAlmostEquals(7 + 80 * placed[2 * point + 1], whole[2 * from + 1], 1e-4);
      }
      if (!flip) assertEquals(placed.slice(136), whole.slice(136));
    }
  });

  it("leaves a face that is its own mirror image as it is", () => {
    const face = symmetricFace();
    close(placeGeometry(face, [0, 0, 100, 100, 1]), placeGeometry(face, [0, 0, 100, 100, 0]), 1e-5);
    const turned = face.slice();
    turned[0] += 1; // one side of the jaw alone
    assert(placeGeometry(turned, [0, 0, 100, 100, 1])[0] !== placeGeometry(turned, [0, 0, 100, 100, 0])[0]);
  });

  it("changes sides in a mirror: yaw, roll and gaze turn round, the eyes change places", () => {
    const whole = drawn(3), placed = placeGeometry(whole, [0, 0, 100, 100, 1]);
    const [yaw, pitch, roll, leftYaw, leftPitch, rightYaw, rightPitch, left, right, mouth] = whole.slice(136);
    assertEquals([...placed.slice(136)], [
      ...[-yaw, pitch, -roll],
      ...[-rightYaw, rightPitch, -leftYaw, leftPitch],
      ...[right, left, mouth],
    ]);
  });
});

describe("geometryOf", () => {
  const face = (other: Record<string, unknown>) => ({ other }) as unknown as Face;

  it("reads each part of a line by itself, NaN where it says nothing or nonsense", () => {
    const landmarks = Array.from({ length: 68 }, (_, i) => [i, 100 + i]);
    const all = geometryOf(face({
      landmarks,
      pose: { yaw: 1, pitch: 2, roll: 3 },
      gaze: { left: [4, 5], right: [6, 7] },
      openness: { leftEye: 8, rightEye: 9, mouth: 10 },
    }));
    assertEquals([...all], [...landmarks.flat(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const some = geometryOf(face({ gaze: { right: [6, 7] }, pose: { yaw: "left", pitch: 2 } }));
    const known = [...some].flatMap((value, i) => Number.isNaN(value) ? [] : [[i - 136, value]]);
    assertEquals(known, [[1, 2], [5, 6], [6, 7]]);
  });

  it("feeds labelled numbers in training's units, and starts at their means", () => {
    const [one, other] = [drawn(4), drawn(5)];
    other.fill(NaN, 140);
    const placements = new Float32Array(2 * PLACEMENT);
    placements.set([0, 0, 100, 100, 0]);
    placements.set([10, 20, 50, 40, 1], PLACEMENT);
    const { values, labelled } = geometryFeeds([one, other], placements);
    const units = geometryUnits();
    [one, other].forEach((whole, n) => {
      const placed = placeGeometry(whole, placements.subarray(PLACEMENT * n, PLACEMENT * (n + 1)));
      placed.forEach((value, i) => {
        const at = n * GEOMETRY_SIZE + i;
        assertEquals(labelled[at], Number(!Number.isNaN(value)));
        assertAlmostEquals(values[at], Number.isNaN(value) ? 0 : value / units[i], 1e-4);
      });
    });
    const mean = meanGeometry([one, other], placements);
    assertAlmostEquals(mean[0], (values[0] + values[GEOMETRY_SIZE]) / 2, 1e-4);
    assertAlmostEquals(mean[145], values[145], 1e-4);
    assertEquals(meanGeometry([], new Float32Array()), new Float32Array(GEOMETRY_SIZE));
  });
});
