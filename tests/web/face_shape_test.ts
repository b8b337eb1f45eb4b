/** How a face lies in its crop: crops that a search has laid, closer looks that see them otherwise, points of a model. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import { FaceShape } from "../../web/face_shape.ts";
import type { FacePoints, Point } from "@emoco/web/image";
import { ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { randomOf } from "./compositions.ts";

const NAMES = ["leftEye", "rightEye", "nose", "mouth"] as const;

/** A face whose crop is laid at a place, `side` pixels wide, turned clockwise: anything in sides of the crop to the picture. */
function laid([x, y]: Point, side: number, degrees: number) {
  const c = side * Math.cos(degrees * Math.PI / 180), s = side * Math.sin(degrees * Math.PI / 180);
  const toPicture = ([u, v]: Point): Point => [
    x + c * (u - 0.5) - s * (v - 0.5),
    y + s * (u - 0.5) + c * (v - 0.5),
  ];
  const [leftEye, rightEye, nose, mouth] = ALIGNMENT_TEMPLATE.map(toPicture);
  const points: FacePoints = { leftEye, rightEye, nose, mouth };
  return { points, toPicture };
}

function assertSame(one: FacePoints, other: FacePoints): void {
  for (const name of NAMES) for (const i of [0, 1]) assertAlmostEquals(one[name][i], other[name][i], 1e-6);
}

describe("FaceShape", () => {
  const random = randomOf(8);
  /** Where a model sees 68 points, and a closer look four, in a crop that a search has laid: anywhere but on the template. */
  const places68 = Array.from({ length: 68 }, (): Point => [random(), random()]);
  const closer = ALIGNMENT_TEMPLATE.map(([u, v]): Point => [0.93 * u + 0.02 * random(), 0.95 * v + 0.05]);
  const seenIn = (toPicture: (place: Point) => Point): FacePoints => {
    const [leftEye, rightEye, nose, mouth] = closer.map(toPicture);
    return { leftEye, rightEye, nose, mouth };
  };
  const before = laid([100, 80], 120, 5), after = laid([110, 76], 132, -4);

  it("leads a closer look, which sees points elsewhere, to the crop that a search would lay", () => {
    const shape = new FaceShape();
    const points68 = places68.map(before.toPicture), seen = seenIn(before.toPicture);
    shape.lay(before.points, points68);
    assertEquals(shape.placeSeen(before.points, seen), seen, "no closer look has been laid beside it");
    shape.lay(before.points, points68, seen);
    assertSame(shape.placeSeen(before.points, seenIn(after.toPicture)), after.points);
  });

  it("moves a crop to where the model sees the face, by what mouth and brows do not move", () => {
    const shape = new FaceShape(), points68 = places68.map(after.toPicture);
    assertEquals(shape.placeRead(before.points, points68), before.points, "no search has laid it");
    shape.lay(before.points, places68.map(before.toPicture));
    assertSame(shape.placeRead(before.points, points68), after.points);
    const speaking = points68.map(([x, y], i): Point => i >= 48 || i >= 17 && i < 27 ? [x, y + 30] : [x, y]);
    assertSame(shape.placeRead(before.points, speaking), after.points);
  });

  it("keeps the crop where all points have fallen into one", () => {
    const shape = new FaceShape(), nowhere = places68.map((): Point => [0, 0]);
    shape.lay(before.points, places68.map(before.toPicture));
    assertEquals(shape.placeRead(before.points, nowhere), before.points);
  });
});
