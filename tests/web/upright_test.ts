/** Faces that a finder has taken for turned ones: a real model that sees three beacons, and only where they stand upright. */
import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { AuDetector } from "@emoco/web/detector";
import { judgeUnit } from "@emoco/web/detected-unit";
import type { FoundFace } from "@emoco/web/face-finder";
import type { FacePoints } from "@emoco/web/image";
import type { FollowingFinder } from "../../web/following_finder.ts";
import * as ort from "onnxruntime-node";
import { beaconInput, writeBeaconModel } from "./beacon_model.ts";
import { found, picture, pointsOf, SIZE, type Somebody } from "./beacon_people.ts";
import { clarityOf, isLevel } from "../../web/upright.ts";
import { writeTinyCard, writeTinyModel } from "./tiny_model.ts";

const ANN: Somebody = { at: [160, 120], side: 90, turn: 10, skin: [190, 185, 180] };

describe("a face that was found wrongly turned", () => {
  let detector: AuDetector, says: FoundFace[] = [];
  beforeAll(async () => {
    const model = writeBeaconModel(SIZE);
    const card = await writeTinyCard(model, {
      aus: [{ au: 12, threshold: 0.4 }],
      outputs: ["points", "visible"],
      input: beaconInput(SIZE),
    });
    detector = await AuDetector.load({ model, card, finder: { find: () => Promise.resolve(says) }, ort });
  });
  afterAll(() => detector.release());

  const read = async (people: Somebody[], ...taken: Somebody[]) => {
    says = taken.map(found);
    return (await detector.detect(picture(people))).faces;
  };

  it("is read as it stands, with points where they are, and has the box and score that it was found with", async () => {
    for (const off of [90, 180, 270, 160, 200]) {
      const [face, ...more] = await read([ANN], { ...ANN, turn: ANN.turn + off });
      assertEquals([more.length, face.aus[0].present, face.warnings], [0, true, undefined], `${off}`);
      for (const name of ["leftEye", "rightEye", "mouth"] as const) {
        const [x, y] = pointsOf(ANN)[name], [fx, fy] = face.points[name];
        assertLess(Math.hypot(fx - x, fy - y), 2.5, `${name} at ${off}`); // the eyes are 31 pixels apart
      }
      assertEquals([face.box, face.score], [found(ANN).box, 0.9]);
    }
  });

  it("leaves the others beside it as they are", async () => {
    const ben: Somebody = { ...ANN, at: [60, 120], side: 70, turn: -5 };
    const [one, other] = await read([ANN, ben], ben, { ...ANN, turn: ANN.turn + 180 });
    assertAlmostEquals(one.points.mouth[1], pointsOf(ANN).mouth[1], 2);
    assertEquals(other.points, pointsOf(ben));
  });

  it("is laid anew where it was found tilted, and stays as it was found in a film", async () => {
    for (const off of [12, -20]) {
      const [face, ...more] = await read([ANN], { ...ANN, turn: ANN.turn + off });
      assertEquals(more, []);
      for (const name of ["leftEye", "rightEye", "mouth"] as const) {
        const [x, y] = pointsOf(ANN)[name], [fx, fy] = face.points[name];
        assertLess(Math.hypot(fx - x, fy - y), 2, `${name} at ${off}`); // it was up to 8 pixels off
      }
    }
    const little = { ...ANN, turn: ANN.turn + 3 };
    assertEquals((await read([ANN], little))[0].points, pointsOf(little));
    const tilted = { ...ANN, turn: ANN.turn + 12 };
    const following: FollowingFinder = {
      find: () => Promise.resolve([found(tilted)]),
      review: (_, faces) => Promise.resolve(faces.map(() => "right")),
      learn: (faces) => [...faces],
    };
    const { faces: [inFilm] } = await detector.detect(picture([ANN]), undefined, following);
    assertEquals(inFilm.points, pointsOf(tilted));
  });

  it("is not read at all where it stands in no way", async () => {
    const blank = { ...ANN, at: [60, 120] as const };
    const [face] = await read([ANN], blank);
    assertEquals([face.aus[0].present, face.aus[0].intensity, face.warnings], [null, undefined, ["covered"]]);
    assertEquals(face.points, pointsOf(blank));
  });
});

