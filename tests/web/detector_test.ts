import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { AuDetector } from "@emoco/web/detector";
import type { FaceFinder, FoundFace } from "@emoco/web/face-finder";
import { cropFace, type Pixels } from "@emoco/web/image";
import type { OrtLike, OrtSession } from "@emoco/web/inference";
import type { ModelCard } from "@emoco/web/model-card";
import * as ort from "onnxruntime-web";
import { noise, square } from "./pictures.ts";
import { type TinyModel, writeTinyCard, writeTinyModel } from "./tiny_model.ts";

const tiny: TinyModel = {
  weights: [[1.5, -0.7], [0.3, 0.9], [-2, 0.4]],
  bias: [0.1, -0.2],
  emotions: [[1, 0, -1], [0.5, 2, 0], [-1, 1, 0.5]],
};
const image = noise(300, 200);

function faceAt(x: number, y: number, side: number): FoundFace {
  return { box: { x, y, width: side, height: side }, score: 0.9, points: square(x, y, side, 0.1) };
}

function finderOf(...faces: FoundFace[]): FaceFinder {
  return { find: () => Promise.resolve(faces) };
}

/** The tiny model worked out in plain numbers from the crop that alignment makes. */
function expectedOf(image: Pixels, face: FoundFace, { input }: ModelCard) {
  const crop = cropFace(image, face.points, input.size);
  const rgb = [0, 1, 2].map((c) => {
    let sum = 0;
    for (let i = c; i < crop.data.length; i += 4) sum += crop.data[i] / 255;
    return (sum / input.size ** 2 - input.mean[c]) / input.std[c];
  });
  const logits = tiny.bias.map((b, a) =>
    b + rgb.reduce((sum, value, c) => sum + value * tiny.weights[c][a], 0)
  );
  const scores = [0, 1, 2].map((e) =>
    Math.exp(rgb.reduce((sum, value, c) => sum + value * tiny.emotions![c][e], 0))
  );
  const total = scores.reduce((sum, score) => sum + score);
  return {
    probabilities: logits.map((z) => 1 / (1 + Math.exp(-z))),
    emotions: scores.map((score) => score / total),
  };
}

