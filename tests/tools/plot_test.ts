import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { normal, randomStream } from "../../train/runs/random.ts";
import { project } from "../../tools/plot/projection.ts";
import { silhouette } from "../../tools/plot/silhouette.ts";
import { scatterFigure } from "../../tools/plot/scatter.ts";
import { drawLabelledFaces, readRunFile, runTask, writePretrainedRun } from "../train/toy_runs.ts";

describe("project", () => {
  /** Three clouds around corners far apart in ten dimensions. */
  const clouds = (() => {
    const random = randomStream(1);
    return Array.from(
      { length: 60 },
      (_, i) => Float32Array.from({ length: 10 }, (_, d) => 0.05 * normal(random) + Number(d === i % 3)),
    );
  })();

  it("keeps neighbours together: clouds that are apart stay apart", () => {
    const points = project(clouds, 0);
    const distance = (i: number, j: number) =>
      Math.hypot(points[i][0] - points[j][0], points[i][1] - points[j][1]);
    points.forEach((_, i) => {
      const nearest = points.map((_, j) => j).filter((j) => j !== i).sort((j, k) =>
        distance(i, j) - distance(i, k)
      );
      assertEquals(nearest[0] % 3, i % 3, `the nearest point to ${i} is of another cloud`);
    });
  });

  it("gives the same points for the same seed, and others for another; counts its epochs", () => {
    const seen: number[] = [];
    const points = project(clouds, 3, (done, total) => {
      seen.push(done);
      assert(done <= total);
    });
    assertEquals(seen, Array.from(seen, (_, i) => i + 1));
    assertEquals(project(clouds, 3), points);
    assertNotEquals(project(clouds, 4), points);
  });
});

describe("silhouette", () => {
  /** As Rousseeuw defines it, pair by pair. */
  function naive(rows: Float32Array[], classes: number[]): number {
    const distance = (i: number, j: number) =>
      1 - rows[i].reduce((sum, value, f) => sum + value * rows[j][f], 0);
    const meanTo = (i: number, of: number) => {
      const others = rows.map((_, j) => j).filter((j) => j !== i && classes[j] === of);
      return others.reduce((sum, j) => sum + distance(i, j), 0) / others.length;
    };
    const values = rows.map((_, i) => {
      if (classes.filter((one) => one === classes[i]).length === 1) return 0;
      const a = meanTo(i, classes[i]);
      const b = Math.min(
        ...new Set(classes).difference(new Set([classes[i]])).values().map((of) => meanTo(i, of)),
      );
      return (b - a) / Math.max(a, b);
    });
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  }

  it("is what its definition gives, pair by pair, a class of one face counted 0", () => {
    const random = randomStream(4);
    const rows = Array.from({ length: 25 }, (_, i) => {
      const row = Float32Array.from({ length: 6 }, (_, d) => normal(random) + 2 * Number(d === i % 3));
      const length = Math.hypot(...row);
      return row.map((value) => value / length);
    });
    const classes = rows.map((_, i) => i === 24 ? 9 : i % 3);
    assertAlmostEquals(silhouette(rows, classes), naive(rows, classes), 1e-5);
    assert(silhouette(rows, classes) > 0.1);
  });

  it("is 1 for classes at single points, and does not exist for one class", () => {
    const rows = [[1, 0], [1, 0], [0, 1], [0, 1]].map((row) => Float32Array.from(row));
    assertAlmostEquals(silhouette(rows, [0, 0, 1, 1]), 1);
    assertEquals(silhouette(rows, [2, 2, 2, 2]), NaN);
  });
});

