/** The committed model through the whole path: what it loses because faces must be found first. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import type { AuDetector, DetectedFace } from "@emoco/web/detector";
import { cropFace, type FacePoints, toTensor } from "@emoco/web/image";
import { ALIGNMENT_POINTS } from "@emoco/web/model-card";
import { readUnit } from "../../web/detected_unit.ts";
import { compose, drawBackground, type Head, openCommitted, randomOf } from "./compositions.ts";

/** A face's box is about this many eye distances wide. */
const BOX = 2.3;

/** True and false positives and false negatives of each action unit. */
class Tally {
  readonly #counts = new Map<number, { hits: number; alarms: number; misses: number }>();

  add(au: number, isPresent: boolean, isTold: boolean): void {
    const counts = this.#counts.get(au) ?? { hits: 0, alarms: 0, misses: 0 };
    this.#counts.set(au, counts);
    if (isPresent && isTold) counts.hits++;
    else if (isTold) counts.alarms++;
    else if (isPresent) counts.misses++;
  }

  /** Mean over the action units, in points. */
  get f1(): number {
    const all = [...this.#counts.values()].map(({ hits, alarms, misses }) =>
      2 * hits / Math.max(1, 2 * hits + alarms + misses)
    );
    return 100 * all.reduce((sum, f1) => sum + f1, 0) / all.length;
  }
}

describe("AuDetector with the committed model on 300 composed pictures", () => {
  let detector: AuDetector, heads: Head[], release: () => Promise<void>;
  beforeAll(async () => {
    ({ detector, heads, release } = await openCommitted());
  });
  afterAll(() => release());

  /** What the model itself says of the crop that the true points make. */
  async function runOnCrop(image: Parameters<typeof cropFace>[0], points: FacePoints): Promise<Float32Array> {
    const { card: { input, alignment } } = detector;
    const data = toTensor(cropFace(image, points, input.size, alignment.template), input);
    return (await detector.infer({ data, dims: [1, 3, input.size, input.size] })).probabilities.data;
  }

  it("keeps the F1 of ready-made crops of the same faces to a twentieth, and is above 60", async () => {
    const random = randomOf(5), width = 640, height = 480;
    const ready = new Tally(), whole = new Tally();
    const backgrounds = Array.from({ length: 8 }, () => drawBackground(width, height, random));
    let missed = 0, count = 0;
    for (const [least, most] of [[80, 110], [110, 150], [150, 200], [200, 280], [280, 400]]) {
      for (const head of heads) {
        const eyes = (least + random() * (most - least)) / BOX, margin = Math.min(eyes * 1.6, height / 2);
        const at = [width, height].map((side) => margin + random() * (side - 2 * margin)) as [number, number];
        const turn = (random() * 2 - 1) * 15 - head.roll;
        const { image, points } = compose(backgrounds[count++ % backgrounds.length], head, {
          eyes,
          turn,
          at,
        });
        const distance = ({ points: found }: DetectedFace) =>
          ALIGNMENT_POINTS.reduce(
            (sum, name) =>
              sum + Math.hypot(found[name][0] - points[name][0], found[name][1] - points[name][1]),
            0,
          ) / ALIGNMENT_POINTS.length / eyes;
        const face = (await detector.detect(image)).faces.find((face) => distance(face) < 0.35);
        if (!face) missed++;
        const expected = await runOnCrop(image, points);
        detector.card.aus.forEach((unit, i) => {
          if (head.present[unit.au] === undefined) return; // the heads are labelled with fewer units than models know
          const isTold = readUnit(unit, expected[i], detector.card.target).present === true;
          ready.add(unit.au, head.present[unit.au] === 1, isTold);
          // A face that is missed shows nothing.
          whole.add(unit.au, head.present[unit.au] === 1, (face?.aus[i].probability ?? 0) >= unit.threshold);
        });
      }
    }
    assertEquals(count, 300);
    // Measured: none missed; F1 66.9 on ready-made crops, 63.8 through the whole path. The model before had 44.0 and 42.9:
    // what reads more loses more by a crop that lies a little otherwise.
    const result = `${missed} missed, F1 ${ready.f1.toFixed(2)} ready-made, ${
      whole.f1.toFixed(2)
    } whole path`;
    assert(ready.f1 > 63 && whole.f1 > 60, result);
    assertLess(ready.f1 - whole.f1, ready.f1 / 20, result);
  });
});
