import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { afterAll, describe, it } from "@std/testing/bdd";
import { AuDetector } from "@emoco/web/detector";
import type { FaceFinder, FoundFace } from "@emoco/web/face-finder";
import type { FacePoints, Point } from "@emoco/web/image";
import { ALIGNMENT_TEMPLATE, type ModelCard } from "@emoco/web/model-card";
import * as ort from "onnxruntime-web";
import { noise } from "./pictures.ts";
import { PLACES, TINY_OUTPUTS } from "./tiny_outputs.ts";
import { type TinyModel, type TinyOutput, writeTinyCard, writeTinyModel } from "./tiny_model.ts";

const image = noise(300, 200);
const UNITS: Pick<TinyModel, "weights" | "bias"> = {
  weights: [[0.2, 0], [0, 0], [0, 0]],
  bias: [0.8, -1.1],
};
/** A face whose crop is the picture turned by `degrees` clockwise, scaled to `side` pixels, its middle at `at`. */
function faceAt(at: Point, side: number, degrees: number): FoundFace {
  const c = Math.cos(degrees * Math.PI / 180), s = Math.sin(degrees * Math.PI / 180);
  const [leftEye, rightEye, nose, mouth] = ALIGNMENT_TEMPLATE.map((place) => inPicture(place));
  function inPicture([x, y]: Point): Point {
    const [dx, dy] = [(x - 0.5) * side, (y - 0.5) * side];
    return [at[0] + c * dx + s * dy, at[1] - s * dx + c * dy]; // turned back, which is anticlockwise
  }
  const points: FacePoints = { leftEye, rightEye, nose, mouth };
  return { box: { x: at[0] - side / 2, y: at[1] - side / 2, width: side, height: side }, score: 0.9, points };
}

const finderOf = (...faces: FoundFace[]): FaceFinder => ({ find: () => Promise.resolve(faces) });

