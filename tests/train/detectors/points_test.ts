import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { ALIGNED } from "../../../train/detectors/jaa.ts";
import { meanDistance } from "../../../train/units/detector_points.ts";
import { writeManifest } from "../toy_faces.ts";
import { drawLabelledFaces, readRunFile, runTask } from "../toy_runs.ts";

describe("the error of points", () => {
  it("is the mean distance over that of the eyes, whatever the size and the turn of the face", () => {
    // Eyes of six points about (-1, 0) and (1, 0), all else at the origin: two apart.
    const face = Array.from({ length: 68 }, (_, i): [number, number] => {
      if (i < 36 || i > 47) return [0, 0];
      const angle = i * Math.PI / 3;
      return [(i < 42 ? -1 : 1) + 0.2 * Math.cos(angle), 0.2 * Math.sin(angle)];
    });
    const moved = face.map(([x, y], i): [number, number] => i === 30 ? [x + 3, y + 4] : [x, y]);
    for (const [scale, turn] of [[1, 0], [0.2, 0.7]]) {
      const placed = (points: [number, number][]) =>
        Float32Array.from(points.flatMap(([x, y]) => [
          scale * (Math.cos(turn) * x - Math.sin(turn) * y) + 5,
          scale * (Math.sin(turn) * x + Math.cos(turn) * y) - 2,
        ]));
      const found = Float32Array.from(ALIGNED.flatMap((i) => [...placed(moved).subarray(2 * i, 2 * i + 2)]));
      assertAlmostEquals(meanDistance(found, placed(face), ALIGNED), 5 / 49 / 2, 1e-5);
    }
  });
});

describe("deno task evaluate of a detector that finds points", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    const lines = await drawLabelledFaces(join(folder, "faces"), 8);
    // Eyes of one point each, 12 px apart; all else on a circle.
    const face = (i: number) =>
      Array.from(
        { length: 68 },
        (_, p) =>
          p < 36 || p > 47
            ? [20 + 12 * Math.cos(p + i / 9), 20 + 12 * Math.sin(2 * p)]
            : [p < 42 ? 14 : 26, 16],
      );
    await writeManifest(join(folder, "faces"), lines.map((line, i) => ({ ...line, landmarks: face(i) })));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("says how far off they are, and writes it beside the scores", async () => {
    const options = ["--data=faces", "--folds=0", "--epochs=1", "--name=jaa"];
    const learnt = await runTask("finetune", folder, "--detector=jaa", ...options);
    assertEquals(learnt.code, 0, learnt.stderr);
    const { code, stdout, stderr } = await runTask("evaluate", folder, "--model=jaa", "--data=faces");
    assertEquals(code, 0, stderr);
    const { pointsError, faces } = JSON.parse(readRunFile(folder, "jaa", "evaluation-test.json"));
    assertEquals([pointsError.points, pointsError.faces], [49, faces]);
    // Hardly trained: about the corner of the view, as far away as the face is from there.
    assert(pointsError.mean > 0.3 && pointsError.mean < 100, `${pointsError.mean}`);
    assertStringIncludes(
      stdout,
      `its 49 points are off by ${
        (100 * pointsError.mean).toFixed(1)
      } % of the eyes' distance in the mean of ${faces} faces`,
    );
  });
});
