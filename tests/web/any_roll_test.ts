/** The whole way from a picture to a face's points, however the head stands: points where they are, or no face. */
import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { AuDetector } from "@emoco/web/detector";
import { ALIGNMENT_POINTS } from "@emoco/web/model-card";
import { compose, drawBackground, type Head, openCommitted, randomOf } from "./compositions.ts";

const SIDE = 320, EYES = 60;

describe("rendered heads at any roll", () => {
  let detector: AuDetector, heads: Head[], release: () => Promise<void>;
  beforeAll(async () => {
    ({ detector, heads, release } = await openCommitted());
  });
  afterAll(() => release());

  it("have their points where they are, but for one, or are no face, or nothing is read of them", async () => {
    const random = randomOf(17), wrong: string[] = [];
    let read = 0, unread = 0;
    for (const [i, head] of heads.entries()) {
      for (let quarter = 0; quarter < 4; quarter++) {
        const turn = 90 * quarter + 30 * (i % 3); // all twelve angles of a clock, each for a third of the heads
        const picture = compose(drawBackground(SIDE, SIDE, random), head, {
          eyes: EYES,
          turn: turn - head.roll,
          at: [SIDE / 2, SIDE / 2],
        });
        const [face, ...more] = (await detector.detect(picture.image)).faces;
        assertEquals(more, []);
        if (!face) continue;
        if (face.aus.every(({ present }) => present === null)) {
          unread++;
          continue;
        }
        read++;
        const error = ALIGNMENT_POINTS.reduce((sum, name) => {
          const [[x, y], [tx, ty]] = [face.points[name], picture.points[name]];
          return sum + Math.hypot(x - tx, y - ty) / EYES / ALIGNMENT_POINTS.length;
        }, 0);
        if (error > 0.25) wrong.push(`head ${i} at ${turn}: ${error.toFixed(2)}`);
      }
    }
    // Measured: 216 are read, one is marked as covered with nothing read, 23 are no face; of the 216 one lies otherwise.
    assertLess(wrong.length, 2, wrong.join(", "));
    assertGreater(read, 205);
    assertLess(unread, 4);
  });
});
