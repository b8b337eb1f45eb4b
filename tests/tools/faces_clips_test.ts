import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { drawMotion, FRAMES_A_SECOND } from "../../tools/faces/clips.ts";
import { Random } from "../../tools/faces/random.ts";
import { drawScene } from "../../tools/faces/scene.ts";
import { main } from "../../tools/render_faces.ts";
import { syntheticPack } from "./synthetic_head.ts";

describe("drawMotion", () => {
  const motions = Array.from(
    { length: 200 },
    (_, i) => drawMotion(new Random(2, i), 2, drawScene(new Random(3, i))),
  );
  const step = 1 / FRAMES_A_SECOND, times = Array.from({ length: 50 }, (_, i) => i * step);

  it("moves no unit and no head by leaps; only lids and eyes are quick", () => {
    for (const motion of motions) {
      for (const time of times) {
        const now = motion.weights(time), next = motion.weights(time + step);
        for (const au of new Set([...Object.keys(now), ...Object.keys(next)].map(Number))) {
          const leap = Math.abs((next[au]?.left ?? 0) - (now[au]?.left ?? 0));
          // The steepest: a full rise in 0.2 s, talking on top of it; a blink closes in 0.1 s.
          assertLess(leap, au === 45 ? 0.8 : 0.65, `AU${au} at ${time}`);
        }
        const a = motion.pose(time), b = motion.pose(time + step);
        for (const angle of ["yaw", "pitch", "roll"] as const) assertLess(Math.abs(b[angle] - a[angle]), 4);
      }
    }
  });

  it("begins in the scene's pose and stays within what faces are rendered with", () => {
    motions.forEach((motion, i) => {
      const { pose } = drawScene(new Random(3, i)), { yaw } = motion.pose(0);
      // A turn of the head that has begun before the first frame may have moved it a little.
      assertLess(Math.abs(yaw - pose.yaw), 1);
      for (const time of times) {
        const { yaw, pitch } = motion.pose(time), gaze = motion.gaze(time);
        assert(Math.abs(yaw) <= 45 && Math.abs(pitch) <= 25);
        assert(Math.abs(gaze.yaw) <= 28 && gaze.pitch <= 20 && gaze.pitch >= -30);
      }
    });
  });

  it("blinks for a third of a second and closes the eyes in between", () => {
    const courses = motions.map((motion) => times.map((time) => motion.weights(time)[45]?.left ?? 0));
    const blinking = courses.filter((course) => Math.max(...course.slice(5, 40)) > 0.95);
    assertGreater(blinking.length, 60);
    for (const course of blinking) {
      const longest = course.map(Number).map((value) => value > 0.02 ? "x" : " ").join("").split(" ")
        .reduce((most, run) => Math.max(most, run.length), 0);
      assertLess(longest, 10);
    }
  });
});

describe("faces --clips", () => {
  let folder: string;
  const options = ["--clips=3", "--frames=12", "--size=32", "--seed=7"];
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await Deno.writeFile(`${folder}/head.npz`, syntheticPack());
    for (const workers of [1, 2]) {
      await main([
        `--head=${folder}/head.npz`,
        `--out=${folder}/w${workers}`,
        ...options,
        `--workers=${workers}`,
      ]);
    }
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("labels every frame with its video, number and time, one person a clip", () => {
    const lines = Deno.readTextFileSync(`${folder}/w1/manifest.jsonl`).trimEnd().split("\n").map((line) =>
      JSON.parse(line) as {
        image: string;
        subject: string;
        video: string;
        frame: number;
        time: number;
        present: Record<string, number>;
      }
    );
    assertEquals(lines.length, 36);
    lines.forEach((line, i) => {
      assertEquals([line.video, line.frame], [`c7-000${Math.floor(i / 12)}`, i % 12]);
      assertEquals(line.time, Number((i % 12 / 25).toFixed(3)));
      assertEquals(line.subject, `s7-50000${Math.floor(i / 12)}`);
      assert("45" in line.present, "a blink can be told in a clip");
    });
    const files = [...Deno.readDirSync(`${folder}/w1`)].map(({ name }) => name).sort();
    assertEquals(files, [...lines.map(({ image }) => image), "manifest.jsonl"].sort());
  });

  it("draws the same bytes with one worker and with two", () => {
    for (const { name } of Deno.readDirSync(`${folder}/w1`)) {
      assertEquals(
        Deno.readFileSync(`${folder}/w1/${name}`),
        Deno.readFileSync(`${folder}/w2/${name}`),
        name,
      );
    }
  });

  it("refuses what it cannot do", async () => {
    const run = (...flags: string[]) => () => main([`--head=${folder}/head.npz`, ...flags]);
    await assertRejects(run("--clips=3"), Error, "--clips=3 needs --out");
    await assertRejects(run("--clips=2", `--out=${folder}/x`), Error, "--clips=2: it must be a whole number");
    await assertRejects(run(...options, `--out=${folder}/w1`), Error, "is not empty");
  });
});
