import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { tf } from "../../../train/engine/backend.ts";
import { type Face, holdBackSubjects, readManifest } from "../../../train/input/data.ts";
import { extractFeatures } from "../../../train/units/features.ts";
import { classify, fitClassifier, PROBE_FIT, unitWeights } from "../../../train/units/linear_probe.ts";
import type { Label } from "../../../train/scores/metrics.ts";
import { OnlineProbe } from "../../../train/pretraining/online_probe.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { byRunning, initResNet, initRunningStatistics, resnet } from "../../../train/nets/resnet.ts";
import { ViewLoader, type ViewOptions } from "../../../train/input/views.ts";
import { drawFaces } from "../toy_faces.ts";

describe("unitWeights", () => {
  it("weighs a unit by the inverse of its rate among its labelled faces, one on average", () => {
    const labels: Label[][] = [[true, false, undefined], [false, false, true], [false, undefined, true], [
      false,
      false,
      true,
    ]];
    // Inverse rates 4, 3 (never present: as if once) and 1.
    const expected = [4, 3, 1].map((inverse) => inverse / (8 / 3));
    unitWeights(labels, 3).forEach((weight, a) => assertAlmostEquals(weight, expected[a], 1e-6));
  });
});

describe("fitClassifier", () => {
  const random = randomStream(1);
  const count = 120, columns = 6;
  // Column 3 is constant and column 4 far from the origin: neither may spoil the fit.
  const features = Float32Array.from({ length: count * columns }, (_, i) => {
    const column = i % columns;
    return column === 3 ? 2 : column === 4 ? 1000 + normal(random) : normal(random) * (column + 1);
  });
  const at = (n: number, column: number) => features[n * columns + column];
  const labels: Label[][] = Array.from({ length: count }, (_, n) => [
    at(n, 0) + at(n, 1) / 2 > 0.3,
    n % 3 ? at(n, 4) > 1000.5 : undefined,
  ]);

  it("separates what a line can separate, where labelled", () => {
    const before = tf.memory().numTensors;
    const classifier = fitClassifier(features, labels, PROBE_FIT);
    const probabilities = classify(classifier, features);
    assertEquals(tf.memory().numTensors, before, "no tensor is left");
    let wrong = 0, known = 0;
    labels.forEach((row, n) =>
      row.forEach((label, a) => {
        if (label === undefined) return;
        known++;
        if (label !== probabilities[n * 2 + a] > 0.5) wrong++;
      })
    );
    assertLess(wrong / known, 0.06);
  });

  it("is the classifier that it says: sigmoid(x W + b) on features as they are", () => {
    const { weight, bias } = fitClassifier(features, labels, PROBE_FIT);
    const probabilities = classify({ weight, bias }, features);
    for (const n of [0, 17, 119]) {
      for (const a of [0, 1]) {
        let logit = bias[a];
        for (let c = 0; c < columns; c++) logit += at(n, c) * weight[c * 2 + a];
        assertAlmostEquals(probabilities[n * 2 + a], 1 / (1 + Math.exp(-logit)), 1e-3);
      }
    }
  });

  it("gives the same bits for the same data, and no heed to labels that are not there", () => {
    const fit = (some: Label[][]) => fitClassifier(features, some, { ...PROBE_FIT, steps: 40 });
    assertEquals(fit(labels), fit(labels));
    const alone = fit(labels.map(([first]) => [first])),
      unlabelled = fit(labels.map(([first]) => [first, undefined]));
    // A unit without labels has weight 1 beside the other's inverse rate; what is learnt of the other keeps its signs.
    for (let c = 0; c < columns; c++) {
      assertEquals(unlabelled.weight[2 * c + 1], 0);
      if (c < 2) assertEquals(Math.sign(unlabelled.weight[2 * c]), Math.sign(alone.weight[c]));
    }
  });
});

describe("OnlineProbe", () => {
  const options: ViewOptions = {
    size: 32,
    batchSize: 16,
    seed: 0,
    views: "moco-v2",
    cropScale: [0.4, 1],
    skipBroken: true,
  };
  const architecture = { backbone: "resnet18", width: 0.125, stem: "imagenet" } as const;
  const backbone = {
    architecture,
    weights: initResNet(architecture, randomStream(1)),
    statistics: initRunningStatistics(architecture),
  };
  let folder: string, kept: Face[], held: Face[];
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(folder, 10);
    ({ kept, held } = holdBackSubjects(readManifest(join(folder, "manifest.jsonl")), 0.2, 0));
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  it("measures the same twice, on held-back faces only, and leaves no tensor", async () => {
    using probe = new OnlineProbe(kept, held, options);
    const before = tf.memory().numTensors;
    const first = await probe.run(backbone);
    assertEquals(await probe.run(backbone), first);
    assertEquals(tf.memory().numTensors, before);
    assertEquals(first.queries, held);
    assertEquals(first.units.map((unit) => unit.au), [4, 12]);
    assertEquals(first.units.map((unit) => unit.count), [held.length, held.length]);
    for (const nearest of first.neighbours) {
      assertEquals(nearest.length, 20);
      assert(nearest.every((face) => kept.includes(face)));
    }
  });

  it("finds what is alike: asked about faces that it knows, each is its own neighbour", async () => {
    using probe = new OnlineProbe(kept, kept, options);
    const { knnEmotionAccuracy, neighbours, queries } = await probe.run(backbone);
    // Bank and queries are drawn apart, but with as many faces as there are each holds all of them.
    neighbours.forEach(([nearest], i) => assertEquals(nearest, queries[i]));
    assert(knnEmotionAccuracy > 1 / 7);
  });

  it("leaves out a picture that cannot be decoded, on either side", async () => {
    const broken = [kept[3], held[2]];
    const whole = broken.map((face) => Deno.readFileSync(face.image));
    for (const face of broken) Deno.writeTextFileSync(face.image, "no picture");
    using probe = new OnlineProbe(kept, held, options);
    const { queries, neighbours, units } = await probe.run(backbone);
    broken.forEach((face, i) => Deno.writeFileSync(face.image, whole[i]));
    assertEquals(queries, held.filter((face) => face !== broken[1]));
    assertEquals(units[0].count, held.length - 1);
    assertEquals(neighbours.flat().includes(broken[0]), false);
    assertEquals(probe.skipped.sort(), broken.map((face) => face.image).sort());
  });

  it("extracts the features of the backbone at rest, face by face", async () => {
    using loader = new ViewLoader(held, options);
    const indices = Int32Array.from({ length: held.length }, (_, i) => held.length - 1 - i);
    let done = 0;
    const features = await extractFeatures(backbone, loader, indices, (count) => done = count);
    assertEquals(done, held.length);
    const columns = features.length / held.length;
    const [{ viewQ }] = await Array.fromAsync(loader.plainViews(indices.slice(5, 6)));
    const alone = tf.tidy(() =>
      resnet(
        backbone.weights,
        tf.tensor4d(viewQ, [1, 32, 32, 3]),
        architecture,
        byRunning(backbone.weights, backbone.statistics),
      )
        .dataSync()
    );
    alone.forEach((value, c) => assertAlmostEquals(features[5 * columns + c], value, 1e-4));
  });
});
