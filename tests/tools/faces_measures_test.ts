import { assert, assertAlmostEquals, assertEquals, assertGreater, assertLess } from "@std/assert";
import { describe, it } from "@std/testing/bdd";
import type { UnitWeights } from "../../tools/faces/action_units.ts";
import { NO_HAT } from "../../tools/faces/cloth.ts";
import { drawFace, intensityOf, label } from "../../tools/faces/draw.ts";
import { parseHead } from "../../tools/faces/head.ts";
import { PLAIN_LOOK } from "../../tools/faces/look.ts";
import { HeadModel } from "../../tools/faces/model.ts";
import { renderFace } from "../../tools/faces/render.ts";
import type { Scene } from "../../tools/faces/scene.ts";
import { syntheticPack } from "./synthetic_head.ts";

const head = parseHead(syntheticPack()), model = new HeadModel(head);
const NO_TRAITS = {
  ...{ lidOpen: 0, lowerLid: 0, tilt: 0, hood: 0, epicanthus: 0, browHeight: 0, browInner: 0, browOuter: 0 },
  ...{ mouthCorner: 0, lipFullness: 0, skew: 0, child: 0 },
};
const face = drawFace(4, 0, 0, "au");
const subject = {
  ...face.subject,
  ...{ name: "plain", identity: [0, 0], age: 0, traits: NO_TRAITS, hat: NO_HAT, glasses: null },
  ...{ beard: "none" as const, hairStyle: "bald" as const },
};
const scene: Scene = {
  ...face.scene,
  ...{ pose: { yaw: 0, pitch: 0, roll: 0 }, gaze: { yaw: 0, pitch: 0 }, distance: 80 },
  ...{ occluder: null, look: PLAIN_LOOK, blur: 0, noise: 0, finder: new Array(8).fill(0) },
};
const both = (value: number) => ({ left: value, right: value });
const view = { kind: "aligned", size: 64 } as const;
const framed = { kind: "framed", width: 80, height: 80, scale: 2.5, x: 40, y: 38, alpha: false } as const;
const line = (weights: UnitWeights, more: Partial<Scene> = {}) => {
  const picture = renderFace(model, subject, weights, { ...scene, ...more }, view, 2);
  return label({ ...face, subject, weights, intensities: {} }, picture, "x.jpg") as {
    intensity: Record<string, number>;
    present: Record<string, number>;
    sides: Record<string, { left: number; right: number }>;
    visible: Record<string, number>;
    openness: { leftEye: number; rightEye: number; mouth: number };
    pose: { yaw: number; pitch: number; roll: number };
    gaze: { left: [number, number]; right: [number, number] };
    landmarks: [number, number][];
  };
};

describe("lids", () => {
  const person = model.person(subject), rest = model.express(person, {}, scene.gaze).lids;

  it("close on the side that closes them, and count what they close", () => {
    const { left, right } = model.express(person, { 43: { left: 1, right: 0 } }, scene.gaze).lids;
    assertAlmostEquals(left.gap, 0.02, 1e-4);
    assertAlmostEquals(left.closed, 1 - 0.02 / rest.left.gap, 1e-4);
    assertEquals([right.gap, right.closed], [rest.right.gap, 0]);
    const half = model.express(person, { 43: both(0.5) }, scene.gaze).lids.left;
    assertAlmostEquals(half.gap, rest.left.gap - 0.5 * (rest.left.gap - 0.02), 1e-4);
  });

  it("rise over the person's rest with AU5, by what eyeWide moves them", () => {
    const { left } = model.express(person, { 5: both(1) }, scene.gaze).lids;
    // AU5 is 2.1 of eyeWide, which raises the lid by 0.3.
    assertAlmostEquals(left.rise, 0.63, 1e-3);
    assertAlmostEquals(left.gap - rest.left.gap, 0.63, 1e-3);
    const wide = model.person({ ...subject, name: "wide", traits: { ...NO_TRAITS, lidOpen: 1 } });
    const resting = model.express(wide, {}, scene.gaze).lids.left;
    assertGreater(resting.gap, rest.left.gap + 0.2);
    assertAlmostEquals(resting.rise, 0, 1e-6);
  });

  it("follow the gaze down without being closed or raised", () => {
    const { left } = model.express(person, {}, { yaw: 0, pitch: -25 }).lids;
    assertAlmostEquals(rest.left.gap - left.gap, 0.5, 1e-3);
    assertEquals([left.rise, left.closed], [0, 0]);
  });
});

