import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { ALIGNMENT_TEMPLATE } from "@emoco/web/model-card";
import { drawFace } from "../../tools/faces/draw.ts";
import { parseHead } from "../../tools/faces/head.ts";
import { HeadModel } from "../../tools/faces/model.ts";
import { RenderPool } from "../../tools/faces/pool.ts";
import { type Picture, renderFace } from "../../tools/faces/render.ts";
import { syntheticArrays, syntheticPack } from "./synthetic_head.ts";

const head = parseHead(syntheticPack());
const model = new HeadModel(head);
const pools = [1, 2].map((workers) => new RenderPool(head, workers));
afterAll(() => pools.forEach((pool) => pool.close()));

const view = { kind: "aligned", size: 40 } as const;
const face = (subject: number, number: number) => drawFace(4, subject, number, "au");

describe("parseHead", () => {
  it("keeps in float16 what the pack says, and drops what is not drawn", () => {
    const arrays = syntheticArrays();
    assertEquals(head.triangles.length, arrays.get("fv")!.data.length);
    assertEquals(head.landmarks.length, 68);
    const jaw = head.shapes.jawOpen;
    assertEquals(jaw.index.length, 3);
    assertEquals([...jaw.delta], [0, -2, 0, 0, -2, 0, 0, -2, 0]);
  });

  it("names what is missing or does not fit", () => {
    const without = syntheticArrays();
    without.delete("E");
    assertThrows(() => parseHead(syntheticPack(without)), Error, `no array "E"`);
    const short = syntheticArrays();
    short.set("mat", { shape: [3], data: Uint8Array.of(0, 0, 0) });
    assertThrows(() => parseHead(syntheticPack(short)), Error, "3 materials");
    const small = new Map(syntheticArrays());
    small.set("v", { shape: [9, 3], data: new Float32Array(27) });
    small.set("E", { shape: [0, 9, 3], data: new Float32Array(0) });
    small.set("expr", { shape: [0], data: [] });
    small.set("I", { shape: [0, 9, 3], data: new Float32Array(0) });
    assertThrows(() => parseHead(syntheticPack(small)), Error, "only 9 vertices");
    assertThrows(() => parseHead(new TextEncoder().encode("not a zip")), Error, "does not unzip");
  });
});

describe("HeadModel", () => {
  it("measures the lips' gap on the mesh, whatever opened them", () => {
    const person = model.person({ ...face(0, 0).subject, identity: [0, 0] });
    const still = { yaw: 0, pitch: 0 };
    const gap = (weights: Record<number, { left: number; right: number }>) =>
      model.express(person, weights, still).lipGap;
    assertAlmostEquals(gap({}), 0, 1e-5);
    // AU26 is 0.72 of jawOpen, which lowers the inner lip by 2.
    assertAlmostEquals(gap({ 26: { left: 1, right: 1 } }), 1.44, 1e-3);
    assertAlmostEquals(gap({ 26: { left: 0.5, right: 0.5 } }), 0.72, 1e-3);
    assertAlmostEquals(gap({ 12: { left: 1, right: 1 } }), 0, 1e-5);
  });
});

describe("renderFace", () => {
  it("aligns a face to the template when the finder makes no error", () => {
    const { subject, scene } = face(1, 0);
    const exact = { ...scene, pose: { yaw: 0, pitch: 0, roll: 12 }, finder: new Array(8).fill(0) };
    const { points } = renderFace(model, subject, {}, exact, { kind: "aligned", size: 100 }, 1);
    const found = [points.leftEye, points.rightEye, points.nose, points.mouth];
    // Four points cannot all fit with one similarity; the eyes' angle and the middle must.
    assertAlmostEquals(found[0][1], found[1][1], 1.5);
    for (const k of [0, 1]) {
      const mean = found.reduce((sum, p) => sum + p[k], 0) / 4;
      assertAlmostEquals(mean, 25 * ALIGNMENT_TEMPLATE.reduce((sum, p) => sum + p[k], 0), 1e-3);
    }
  });

  it("moves the crop by the finder's errors", () => {
    const { subject, scene } = face(1, 0);
    const shots = [0, 0.05].map((error) =>
      renderFace(model, subject, {}, { ...scene, finder: [error, 0, error, 0, error, 0, error, 0] }, view, 1)
    );
    // All four points found 0.05 eye distances too far right: the face lies that much farther left.
    const [right, wrong] = shots.map((shot) => shot.points);
    const span = Math.hypot(right.leftEye[0] - right.rightEye[0], right.leftEye[1] - right.rightEye[1]);
    const moved = Math.hypot(wrong.nose[0] - right.nose[0], wrong.nose[1] - right.nose[1]);
    assertAlmostEquals(moved, 0.05 * span, 0.01);
  });

  it("leaves the background out when alpha is asked for", () => {
    const { subject, scene } = face(2, 1);
    const still = { ...scene, pose: { yaw: 0, pitch: 0, roll: 0 }, blur: 0 };
    const framed = { kind: "framed", width: 60, height: 60, scale: 2, x: 30, y: 30, alpha: true } as const;
    const { data } = renderFace(model, { ...subject, glasses: null }, {}, still, framed, 2);
    const alpha = (x: number, y: number) => data[4 * (60 * y + x) + 3];
    assertEquals([alpha(0, 0), alpha(59, 59), alpha(30, 30)], [0, 0, 255]);
    const covered = data.filter((value, i) => i % 4 === 3 && value > 127).length;
    // At least the front ball: an ellipse of 17 x 22 px half axes, seen a little larger from near.
    assert(covered > Math.PI * 17 * 21, `${covered}`);
  });

  it("turns the face to the subject's left with a positive yaw, up with a positive pitch", () => {
    const { subject, scene } = face(3, 0);
    const framed = { kind: "framed", width: 60, height: 60, scale: 2, x: 30, y: 30, alpha: false } as const;
    const nose = (yaw: number, pitch: number) =>
      renderFace(model, subject, {}, { ...scene, pose: { yaw, pitch, roll: 0 } }, framed, 1).points.nose;
    const straight = nose(0, 0);
    assert(nose(20, 0)[0] > straight[0] + 3);
    assert(nose(0, 15)[1] < straight[1] - 2);
  });
});

describe("RenderPool", () => {
  it("draws the same bytes with one worker and with two", async () => {
    const drawn = await Promise.all(pools.map(async (pool) => {
      const pictures = new Map<string, Picture>();
      const groups = [0, 1, 2].map((subject) =>
        [1, 3].map((number) => {
          const { subject: who, weights, scene } = face(subject, number);
          return {
            portrait: { subject: who, weights, scene, view, samples: 2 },
            tag: `${subject} ${number}`,
          };
        })
      );
      await pool.run(groups, (picture, tag) => {
        pictures.set(tag, picture);
        return Promise.resolve();
      });
      return pictures;
    }));
    assertEquals(drawn[0].size, 6);
    for (const [tag, picture] of drawn[0]) assertEquals(drawn[1].get(tag), picture, tag);
    const bytes = [...drawn[0].values()].map((picture) => picture.data.join());
    assertEquals(new Set(bytes).size, 6, "different faces are different pictures");
  });
});
