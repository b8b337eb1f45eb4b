import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { Face } from "../../../train/input/data.ts";
import { evaluateFaces } from "../../../train/scores/evaluation.ts";

/** A face with labels of AU4 and AU12. */
function face(
  subject: string,
  labels: [number, boolean][],
  other: Record<string, unknown> = {},
  emotion?: Face["emotion"],
): Face {
  return { image: "", line: 1, subject, emotion, present: new Map(labels), intensity: new Map(), other };
}

describe("evaluateFaces", () => {
  const faces = [
    face("a", [[4, true], [12, false]], { skin: 1, pose: { yaw: -25 } }, "happy"),
    face("a", [[4, false]], { skin: 1, pose: { yaw: 12 } }, "neutral"),
    face("b", [[4, true], [12, false]], { skin: "dark", pose: { yaw: 9.9 } }),
    face("b", [[4, false], [12, false]], { skin: "dark", pose: { yaw: 20 } }, "sad"),
  ];
  //                                        AU4  AU12
  const probabilities = Float32Array.from([0.9, 0.1, 0.7, 0.9, 0.4, 0.6, 0.2, 0.3]);

  it("counts at one half, leaves unlabelled cells out, and says nothing of what does not exist", () => {
    const { faces: count, subjects, units, averages, emotionAccuracy } = evaluateFaces(faces, [4, 12], {
      probabilities,
    });
    assertEquals([count, subjects, emotionAccuracy], [4, 2, null]);
    assertEquals(units, [
      {
        au: 4,
        truePositives: 1,
        falsePositives: 1,
        falseNegatives: 1,
        trueNegatives: 1,
        f1: 0.5,
        auc: 0.75,
        positiveRate: 0.5,
        count: 4,
      },
      {
        au: 12,
        truePositives: 0,
        falsePositives: 1,
        falseNegatives: 0,
        trueNegatives: 2,
        f1: 0,
        auc: NaN,
        positiveRate: 0,
        count: 3,
      },
    ]);
    assertEquals(averages, { f1: 0.25, auc: 0.75, positiveRate: 0.25 });
  });

  it("leaves a unit that no test face is labelled with out of the mean", () => {
    const { units, averages } = evaluateFaces([faces[1]], [4, 12], {
      probabilities: probabilities.slice(2, 4),
    });
    assertEquals([units[1].f1, units[1].count], [NaN, 0]);
    assertEquals(averages.f1, units[0].f1);
  });

  it("scores by skin group and by how far the head is turned to either side", () => {
    const { groups } = evaluateFaces(faces, [4, 12], { probabilities });
    assertEquals(groups.map(({ group, faces: count, averages }) => [group, count, averages.f1]), [
      ["head turned 10 to 20 deg", 1, 0],
      ["head turned over 20 deg", 2, 0.5],
      ["head turned under 10 deg", 1, 0],
      ["skin group 1", 2, (2 / 3 + 0) / 2],
      ["skin group dark", 2, 0],
    ]);
    assertEquals(evaluateFaces([face("a", [[4, true]])], [4], { probabilities }).groups, []);
  });

  it("takes the most likely emotion, of faces that are labelled with one", () => {
    const emotions = new Float32Array(4 * 7);
    emotions[1] = 0.9; // happy: right
    emotions[7 + 6] = 0.5; // neutral: taken for anger
    emotions[2 * 7 + 3] = 1; // unlabelled
    emotions[3 * 7 + 2] = 0.4; // sad: right
    assertEquals(evaluateFaces(faces, [4, 12], { probabilities, emotions }).emotionAccuracy, 2 / 3);
  });
});