describe("label", () => {
  it("reads AU5 and AU43 off the mesh, each side by itself", () => {
    const wide = line({ 5: { left: 1, right: 0 } }), closed = line({ 43: { left: 0, right: 1 } });
    assertEquals([wide.sides[5], wide.intensity[5], wide.present[5]], [{ left: 5, right: 0 }, 5, 1]);
    assertEquals([closed.sides[43], closed.intensity[43], closed.present[43]], [{ left: 0, right: 5 }, 5, 1]);
    const down = line({}, { gaze: { yaw: 0, pitch: -25 } });
    assertEquals([down.intensity[43], down.intensity[5]], [0, 0]);
    // Lids that close are not raised, whatever else pulls at them.
    assertEquals(line({ 5: both(1), 43: both(1) }).intensity[5], 0);
  });

  it("gives openings as shares of the eyes' distance", () => {
    const rest = line({}), wide = line({ 5: both(1) }), closed = line({ 43: { left: 1, right: 0 } });
    const jaw = line({ 26: both(1) });
    // The eyes' centres stand 6.3 apart on the ball head.
    assertAlmostEquals(wide.openness.leftEye - rest.openness.leftEye, 0.63 / 6.3, 0.004);
    assertLess(closed.openness.leftEye, 0.01);
    assertEquals(closed.openness.rightEye, rest.openness.rightEye);
    assertAlmostEquals(jaw.openness.mouth - rest.openness.mouth, 1.44 / 6.3, 0.01);
  });

  it("grades each side by its own weight", () => {
    assertEquals([0, 0.05, 0.2, 0.46, 0.66, 0.84, 1].map(intensityOf), [0, 0, 1, 2, 3, 4, 5]);
    assertEquals(line({ 12: { left: 1, right: 0.46 } }).sides[12], { left: 5, right: 2 });
  });

  it("puts the 68 points where a pinhole camera sees the mesh", () => {
    const yaw = 25, pose = { yaw, pitch: 0, roll: 0 };
    const picture = renderFace(model, subject, { 26: both(1) }, { ...scene, pose }, framed, 1);
    const mesh = model.express(model.person(subject), { 26: both(1) }, scene.gaze).vertices;
    const c = Math.cos(yaw * Math.PI / 180), s = Math.sin(yaw * Math.PI / 180);
    assertEquals(picture.measures.landmarks.length, 68);
    picture.measures.landmarks.forEach(([px, py], i) => {
      const v = 3 * head.landmarks[i], x = mesh[v], y = mesh[v + 1] - 0.8, z = mesh[v + 2] - 2;
      const depth = scene.distance - (c * z - s * x), zoom = framed.scale * scene.distance / depth;
      assertAlmostEquals(px, framed.x + zoom * (c * x + s * z), 1e-3, `x of point ${i}`);
      assertAlmostEquals(py, framed.y - zoom * y, 1e-3, `y of point ${i}`);
    });
  });

  it("gives pose and gaze against the crop, which stands upright, and against the camera", () => {
    const turned = line({}, { pose: { yaw: 0, pitch: 0, roll: 15 } });
    assertAlmostEquals(turned.pose.roll, 0, 1.5);
    // An eye that turns back by as much as the head turns looks past the camera only by its own place.
    const back = line({}, { pose: { yaw: 20, pitch: 0, roll: 0 }, gaze: { yaw: -20, pitch: 0 } });
    assertEquals(back.pose.yaw, 20);
    for (const side of ["left", "right"] as const) {
      assert(Math.abs(back.gaze[side][0]) < 6 && Math.abs(back.gaze[side][1]) < 4, `${back.gaze[side]}`);
    }
    const away = line({}, { gaze: { yaw: 15, pitch: 10 } }), at = line({});
    assertAlmostEquals(away.gaze.left[0] - at.gaze.left[0], 15, 0.2);
    assertAlmostEquals(away.gaze.left[1] - at.gaze.left[1], 10, 0.5);
  });

  it("says what a cover hides and only that", () => {
    assertEquals(line({}).visible, {});
    const mask = {
      kind: "mask" as const,
      colour: [0.5, 0.5, 0.5] as const,
      choices: new Array(12).fill(0.5),
    };
    const { visible } = line({}, { occluder: mask });
    for (const au of [12, 17, 25, 26]) assertEquals(visible[au], 0, `AU${au}`);
    for (const au of [1, 2, 4, 5]) assertEquals(visible[au], undefined, `AU${au}`);
  });

  it("says that eyes behind sunglasses are not seen", () => {
    const glasses = {
      ...{ width: 2.4, height: 1.9, corner: 2.2, thickness: 0.1, colour: [0, 0, 0] as const },
      lens: { colour: [0.01, 0.01, 0.01] as const, opacity: 1 },
    };
    const dark = { ...subject, name: "dark", glasses };
    const { measures } = renderFace(model, dark, {}, scene, view, 2);
    for (const au of [5, 43]) assert(measures.hidden.includes(au), `AU${au} of ${measures.hidden}`);
    assert(!measures.hidden.includes(25));
  });
});