const UNITS = [1, 2, 4, 5, 6, 7, 9, 10];

describe("a face of which a part is hidden", () => {
  const face = (roll: number, visible: number[]) => {
    const angle = roll * Math.PI / 180, x = Math.cos(angle), y = Math.sin(angle);
    return {
      aus: visible.map((share, i) =>
        judgeUnit({ au: UNITS[i % UNITS.length], threshold: 0.5 }, 0.3, undefined, share)
      ),
      points: { leftEye: [x, y], rightEye: [-x, -y], nose: [-y, x], mouth: [-2 * y, 2 * x] } as FacePoints,
    };
  };
  const MASKED = [1, 0.99, 0.95, 0, 0.01, 0.02, 0, 0], HALF = [0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.2, 0.1];

  it("is unclear where what is left of it is not seen clearly", () => {
    for (const roll of [0, 40, -40]) {
      assertEquals(
        [clarityOf(face(roll, MASKED)), clarityOf(face(roll, HALF))],
        ["clear", "unclear"],
        `${roll}`,
      );
    }
  });

  it("cannot be told where hardly anything is seen of it, and that not clearly", () => {
    const hardly = (third: number) => face(10, [1, 0.95, third, ...Array(9).fill(0)]);
    assertEquals([clarityOf(hardly(0.95)), clarityOf(hardly(0.88))], ["clear", "nothing"]);
  });

  it("is doubted sooner where it lies or stands on its head", () => {
    for (const roll of [90, 180, -90, 120]) {
      assertEquals(
        [clarityOf(face(roll, MASKED)), clarityOf(face(roll, HALF))],
        ["nothing", "nothing"],
        `${roll}`,
      );
      assertEquals(clarityOf(face(roll, [1, 1, 0.98, ...MASKED.slice(3)])), "clear");
    }
    assertEquals([0, 40, -40, 60, 90, 180].map((roll) => isLevel(face(roll, HALF))), [
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it("is not judged where it is doubted, and is no face where it lies", async () => {
    // Eight units of which two thirds can be seen, so to say: the same numbers whatever the crop shows.
    const model = writeTinyModel({
      weights: [UNITS.map(() => 0), UNITS.map(() => 0), UNITS.map(() => 0)],
      bias: UNITS.map(() => 2),
      outputs: { visible: { shape: [8], values: HALF } },
    }, 32);
    const card = await writeTinyCard(model, {
      aus: UNITS.map((au) => ({ au, threshold: 0.5 })),
      outputs: ["visible"],
    });
    let turn = 0;
    const finder = { find: () => Promise.resolve([found({ ...ANN, turn })]) };
    const detector = await AuDetector.load({ model, card, finder, ort });
    const [{ aus, warnings }] = (await detector.detect(picture([ANN]))).faces;
    assertEquals(aus.map(({ present }) => present), UNITS.map(() => null));
    assertEquals(warnings, ["covered"]);
    turn = 180;
    assertEquals((await detector.detect(picture([ANN]))).faces, []);
    await detector.release();
  });

  it("is clear where all of it is seen somehow, or the model does not know", () => {
    assertEquals(clarityOf(face(180, HALF.map(() => 0.9))), "clear");
    assertEquals(clarityOf(face(180, HALF.slice(1))), "clear"); // too few units to tell by
    const { points } = face(180, []);
    assertEquals(clarityOf({ aus: [judgeUnit({ au: 1, threshold: 0.5 }, 0.3)], points }), "clear");
    assertEquals(clarityOf({ aus: [], points }), "clear");
  });
});
