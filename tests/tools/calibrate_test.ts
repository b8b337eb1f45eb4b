import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from "@std/testing/bdd";
import { calibrate as calibrateOne } from "@emoco/web/detected-unit";
import type { DetectedFace } from "@emoco/web/detector";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { calibrate } from "../../tools/calibrate.ts";
import { calibrateUnits } from "../../tools/photos/calibration.ts";
import { evaluateOnPhotos } from "../../tools/photos/evaluate_photos.ts";
import type { Photo } from "../../tools/photos/manifest.ts";
import type { Reading } from "../../tools/photos/worker.ts";
import { calibrated, fitCalibration } from "../../train/scores/calibration.ts";
import type { CalibrationFile } from "../../train/units/calibration_file.ts";
import { randomStream } from "../../train/runs/random.ts";
import { writeTinyCard, writeTinyModel } from "../web/tiny_model.ts";

const portrait = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));

/** Photographs of units 12, 4 and 9, and what a model says of them; photograph 5 shows no face. */
function drawn(count: number) {
  const random = randomStream(8);
  const photos: Photo[] = [], readings: Reading[] = [];
  for (let i = 0; i < count; i++) {
    const truths = [12, 4, 9].map((au) => [au, random() < (au === 9 ? 0.05 : 0.4)] as const);
    photos.push({
      image: `${i}.jpg`,
      path: `${i}.jpg`,
      line: i + 1,
      subject: `s${i}`,
      present: new Map(truths),
      fields: {},
    });
    const aus = truths.map(([au, present]) => ({ au, probability: 0.4 * random() + (present ? 0.25 : 0) }));
    readings.push(
      i === 5 ? { reason: "No face was found." } : { faces: 1, models: [{ aus } as unknown as DetectedFace] },
    );
  }
  return { photos, readings };
}

describe("calibrateUnits", () => {
  const { photos, readings } = drawn(80);
  const { units, before, after } = calibrateUnits([12, 4, 9], photos, readings);
  const answers = [0, 1, 2].map((a) =>
    photos.flatMap(({ present }, i) => {
      const reading = readings[i];
      return "reason" in reading
        ? []
        : [{ p: reading.models[0].aus[a].probability, present: present.get([12, 4, 9][a])! }];
    })
  );

  it("fits a unit that is shown often to its own faces, and calls as many present as are", () => {
    for (const a of [0, 1]) {
      const { calibration, threshold, from, positives, faces } = units[a];
      const [slope, offset] = fitCalibration(answers[a]);
      assertEquals([from, faces], ["its own faces", 80]);
      assertEquals(positives, photos.filter(({ present }) => present.get([12, 4][a])).length);
      assertAlmostEquals(calibration[0], slope, 5e-5);
      assertAlmostEquals(calibration[1], offset, 5e-5);
      const called = answers[a].filter(({ p }) => calibrateOne(p, calibration) >= threshold).length;
      assertEquals(called, positives, "the one that was not found is among the present");
    }
  });

  it("gives a unit that too few show the calibration of all together, and says so", () => {
    const [slope, offset] = fitCalibration(answers.flat());
    assert(units[2].positives < 8);
    assertEquals([units[2].from, units[2].threshold], ["all units together", 0.5]);
    assertAlmostEquals(units[2].calibration[0], slope, 5e-5);
    assertAlmostEquals(units[2].calibration[1], offset, 5e-5);
  });

  it("brings what is said nearer to what is, by the detector's own formula", () => {
    assert(after.error < before.error && after.brier < before.brier, `${before.error}, ${after.error}`);
    assertEquals(after.count, 3 * 79);
    for (const p of [1e-5, 0.2, 0.5, 0.999]) {
      assertAlmostEquals(calibrated(p, [1.7, -0.4]), calibrateOne(p, [1.7, -0.4]), 1e-12);
    }
  });
});

