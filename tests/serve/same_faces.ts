import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { DetectedFace } from "@emoco/web/detector";

/** What two engines must agree on; JSON of a face has it. */
type Face = Pick<DetectedFace, "points" | "aus">;

/** Holds the answer of one engine to that of another: points within half a pixel, probabilities within 0.02. */
export function assertSameFaces(actual: readonly Face[], expected: readonly Face[]): void {
  assertEquals(actual.length, expected.length);
  actual.forEach(({ points, aus }, i) => {
    for (const name of ["leftEye", "rightEye", "nose", "mouth"] as const) {
      for (const axis of [0, 1]) {
        assertAlmostEquals(points[name][axis], expected[i].points[name][axis], 0.5, `${name} of face ${i}`);
      }
    }
    assertEquals(aus.map(({ au }) => au), expected[i].aus.map(({ au }) => au));
    aus.forEach(({ au, probability }, j) =>
      assertAlmostEquals(probability, expected[i].aus[j].probability, 0.02, `AU${au} of face ${i}`)
    );
  });
}
