import { assertEquals } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { FacePoints } from "@emoco/web/image";
import { warningsOf } from "../../web/face_warnings.ts";

const HEADS: { pose: { yaw: number }; points: FacePoints }[] = Deno.readTextFileSync(
  new URL("../faces/manifest.jsonl", import.meta.url),
).trimEnd().split("\n").map((line) => JSON.parse(line));

describe("the warnings of a face", () => {
  const picture = { width: 400, height: 400 };
  const faceOf = (points: FacePoints, box = { x: 80, y: 90, width: 240, height: 240 }) => ({
    box,
    score: 0.9,
    points,
  });

  it("are none for the rendered heads, which are whole and turned by 30 degrees at most", () => {
    for (const { points, pose } of HEADS) {
      assertEquals([pose.yaw, warningsOf(faceOf(points), picture)], [pose.yaw, []]);
    }
  });

  it("say that a face is cut off where its box or a point is outside of the picture", () => {
    const { points } = HEADS[3];
    for (
      const [box, expected] of [
        [{ x: -20, y: 90, width: 240, height: 240 }, []],
        [{ x: -60, y: 90, width: 240, height: 240 }, ["cut-off"]],
        [{ x: 80, y: 240, width: 240, height: 240 }, ["cut-off"]],
        [{ x: 300, y: 330, width: 100, height: 100 }, ["cut-off"]],
      ] as const
    ) assertEquals(warningsOf(faceOf(points, box), picture), [...expected]);
    const out = { ...points, mouth: [200, 401] as const };
    assertEquals(warningsOf(faceOf(out), picture), ["cut-off"]);
  });

  it("say that a face is turned away where the nose lies beyond an eye, whichever way the head stands", () => {
    const turned: FacePoints = {
      rightEye: [180, 150],
      leftEye: [220, 150],
      nose: [225, 190],
      mouth: [210, 230],
    };
    assertEquals(warningsOf(faceOf(turned), picture), ["turned-away"]);
    const lying: FacePoints = {
      rightEye: [150, 220],
      leftEye: [150, 180],
      nose: [190, 226],
      mouth: [230, 205],
    };
    assertEquals(warningsOf(faceOf(lying), picture), ["turned-away"]);
  });
});
