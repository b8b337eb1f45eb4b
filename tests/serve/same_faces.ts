import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { DetectedFace } from "@emoco/web/detector";

/** What two engines must agree on; JSON of a face has it. */
type Face = Pick<DetectedFace, "points" | "points68" | "pose" | "gaze" | "openness" | "aus">;

/**
 * Holds the answer of one engine to that of another: points within half a pixel, probabilities within 0.02, angles within
 * half a degree, openness within 0.02; both know the same of a face.
 */
export function assertSameFaces(actual: readonly Face[], expected: readonly Face[]): void {
  assertEquals(actual.length, expected.length);
  actual.forEach(({ points, aus, ...face }, i) => {
    const { points: otherPoints, aus: otherAus, ...other } = expected[i];
    for (const name of ["leftEye", "rightEye", "nose", "mouth"] as const) {
      assertNear(points[name], otherPoints[name], 0.5, `${name} of face ${i}`);
    }
    assertEquals(aus.map(({ au }) => au), otherAus.map(({ au }) => au));
    aus.forEach(({ au, probability }, j) =>
      assertAlmostEquals(probability, otherAus[j].probability, 0.02, `AU${au} of face ${i}`)
    );
    assertNear(face.points68?.flat(), other.points68?.flat(), 0.5, `points68 of face ${i}`);
    assertNear(face.pose && degrees(face.pose), other.pose && degrees(other.pose), 0.5, `pose of face ${i}`);
    for (const side of ["left", "right"] as const) {
      assertNear(face.gaze?.[side], other.gaze?.[side], 0.5, `${side} gaze of face ${i}`);
    }
    for (const gap of ["leftEye", "rightEye", "mouth"] as const) {
      const [found, wanted] = [face, other].map(({ openness }) => openness && [openness[gap]]);
      assertNear(found, wanted, 0.02, `openness of ${gap} of face ${i}`);
    }
  });
}

function degrees({ yaw, pitch, roll }: NonNullable<Face["pose"]>): number[] {
  return [yaw, pitch, roll];
}

/** Both absent, or both numbers that differ by no more than the tolerance. */
function assertNear(
  actual: readonly number[] | undefined,
  expected: readonly number[] | undefined,
  tolerance: number,
  what: string,
): void {
  assertEquals(actual?.length, expected?.length, what);
  expected?.forEach((value, i) => assertAlmostEquals(actual![i], value, tolerance, what));
}