describe("AuDetector.detect", () => {
  let model: Uint8Array, card: ModelCard;
  const detectors: AuDetector[] = [];
  const load = async (finder: FaceFinder, runtime: OrtLike = ort) => {
    const detector = await AuDetector.load({ model, card, finder, ort: runtime });
    detectors.push(detector);
    return detector;
  };

  beforeAll(async () => {
    model = writeTinyModel(tiny, 32);
    card = await writeTinyCard(model, { emotions: ["neutral", "happy", "fear"] });
  });
  afterAll(async () => {
    await Promise.all(detectors.map((detector) => detector.release()));
  });

  it("gives intensity and presence from one number where the card says that it was trained on intensity", async () => {
    const graded = {
      ...card,
      target: "intensity" as const,
      aus: card.aus.map(({ au }) => ({ au, threshold: 0.3 })),
    };
    const finder = finderOf(faceAt(20, 30, 60), faceAt(100, 10, 150), faceAt(5, 90, 90));
    const detector = await AuDetector.load({ model, card: graded, finder, ort });
    detectors.push(detector);
    const black = { ...image, data: image.data.map((_, i) => i % 4 === 3 ? 255 : 0) };
    const unitsOf = async (detector: AuDetector) =>
      [await detector.detect(image), await detector.detect(black)]
        .flatMap(({ faces }) => faces).flatMap(({ aus }) => aus);
    const units = await unitsOf(detector), before = await unitsOf(await load(finder));
    assertEquals(units.map(({ probability }) => probability), before.map(({ probability }) => probability));
    for (const { probability, intensity, present } of units) {
      assertEquals(intensity, 5 * probability);
      assertEquals(present, Math.round(intensity!) >= 2);
    }
    assertEquals(new Set(units.map(({ present }) => present)).size, 2, "both answers occur");
    assert(before.every((unit) => !("intensity" in unit)));
  });

  it("answers what the model computes from each face's aligned crop, largest face first", async () => {
    const faces = [faceAt(20, 30, 60), faceAt(100, 10, 150), faceAt(5, 90, 90)];
    const detection = await (await load(finderOf(...faces))).detect(image);
    assertEquals([detection.width, detection.height], [300, 200]);
    assertEquals(detection.faces.map((face) => face.box.width), [150, 90, 60]);
    for (const face of detection.faces) {
      const expected = expectedOf(image, face, card);
      assertEquals(face.aus.map((unit) => unit.au), [12, 4]);
      assertEquals(face.aus.map((unit) => unit.name), ["Lip corner puller", "Brow lowerer"]);
      face.aus.forEach((unit, i) => {
        assertAlmostEquals(unit.probability, expected.probabilities[i], 1e-5);
        assertEquals(unit.threshold, card.aus[i].threshold);
        assertEquals(unit.present, unit.probability >= unit.threshold);
      });
      assertEquals(Object.keys(face.emotions!), ["neutral", "happy", "fear"]);
      Object.values(face.emotions!).forEach((value, i) =>
        assertAlmostEquals(value!, expected.emotions[i], 1e-5)
      );
    }
    assert(Object.values(detection.timings).every((ms) => ms >= 0));
  });

  it("gives a face the same numbers alone and in company", async () => {
    const faces = [faceAt(20, 30, 60), faceAt(100, 10, 150)];
    const together = await (await load(finderOf(...faces))).detect(image);
    const alone = await (await load(finderOf(faces[0]))).detect(image);
    assertEquals(together.faces[1].aus, alone.faces[0].aus);
  });

  it("runs all faces of a picture in one run and disposes every tensor", async () => {
    let runs = 0, alive = 0, running = 0;
    const counted = <T extends { dispose(): void }>(tensor: T): T => {
      alive++;
      const dispose = tensor.dispose.bind(tensor);
      return Object.assign(tensor, { dispose: () => (alive--, dispose()) });
    };
    const spied: OrtLike = {
      Tensor: class {
        constructor(type: "float32", data: Float32Array, dims: readonly number[]) {
          return counted(new ort.Tensor(type, data, dims));
        }
      } as unknown as OrtLike["Tensor"],
      InferenceSession: {
        async create(bytes, options) {
          const session: OrtSession = await ort.InferenceSession.create(bytes, options);
          return {
            inputNames: session.inputNames,
            outputNames: session.outputNames,
            release: () => session.release(),
            async run(feeds) {
              runs++;
              assertEquals(++running, 1, "two runs at a time");
              const results = await session.run(feeds);
              running--;
              return Object.fromEntries(
                Object.entries(results).map(([name, tensor]) => [name, counted(tensor)]),
              );
            },
          };
        },
      },
    };
    const detector = await load(finderOf(faceAt(20, 30, 60), faceAt(100, 10, 150), faceAt(5, 90, 90)), spied);
    runs = 0;
    await detector.detect(image);
    assertEquals(runs, 1);
    await Promise.all([detector.detect(image), detector.detect(image)]);
    assertEquals([runs, alive], [3, 0]);
  });

  it("answers an empty list when there is no face, without a run", async () => {
    const detection = await (await load(finderOf())).detect(image);
    assertEquals(detection.faces, []);
  });

  it("stops before the run when its caller is gone", async () => {
    const gone = new AbortController();
    const finder = { find: () => (gone.abort(new Error("gone")), Promise.resolve([faceAt(20, 30, 60)])) };
    const detector = await load(finder);
    await assertRejects(() => detector.detect(image, gone.signal), Error, "gone");
  });

  it("runs plain tensors and refuses those of another shape", async () => {
    const detector = await load(finderOf());
    const data = new Float32Array(2 * 3 * 32 * 32).fill(0.5);
    const { probabilities, features } = await detector.infer({ data, dims: [2, 3, 32, 32] });
    assertEquals([probabilities.dims, features.dims], [[2, 2], [2, 3]]);
    assertAlmostEquals(features.data[4], 0.5, 1e-6);
    await assertRejects(() => detector.infer({ data, dims: [2, 3, 31, 32] }), TypeError, "[N, 3, 32, 32]");
    await assertRejects(() => detector.infer({ data, dims: [3, 3, 32, 32] }), TypeError, "with 6144 numbers");
  });

  it("loads the card from bytes as well", async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(card));
    const detector = await AuDetector.load({ model, card: bytes, finder: finderOf(), ort });
    detectors.push(detector);
    assertEquals(JSON.stringify(detector.card), JSON.stringify(card));
  });
});

