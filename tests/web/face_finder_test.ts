import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { BlazeFace } from "@emoco/web/face-finder";
import { type Pixels, resize, transformPoint, warp } from "@emoco/web/image";
import * as ortNode from "onnxruntime-node";
import * as ortWeb from "onnxruntime-web";
import sharp from "sharp";
import { drawBackground, randomOf } from "./compositions.ts";
import { mirror, paint } from "./pictures.ts";
import { writeSquareModel } from "./square_model.ts";
import { writeTinyModel } from "./tiny_model.ts";

const file = (path: string) => Deno.readFile(new URL(path, import.meta.url));

describe("BlazeFace", () => {
  let finder: BlazeFace, quick: BlazeFace, model: Uint8Array, portrait: Pixels;

  beforeAll(async () => {
    model = await file("../../web/model/blazeface.onnx");
    finder = await BlazeFace.load({ model, ort: ortNode }, { minWidth: 16 });
    quick = await BlazeFace.load({ model, ort: ortNode }, { minWidth: 16, thorough: false });
    const { data, info } = await sharp(await file("../fixtures/astronaut.jpg")).ensureAlpha().raw()
      .toBuffer({ resolveWithObject: true });
    portrait = { width: info.width, height: info.height, data: new Uint8ClampedArray(data) };
  });
  afterAll(async () => {
    await finder.release();
    await quick.release();
  });

  it("finds the one face of the portrait, its eyes where they are, left and right the subject's", async () => {
    const [face, ...others] = await finder.find(portrait);
    assertEquals(others, []);
    const { leftEye, rightEye, nose, mouth } = face.points;
    for (
      const [point, [x, y]] of [[rightEye, [203, 104]], [leftEye, [247, 104]], [nose, [224, 128]]] as const
    ) {
      assert(Math.hypot(point[0] - x, point[1] - y) < 6, `${point} is not near ${x}, ${y}`);
    }
    assert(mouth[1] > nose[1] + 10 && Math.abs(mouth[0] - 224) < 6, `${mouth}`);
    assert(face.score > 0.8 && face.score <= 1, `${face.score}`);
    assertAlmostEquals(face.box.x + face.box.width / 2, 225, 8);
    assertAlmostEquals(face.box.width, 105, 12);
  });

  it("keeps the left eye at the larger x when the picture is mirrored", async () => {
    const [face] = await finder.find(mirror(portrait));
    assertAlmostEquals(face.points.leftEye[0], 512 - 203, 6);
    assertAlmostEquals(face.points.rightEye[0], 512 - 247, 6);
  });

  it("follows the face when the picture is turned, shrunk and moved", async () => {
    const [{ points }] = await finder.find(portrait);
    for (const degrees of [-20, 13, 25]) {
      const a = 0.8 * Math.cos(degrees * Math.PI / 180), b = 0.8 * Math.sin(degrees * Math.PI / 180);
      const turn = { a, b, x: 220 - a * 225 + b * 125, y: 190 - b * 225 - a * 125 };
      const [face] = await finder.find(warp(portrait, turn, 440));
      for (const name of ["leftEye", "rightEye", "nose", "mouth"] as const) {
        const [x, y] = transformPoint(turn, points[name]);
        const [fx, fy] = face.points[name];
        assert(
          Math.hypot(x - fx, y - fy) < 0.1 * 44 * 0.8,
          `${name} at ${degrees}: ${fx}, ${fy}, not ${x}, ${y}`,
        );
      }
    }
  });

  it("finds every face of a group", async () => {
    const size = 280, small = resize(portrait, size, size);
    const group = paint(3 * size, size, () => 0);
    for (let copy = 0; copy < 3; copy++) {
      for (let y = 0; y < size; y++) {
        group.data.set(
          small.data.subarray(y * size * 4, (y + 1) * size * 4),
          (y * 3 * size + copy * size) * 4,
        );
      }
    }
    const found = (await finder.find(group)).sort((one, other) => one.box.x - other.box.x);
    assertEquals(found.length, 3);
    found.forEach(({ points }, copy) => {
      assertAlmostEquals(points.leftEye[0], (247 / 512 + copy) * size, 4);
      assertAlmostEquals(points.leftEye[1], 104 / 512 * size, 4);
    });
  });

  it("finds a small face in a large picture by the tiles, a face that fills the frame from afar", async () => {
    const far = drawBackground(1280, 960, randomOf(2)), small = resize(portrait, 96, 96);
    for (let y = 0; y < 96; y++) {
      far.data.set(small.data.subarray(y * 384, (y + 1) * 384), ((700 + y) * 1280 + 900) * 4);
    }
    const [face, ...others] = await finder.find(far);
    assertEquals(others, []);
    assertAlmostEquals(face.points.rightEye[0], 900 + 203 * 96 / 512, 2);
    assertAlmostEquals(face.points.rightEye[1], 700 + 104 * 96 / 512, 2);
    assertEquals(await quick.find(far), []);
    const usual = await BlazeFace.load({ model, ort: ortNode });
    assertEquals(await usual.find(far), []); // 20 pixels are too few to read a face
    await usual.release();

    const close = warp(portrait, { a: 2.6, b: 0, x: -2.6 * 185, y: -2.6 * 85 }, 210);
    const [filling] = await finder.find(close);
    assertAlmostEquals(filling.points.leftEye[0], 2.6 * (247 - 185), 0.12 * 44 * 2.6);
  });

  it("answers an empty list when nobody is there", async () => {
    for (let seed = 1; seed <= 4; seed++) {
      assertEquals(await finder.find(drawBackground(500, 300 + 100 * seed, randomOf(seed))), []);
    }
    for (const [width, height] of [[1, 1], [700, 2], [3, 900], [256, 256]]) {
      assertEquals(await finder.find(paint(width, height, () => 128)), []);
    }
  });

  it("gives the same answer on both runtimes", async () => {
    const web = await BlazeFace.load({ model, ort: ortWeb });
    const [one] = await finder.find(portrait), [other] = await web.find(portrait);
    for (const name of ["leftEye", "rightEye", "nose", "mouth"] as const) {
      for (const axis of [0, 1]) assertAlmostEquals(one.points[name][axis], other.points[name][axis], 0.01);
    }
    await web.release();
  });

  it("stops between two looks when its caller is gone", async () => {
    const gone = AbortSignal.abort(new Error("gone"));
    await assertRejects(() => finder.find(paint(600, 400, () => 0), gone), Error, "gone");
  });

  it("refuses another model", async () => {
    const other = writeTinyModel({ weights: [[1], [1], [1]], bias: [0] }, 32);
    await assertRejects(
      () => BlazeFace.load({ model: other, ort: ortNode }),
      TypeError,
      "not BlazeFace's back model",
    );
    await assertRejects(
      () => BlazeFace.load({ model: new Uint8Array(7), ort: ortNode }),
      TypeError,
      "The face finder's model cannot be loaded",
    );
    const oneSize = writeSquareModel(32, ["Identity:0", "Identity_1:0", "Identity_2:0", "Identity_3:0"]);
    await assertRejects(
      () => BlazeFace.load({ model: oneSize, ort: ortNode }),
      TypeError,
      "pictures of one size only",
    );
  });
});