/** Thirty-two faces from cold to warm; the warmer, the more of them "smile"; a model of intensity sees redness. */
describe("deno task calibrate", () => {
  let folder: string, model: string;
  let printed: string[];
  const print = console.log;
  const text = (more: Record<string, string> = {}) => ({
    text: { model, photos: folder, workers: "2", ...more },
    switches: new Set<string>(),
    settings: {},
  });
  const file = (): CalibrationFile => JSON.parse(Deno.readTextFileSync(join(model, "calibration.json")));

  beforeAll(async () => {
    folder = Deno.makeTempDirSync();
    model = join(folder, "run");
    Deno.mkdirSync(model);
    const bytes = writeTinyModel({ weights: [[1, -1], [0, 0], [-1, 1]], bias: [-1, 0] }, 32);
    Deno.writeFileSync(join(model, "emoco.onnx"), bytes);
    const card = await writeTinyCard(bytes, { target: "intensity" });
    Deno.writeTextFileSync(join(model, "emoco.json"), JSON.stringify(card));
    const face = await sharp(portrait).resize(200).png().toBuffer();
    const lines = await Promise.all(Array.from({ length: 32 }, async (_, i) => {
      const warmth = ((i * 13) % 32) / 31, image = `${i}.jpg`;
      await sharp(face).linear([0.5 + 0.5 * warmth, 0.8, 1 - 0.5 * warmth], [0, 0, 0]).jpeg()
        .toFile(join(folder, image));
      const present = { 12: Number(warmth + 0.2 * Math.sin(7 * i) > 0.45), 4: Number(i < 3) };
      return { image, subject: `s${i}`, split: "test", present };
    }));
    await sharp(face).jpeg().toFile(join(folder, "unlabelled.jpg"));
    Deno.writeTextFileSync(
      join(folder, "manifest.jsonl"),
      [...lines, { image: "unlabelled.jpg", split: "test", subject: "nobody" }]
        .map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  });
  afterAll(() => Deno.removeSync(folder, { recursive: true }));
  beforeEach(() => {
    printed = [];
    console.log = (line: string) => printed.push(line);
  });
  afterEach(() => {
    console.log = print;
  });

  it("fits one half, from the model's raw answers, and evaluate then tells how good it is on the other", async () => {
    const { units } = await calibrate(text({ half: "even" }));
    const written = file();
    assertEquals(written.units, units);
    assertEquals([written.split, written.half, written.faces, written.people, written.notFound], [
      "test",
      "even",
      16,
      16,
      0,
    ]);
    assertEquals(units.map(({ from }) => from), ["its own faces", "all units together"]);
    assertStringIncludes(printed.join("\n"), "Calibration error ");

    // As export writes them into the card; the answers that are fitted stay the raw ones.
    const path = join(model, "emoco.json"), plain = Deno.readTextFileSync(path);
    const card = JSON.parse(plain);
    card.aus = units.map(({ au, threshold, calibration }) => ({ au, threshold, calibration }));
    Deno.writeTextFileSync(path, JSON.stringify(card));
    assertEquals((await calibrate(text({ half: "even" }))).units, units);
    const out = join(folder, "out");
    const asked = { ...text({ half: "odd", samples: "20", out }) };
    const [evaluation] = await evaluateOnPhotos(asked);
    assertEquals(evaluation.reliability?.all.count, 16);
    assertEquals(evaluation.scores.readers[0].units[0].threshold, units[0].threshold);
    assertStringIncludes(
      Deno.readTextFileSync(join(out, "report.html")),
      "Are the probabilities what they say?",
    );
    Deno.writeTextFileSync(path, plain);
    const [uncalibrated] = await evaluateOnPhotos(asked);
    assertEquals(uncalibrated.reliability, undefined, "a share of the full intensity promises nothing");
    assertAlmostEquals(
      uncalibrated.scores.readers[0].means.auc.value,
      evaluation.scores.readers[0].means.auc.value,
      1e-12,
      "the order of faces stays",
    );
  });

  it("refuses what cannot be done, in a sentence", async () => {
    await assertRejects(() => calibrate(text({ half: "left" })), Error, "a half is even or odd");
    await assertRejects(
      () => calibrate({ ...text(), text: { photos: folder } }),
      Error,
      "--model=... is missing",
    );
    await assertRejects(() => calibrate({ ...text(), text: { model } }), Error, "--photos=... is missing");
    const few = join(folder, "few");
    Deno.mkdirSync(few);
    Deno.copyFileSync(join(folder, "0.jpg"), join(few, "0.jpg"));
    Deno.writeTextFileSync(join(few, "manifest.jsonl"), '{"image":"0.jpg","present":{"12":1}}\n');
    await assertRejects(() => calibrate(text({ photos: few })), Error, "too few to calibrate by");
    Deno.writeTextFileSync(join(few, "manifest.jsonl"), '{"image":"0.jpg"}\n');
    await assertRejects(() => calibrate(text({ photos: few })), Error, 'has a label ("present")');
  });
});