describe("a model with more outputs", () => {
  const open: AuDetector[] = [];
  const load = async (
    faces: FoundFace[],
    outputs: Partial<Record<string, TinyOutput>> = TINY_OUTPUTS,
    changes: Partial<ModelCard> = {},
    units = UNITS,
  ) => {
    const model = writeTinyModel({ ...units, outputs }, 32);
    const names = Object.keys(outputs) as ModelCard["outputs"];
    const card = await writeTinyCard(model, { outputs: names, ...changes });
    const detector = await AuDetector.load({ model, card, finder: finderOf(...faces), ort });
    open.push(detector);
    return detector;
  };
  afterAll(async () => {
    await Promise.all(open.map((detector) => detector.release()));
  });

  it("gives points where they are in the picture, whatever the crop's turn, size and place", async () => {
    for (
      const [at, side, degrees] of [[[150, 100], 80, 0], [[90, 110], 60, 35], [[200, 90], 100, -120]] as const
    ) {
      const { faces: [{ points68 }] } = await (await load([faceAt(at, side, degrees)])).detect(image);
      const angle = degrees * Math.PI / 180;
      PLACES.forEach(([x, y], i) => {
        // From the crop's middle, turned anticlockwise on the screen by the angle that the crop was turned clockwise.
        const radius = Math.hypot(x - 0.5, y - 0.5) * side, way = Math.atan2(y - 0.5, x - 0.5) - angle;
        assertAlmostEquals(points68![i][0], at[0] + radius * Math.cos(way), 1e-3);
        assertAlmostEquals(points68![i][1], at[1] + radius * Math.sin(way), 1e-3);
      });
    }
  });

  it("takes the crop's turn out of roll and gaze, and leaves yaw and pitch", async () => {
    const upright = (await (await load([faceAt([150, 100], 80, 0)])).detect(image)).faces[0];
    assertEquals(Object.keys(upright.pose!), ["yaw", "pitch", "roll"]);
    assertAlmostEquals(upright.pose!.roll, 3, 1e-4);
    assertAlmostEquals(upright.gaze!.left[0], 5, 1e-4);
    assertAlmostEquals(upright.gaze!.left[1], -4, 1e-4);
    // The crop was made by turning the picture clockwise by 90 degrees: in the picture the head leans 87 to its right.
    const lying = (await (await load([faceAt([150, 100], 80, 90)])).detect(image)).faces[0];
    assertAlmostEquals(lying.pose!.yaw, 12, 1e-4);
    assertAlmostEquals(lying.pose!.pitch, -7, 1e-4);
    assertAlmostEquals(lying.pose!.roll, -87, 1e-4);
    // What is to the crop's right is up in the picture, what is down in the crop is to the right.
    assertAlmostEquals(lying.gaze!.left[0], 4, 0.05);
    assertAlmostEquals(lying.gaze!.left[1], 5, 0.05);
    // Head over heels: a roll of -177, not of -177 + 360.
    const over = (await (await load([faceAt([150, 100], 80, 180)])).detect(image)).faces[0];
    assertAlmostEquals(over.pose!.roll, -177, 1e-4);
    assertAlmostEquals(over.gaze!.right[0], -6, 0.05);
    assertAlmostEquals(over.gaze!.right[1], 3, 0.05);
  });

  it("gives each face of a picture its own numbers", async () => {
    const moving = { openness: { shape: [3], values: [0.1, 0.2, 0.3], slope: [1, 2, 4] } };
    const detector = await load([faceAt([60, 60], 50, 0), faceAt([220, 120], 90, 0)], moving);
    const { faces } = await detector.detect(image);
    const reds = faces.map(({ openness }) => openness!.leftEye - 0.1);
    assert(Math.abs(reds[0] - reds[1]) > 1e-6, "two crops of noise have one mean");
    faces.forEach(({ openness }, i) => {
      assertAlmostEquals(openness!.rightEye, 0.2 + 2 * reds[i], 1e-5);
      assertAlmostEquals(openness!.mouth, 0.3 + 4 * reds[i], 1e-5);
    });
  });

  it("does not judge what cannot be seen, and says that it is covered", async () => {
    const { faces: [face] } = await (await load([faceAt([150, 100], 80, 0)])).detect(image);
    assertEquals(face.aus.map(({ present }) => present), [true, null]);
    assertAlmostEquals(face.aus[1].visible!, 0.2, 1e-6);
    assert(face.aus[1].probability > 0, "what the model said of it stays");
    assertEquals(face.warnings, ["covered"]);
    const graded = await load([faceAt([150, 100], 80, 0)], TINY_OUTPUTS, { target: "intensity" });
    const { faces: [{ aus }] } = await graded.detect(image);
    assertEquals(aus.map((unit) => "intensity" in unit), [true, false]);
  });

  it("warns of faces at the edge and turned away, by what it knows", async () => {
    const warnings = async (face: FoundFace, pose: number[]) => {
      const outputs = { points: TINY_OUTPUTS.points, pose: { shape: [3], values: pose } };
      return (await (await load([face], outputs)).detect(image)).faces[0].warnings;
    };
    assertEquals(await warnings(faceAt([150, 100], 80, 0), [10, 0, 0]), undefined);
    assertEquals(await warnings(faceAt([290, 100], 80, 0), [10, 0, 0]), ["cut-off"]);
    assertEquals(await warnings(faceAt([150, 100], 80, 0), [-55, 0, 0]), ["turned-away"]);
    assertEquals(await warnings(faceAt([150, 5], 80, 0), [0, -50, 0]), ["cut-off", "turned-away"]);
  });

  it("has a probability that is calibrated, and an intensity that is not", async () => {
    const aus = [{ au: 12, threshold: 0.5, calibration: [2, -3] as const }, { au: 4, threshold: 0.3 }];
    const detector = await load([faceAt([150, 100], 80, 0)], {}, {
      outputs: undefined,
      target: "intensity",
      aus,
    });
    const plain = await load([faceAt([150, 100], 80, 0)], {}, { outputs: undefined, target: "intensity" });
    const [unit, other] = (await detector.detect(image)).faces[0].aus;
    const [raw, same] = (await plain.detect(image)).faces[0].aus;
    const p = raw.probability, odds = p / (1 - p);
    assertAlmostEquals(unit.probability, odds ** 2 / (odds ** 2 + Math.exp(3)), 1e-9);
    assertEquals(unit.intensity, raw.intensity);
    assertEquals(
      [raw.present, unit.present],
      [true, false],
      "the threshold is compared with the calibrated one",
    );
    assertEquals(other, same);
  });

  it("is read as before by a card that does not name them", async () => {
    const detector = await load([faceAt([150, 100], 80, 0)], TINY_OUTPUTS, { outputs: undefined });
    const { faces: [face] } = await detector.detect(image);
    assertEquals(Object.keys(face), ["box", "score", "points", "aus"]);
  });

  for (
    const [what, message, outputs, named] of [
      ["without an output that its card names", 'must have the output "gaze"', { pose: TINY_OUTPUTS.pose }, [
        "pose",
        "gaze",
      ]],
      ["with points of another number", '"points" must be [N, 68, 2], is [2, 5, 2]', {
        points: { shape: [5, 2], values: new Array(10).fill(0.5) },
      }, ["points"]],
      ["that sees another number of units", '"visible" must be [N, 2], is [2, 3]', {
        visible: { shape: [3], values: [1, 1, 1] },
      }, ["visible"]],
    ] as const
  ) {
    it(`is refused ${what}`, async () => {
      await assertRejects(() => load([], outputs, { outputs: named }), TypeError, message);
    });
  }

  it("is refused on the first face where its numbers are no numbers", async () => {
    const broken = await load([faceAt([150, 100], 80, 0)], { pose: { shape: [3], values: [0, NaN, 0] } });
    await assertRejects(() => broken.detect(image), Error, '"pose" holds numbers that are not finite');
    const unsure = await load([faceAt([150, 100], 80, 0)], { visible: { shape: [2], values: [1, 1.5] } });
    await assertRejects(() => unsure.detect(image), Error, '"visible" of AU4 is 1.5');
  });
});