describe("AuDetector.load", () => {
  const refused: [what: string, message: string, change: Partial<TinyModel>, card?: Partial<ModelCard>][] = [
    ["another input name", 'one input "image", has "picture"', { names: { image: "picture" } }],
    ["no probabilities", 'output "probabilities", has "scores"', { names: { probabilities: "scores" } }],
    ["no features", 'output "features"', { names: { features: "pool" } }],
    ["more AUs than the card", '"probabilities" must be [N, 2], is [2, 3]', {
      weights: [[1, 1, 1], [1, 1, 1], [1, 1, 1]],
      bias: [0, 0, 0],
    }],
    ["another size than the card", "does not run on [2, 3, 48, 48]", {}, {
      input: { size: 48, layout: "NCHW", channels: "RGB", range: [0, 1], mean: [0, 0, 0], std: [1, 1, 1] },
    }],
    ["room for one face only", "does not run on [2, 3, 32, 32]", { batch: 1 }],
    ["emotions the card does not name", "its card names no emotions", { emotions: tiny.emotions }],
    ["no emotions that the card names", 'output "emotions"', {}, { emotions: ["happy", "sad"] }],
    ["other emotions than the card", '"emotions" must be [N, 2], is [2, 3]', { emotions: tiny.emotions }, {
      emotions: ["happy", "sad"],
    }],
  ];
  for (const [what, message, change, cardChange] of refused) {
    it(`refuses a model with ${what}`, async () => {
      const bytes = writeTinyModel({ ...tiny, emotions: undefined, ...change }, 32);
      const card = await writeTinyCard(bytes, cardChange);
      await assertRejects(
        () => AuDetector.load({ model: bytes, card, finder: finderOf(), ort }),
        TypeError,
        message,
      );
    });
  }

  it("refuses a file that is not the one of the card, down to one bit", async () => {
    const bytes = writeTinyModel({ ...tiny, emotions: undefined }, 32), card = await writeTinyCard(bytes);
    const flipped = bytes.slice();
    flipped[flipped.length >> 1] ^= 1;
    const error = await assertRejects(
      () => AuDetector.load({ model: flipped, card, finder: finderOf(), ort }),
      TypeError,
      "do not belong together",
    );
    assert(error.message.includes(card.files["emoco.onnx"].sha256));
  });

  it("refuses bytes that are no ONNX, though the card vouches for them", async () => {
    const bytes = new TextEncoder().encode("no model at all"), card = await writeTinyCard(bytes);
    await assertRejects(
      () => AuDetector.load({ model: bytes, card, finder: finderOf(), ort }),
      TypeError,
      "The model file cannot be loaded",
    );
  });

  it("names the field when the card lacks one, and says when it is no JSON", async () => {
    const model = writeTinyModel({ ...tiny, emotions: undefined }, 32);
    const { licence: _, ...card } = await writeTinyCard(model);
    const finder = finderOf();
    await assertRejects(
      () => AuDetector.load({ model, card, finder, ort }),
      TypeError,
      '"licence" is missing',
    );
    const bytes = new TextEncoder().encode("{");
    await assertRejects(() => AuDetector.load({ model, card: bytes, finder, ort }), TypeError, "is not JSON");
  });
});