describe("scatterFigure", () => {
  it("draws every point inside its frame, in its class's colour, at one scale for both axes", () => {
    const svg = scatterFigure([[{
      title: "a < b",
      points: [[0, 0], [4, 0], [4, 1]],
      classes: [0, 1, 1],
      names: ["without AU6", "with AU6"],
    }]]);
    const dots = [
      ...svg.split('<g fill-opacity="0.75">')[1].matchAll(
        /<circle cx="([\d.]+)" cy="([\d.]+)" r="3\.2" fill="(#\w+)"/g,
      ),
    ]
      .map(([, x, y, fill]) => ({ x: Number(x), y: Number(y), fill }));
    assertEquals(dots.map(({ fill }) => fill), ["#b4bcc6", "#d55e00", "#d55e00"]);
    for (const { x, y } of dots) assert(x >= 0 && x <= 420 && y >= 52 && y <= 472);
    assertLess(Math.abs((dots[1].x - dots[0].x) / (dots[1].y - dots[2].y) - 4), 0.01);
    assertStringIncludes(svg, ">a &#60; b (3 faces)</text>");
    assertMatch(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^>]+>.*<\/svg>\n$/s);
  });
});

describe("deno task plot", () => {
  let folder: string;
  const plot = (...given: string[]) => runTask("plot", folder, ...given);

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawLabelledFaces(join(folder, "faces"), 8);
    writePretrainedRun(folder, "emotion-only", { seed: 1 });
    writePretrainedRun(folder, "emoco", { seed: 2, subjects: ["s00", "s01"] });
    Deno.utimeSync(join(folder, "runs/emotion-only/config.json"), 1000, 1000);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("draws two encoders one above the other, on people whom neither has seen, the same picture each time", async () => {
    const given = ["--au=25", "--emotion=sad", "--compare=emotion-only"];
    const { code, stdout, stderr } = await plot(...given);
    assertEquals(code, 0, stderr);
    assertStringIncludes(
      stdout,
      "42 faces of 6 people whom the encoder has never seen; 6 are sad and labelled with AU25.",
    );
    const svg = readRunFile(folder, "emoco", "features.svg");
    const titles = [...svg.matchAll(/class="title">([^<]+)</g)].map(([, title]) => title);
    assertEquals(titles, [
      "emotion-only: features by emotion (42 faces)",
      "emotion-only: sad, by AU25 (lips part) (6 faces)",
      "emoco: features by emotion (42 faces)",
      "emoco: sad, by AU25 (lips part) (6 faces)",
    ]);
    const { emotion, au, encoders } = JSON.parse(readRunFile(folder, "emoco", "features.json"));
    assertEquals([emotion, au], ["sad", 25]);
    assertEquals(encoders.map((one: { encoder: string }) => one.encoder), ["emotion-only", "emoco"]);
    const notes = [...svg.matchAll(/text-anchor="end">silhouette (-?[\d.]+)</g)].map(([, value]) => value);
    assertEquals(
      notes,
      encoders.flatMap((one: { byEmotion: number; byUnit: number }) =>
        [one.byEmotion, one.byUnit].map((value) => value.toFixed(3))
      ),
    );
    assertEquals((await plot(...given)).code, 0);
    assertEquals(readRunFile(folder, "emoco", "features.svg"), svg);
  });

  it("says in one sentence what it does not know", async () => {
    const complaint = async (...given: string[]) => {
      const { code, stderr } = await plot(...given);
      assertEquals(code, 1);
      assertMatch(stderr, /^error: [^\n]+\n$/);
      return stderr;
    };
    const [au, emotion, unlabelled, run] = await Promise.all([
      complaint("--au=3"),
      complaint("--emotion=joy"),
      complaint(),
      complaint("--from=nobody"),
    ]);
    assertStringIncludes(au, "--au=3: no such action unit; there are 1, 2, 4,");
    assertStringIncludes(emotion, "--emotion=joy: no such emotion; there are neutral, happy,");
    assertStringIncludes(
      unlabelled,
      "and 0 of these are labelled with AU6; a picture of them needs 5 or more.",
    );
    assertStringIncludes(run, "--from=nobody: runs/nobody is no pretraining run.");
  });
});
