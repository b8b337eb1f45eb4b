import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import {
  type Answer,
  calibrated,
  type Calibration,
  calibrationCost,
  fitCalibration,
  meetingThreshold,
} from "../../../train/scores/calibration.ts";
import { randomStream } from "../../../train/runs/random.ts";

/** Answers whose truth follows sigmoid(slope logit(p) + offset). */
function drawn(count: number, slope: number, offset: number, seed = 1): Answer[] {
  const random = randomStream(seed);
  return Array.from({ length: count }, () => {
    const p = random();
    const truth = 1 / (1 + Math.exp(-(slope * Math.log(p / (1 - p)) + offset)));
    return { p, present: random() < truth };
  });
}

/** The lowest point by plain gradient descent on the cost as the module's comment has it, written anew. */
function descended(answers: readonly Answer[]): Calibration {
  let slope = 1, offset = 0;
  for (let step = 0; step < 8_000; step++) {
    let downSlope = slope - 1, downOffset = offset / 25;
    for (const { p, present } of answers) {
      const x = Math.log(p) - Math.log(1 - p);
      const error = 1 / (1 + Math.exp(-slope * x - offset)) - (present ? 1 : 0);
      downSlope += error * x;
      downOffset += error;
    }
    slope = Math.max(0.05, slope - 0.01 * downSlope);
    offset -= 0.01 * downOffset;
  }
  return [slope, offset];
}

describe("fitCalibration", () => {
  it("ends where plain gradient descent ends", () => {
    for (const [seed, slope, offset] of [[1, 1, 0], [2, 2, 1.5], [3, 0.4, -2], [4, 3, -4]]) {
      const answers = drawn(60, slope, offset, seed);
      const [ours, theirs] = [fitCalibration(answers), descended(answers)];
      assertAlmostEquals(ours[0], theirs[0], 1e-6, `slope of ${slope}, ${offset}`);
      assertAlmostEquals(ours[1], theirs[1], 1e-6, `offset of ${slope}, ${offset}`);
    }
  });

  it("finds what the answers were drawn by, where they are many", () => {
    const [slope, offset] = fitCalibration(drawn(40_000, 1.7, -0.8));
    assertAlmostEquals(slope, 1.7, 0.08);
    assertAlmostEquals(offset, -0.8, 0.08);
  });

  it("stays finite where a threshold tells all faces apart, and where there is nothing to learn from", () => {
    const apart = Array.from({ length: 20 }, (_, i) => ({ p: (i + 1) / 21, present: i >= 10 }));
    const [slope, offset] = fitCalibration(apart);
    assert(slope > 1 && slope < 10 && Math.abs(offset) < 1, `${slope}, ${offset}`);
    assertEquals(fitCalibration([]), [1, 0]);
    assert(fitCalibration([{ p: 0, present: false }, { p: 1, present: true }]).every(Number.isFinite));
  });

  it("never turns the order of faces round: a model that is wrong about it gets the least slope and the best offset", () => {
    const answers = drawn(80, -2, 0.5, 9);
    const [slope, offset] = fitCalibration(answers);
    assertEquals(slope, 0.05);
    assertAlmostEquals(offset, descended(answers)[1], 1e-6);
    for (const other of [offset - 0.01, offset + 0.01]) {
      assertLess(calibrationCost(answers, [slope, offset]), calibrationCost(answers, [slope, other]));
    }
  });

  it("makes of answers the shares of faces that show the unit", () => {
    const answers = drawn(20_000, 0.5, 1, 12), line = fitCalibration(answers);
    for (const [from, to] of [[0, 0.2], [0.4, 0.6], [0.8, 1]]) {
      const inside = answers.filter(({ p }) => p >= from && p < to);
      const share = inside.filter(({ present }) => present).length / inside.length;
      const said = inside.reduce((sum, { p }) => sum + calibrated(p, line), 0) / inside.length;
      assertAlmostEquals(said, share, 0.03, `answers from ${from} to ${to}`);
    }
  });
});

describe("meetingThreshold", () => {
  /** Faces called present, those of them that are, and faces that are. */
  const counts = (answers: readonly Answer[], threshold: number) => ({
    called: answers.filter(({ p }) => p >= threshold).length,
    present: answers.filter(({ present }) => present).length,
  });

  it("calls as many present as are present, midway between two answers", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const answers = drawn(50, 1.5, -1, seed), threshold = meetingThreshold(answers)!;
      const { called, present } = counts(answers, threshold);
      assertEquals(called, present);
      const above = Math.min(...answers.map(({ p }) => p).filter((p) => p >= threshold));
      const below = Math.max(...answers.map(({ p }) => p).filter((p) => p < threshold));
      assertAlmostEquals(threshold, (above + below) / 2, 5e-5);
    }
  });

  it("counts what was not found as present and never called so", () => {
    const answers = [0.9, 0.8, 0.6, 0.4, 0.2].map((p, i) => ({ p, present: i < 2 }));
    assertEquals(meetingThreshold(answers), 0.7);
    assertEquals(meetingThreshold(answers, 1), 0.5);
    assertEquals(meetingThreshold(answers, 100), 0.3, "somebody must be called absent");
  });

  it("takes the nearest cut where equal answers forbid the exact one, and none where all are equal", () => {
    const answers = [0.9, 0.5, 0.5, 0.5, 0.1].map((p, i) => ({ p, present: i < 2 }));
    assertEquals(meetingThreshold(answers), 0.7);
    assertEquals(meetingThreshold(answers.map(({ present }) => ({ p: 0.5, present }))), undefined);
    assertEquals(meetingThreshold([]), undefined);
  });

  it("tells neighbours apart that are nearer than four decimals", () => {
    const answers = [0.30000400, 0.30000300, 0.30000100, 0.3].map((p, i) => ({ p, present: i < 2 }));
    const threshold = meetingThreshold(answers)!;
    assert(threshold > 0.300001 && threshold <= 0.300003, String(threshold));
  });
});
