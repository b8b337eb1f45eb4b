import { assert, assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { tf } from "../../../train/engine/backend.ts";
import { readManifest } from "../../../train/input/data.ts";
import { ViewLoader } from "../../../train/input/views.ts";
import { readMetrics } from "../../../train/runs/run_folder.ts";
import { adapting } from "../../../train/units/adapt_config.ts";
import { adaptByStatistics } from "../../../train/units/adapt_statistics.ts";
import { adaptByTeacher } from "../../../train/units/adaptation.ts";
import { measure } from "../../../train/units/adaptation_measures.ts";
import {
  type Adaptation,
  headWeights,
  planRounds,
  walkOverBoth,
} from "../../../train/units/adaptation_plan.ts";
import { type AuModel, predict } from "../../../train/units/au_model.ts";
import { GEOMETRY_SIZE, geometryStart, MIRRORED_POINTS } from "../../../train/units/face_geometry.ts";
import { disposeStored, loadModel, type StoredModel } from "../../../train/units/model_store.ts";
import { answersOfState, answersToState, teach } from "../../../train/units/teacher.ts";
import { ALL_HEADS, drawLabelledFaces, within, writeModelRun, writePretrainedRun } from "../toy_runs.ts";

const CONFIG = {
  ...adapting,
  rounds: 2,
  epochs: 4,
  batchSize: 7,
  learningRate: 2e-3,
  averageMomentum: 0.8,
  logEvery: 1,
  checkpointEvery: 3,
};

describe("adaptation", () => {
  let folder: string, stored: StoredModel, loader: ViewLoader;
  const faces = () => loader.faces;
  const everyone = () => Int32Array.from(faces(), (_, i) => i);
  const write = Deno.stdout.writeSync;

  beforeAll(async () => {
    Deno.stdout.writeSync = (bytes) => bytes.length;
    folder = Deno.makeTempDirSync();
    await drawLabelledFaces(join(folder, "faces"), 3);
    writePretrainedRun(folder, "pre");
    writeModelRun(folder, "model", { changes: { ...ALL_HEADS, target: "intensity" } });
    stored = await within(folder, () => loadModel("model"));
    loader = new ViewLoader(readManifest(join(folder, "faces/manifest.jsonl")), {
      ...CONFIG,
      size: 32,
      skipBroken: false,
    });
  });
  afterAll(() => {
    Deno.stdout.writeSync = write;
    loader.close();
    disposeStored(stored);
    Deno.removeSync(folder, { recursive: true });
  });

  const adaptation = (name: string, changes: Partial<Adaptation> = {}): Adaptation => {
    Deno.mkdirSync(join(folder, name), { recursive: true });
    return {
      name,
      folder: join(folder, name),
      config: CONFIG,
      model: stored.model,
      weights: headWeights(stored.model, stored.config),
      unlabelled: faces().length,
      subjects: { pretraining: [], actionUnits: [], adaptation: [] },
      resumes: false,
      eager: true,
      ...changes,
    };
  };
  const valuesOf = ({ backbone, classifier, emotionHead, heads }: AuModel) => ({
    ...Object.fromEntries(
      Object.entries({ ...backbone.weights, ...backbone.statistics, ...emotionHead, ...heads })
        .map(([name, tensor]) => [name, tensor.dataSync()]),
    ),
    ...classifier,
  });

  it("asks the teacher for both sides of a face, and takes the mean", async () => {
    const { model } = stored;
    const answers = await teach(model, loader, everyone());
    const plain = await predict(model, loader, everyone());
    // The mirror image, made by hand of the plain views.
    const rows: Float32Array[] = [];
    for await (const { viewQ, indices } of loader.plainViews(everyone())) {
      for (let n = 0; n < indices.length; n++) {
        const view = viewQ.slice(n * 32 * 32 * 3, (n + 1) * 32 * 32 * 3);
        rows.push(view.map((_, i) => {
          const c = i % 3, x = Math.floor(i / 3) % 32, y = Math.floor(i / 96);
          return view[(y * 32 + 31 - x) * 3 + c];
        }));
      }
    }
    const mirrored = { options: loader.options, plainViews: () => views(rows) } as unknown as ViewLoader;
    const other = await predict(model, mirrored, everyone());
    for (let i = 0; i < plain.probabilities.length; i++) {
      assertAlmostEquals(
        answers.probabilities[i],
        (plain.probabilities[i] + other.probabilities[i]) / 2,
        1e-5,
      );
      assertAlmostEquals(answers.visible[i], (plain.visible![i] + other.visible![i]) / 2, 1e-5);
    }
    const pose = geometryStart("pose"), gaze = geometryStart("gaze"), open = geometryStart("openness");
    answers.geometry.forEach((geometry, n) => {
      for (let point = 0; point < 68; point++) {
        const partner = MIRRORED_POINTS[point];
        const x = (plain.points![136 * n + 2 * point] + 1 - other.points![136 * n + 2 * partner]) / 2;
        const y = (plain.points![136 * n + 2 * point + 1] + other.points![136 * n + 2 * partner + 1]) / 2;
        assertAlmostEquals(geometry[2 * point], 40 * x, 1e-3, "in pixels of a picture of 40");
        assertAlmostEquals(geometry[2 * point + 1], 40 * y, 1e-3);
      }
      const [yaw, pitch] = [0, 1].map((k) => [plain.pose![3 * n + k], other.pose![3 * n + k]]);
      assertAlmostEquals(geometry[pose], (yaw[0] - yaw[1]) / 2, 1e-3);
      assertAlmostEquals(geometry[pose + 1], (pitch[0] + pitch[1]) / 2, 1e-3);
      assertAlmostEquals(geometry[gaze], (plain.gaze![4 * n] - other.gaze![4 * n + 2]) / 2, 1e-3);
      assertAlmostEquals(geometry[open], (plain.openness![3 * n] + other.openness![3 * n + 1]) / 2, 1e-4);
    });
    assertEquals(answersOfState(answersToState(answers)), {
      ...answers,
      geometry: answers.geometry.map((row) => row.subarray(0, GEOMETRY_SIZE)),
    });
  });

  it("teaches a student the teacher's answers on harder views, and leaves the model it started from alone", async () => {
    const start = valuesOf(stored.model), tensors = tf.memory().numTensors;
    const rounds: number[] = [];
    const model = await adaptByTeacher(adaptation("learns"), loader, faces(), (round, step) => {
      rounds.push(round, step);
      return Promise.resolve();
    });
    assertEquals(rounds, [1, 12, 2, 24]);
    assertEquals(valuesOf(stored.model), start);
    const steps = readMetrics(join(folder, "learns"));
    assertEquals(steps.length, 24);
    for (const part of ["units", "emotion", "points", "pose", "gaze", "openness", "visible"]) {
      assert(Number.isFinite(steps[0][`${part}Loss`]), part);
    }
    // The first round has one teacher, whose answers stay: what is left of the loss is what the student has not learnt.
    const mean = (from: number) =>
      steps.slice(from, from + 4).reduce((sum, { loss }) => sum + Number(loss) / 4, 0);
    assertLess(mean(8), 0.95 * mean(0));
    tf.dispose([model!.backbone.weights, model!.backbone.statistics, model!.emotionHead!, model!.heads!]);
    assertEquals(tf.memory().numTensors, tensors);
  });

  it("measures what a model says, how sure it is, and whether it says the same of two views", async () => {
    const { model } = stored, units = model.aus.length;
    const { probabilities, measures } = await measure(model, loader, everyone(), 0.3);
    assertEquals(probabilities, (await predict(model, loader, everyone())).probabilities);
    measures.units.forEach(({ mean, present, agreement }, a) => {
      const said = faces().map((_, n) => probabilities[n * units + a]);
      assertAlmostEquals(mean, said.reduce((sum, p) => sum + p, 0) / said.length, 1e-6);
      assertEquals(present, said.filter((p) => p >= 0.3).length / said.length);
      assert(agreement > 0.5 && agreement < 1, `${agreement}`);
    });
    // One that knows nothing says one half of everything, and is as unsure as can be.
    const blank = { weight: model.classifier.weight.map(() => 0), bias: model.classifier.bias.map(() => 0) };
    const { measures: none } = await measure({ ...model, classifier: blank }, loader, everyone(), 0.3);
    assertEquals([none.agreement, none.sameDecision, none.entropy], [1, 1, 1]);
  });

  it("goes on, after an end at any step, to the same bits as without one", async () => {
    const nothing = () => Promise.resolve();
    const whole = await adaptByTeacher(adaptation("whole"), loader, faces(), nothing);
    // Ends at step 24, of which the last checkpoint is that of step 21, inside the second round.
    const broken = { ...adaptation("broken") };
    await assertRejects(() =>
      adaptByTeacher(
        broken,
        loader,
        faces(),
        (round) => round === 2 ? Promise.reject(new Error("gone")) : nothing(),
      )
    );
    const resumed = await adaptByTeacher({ ...broken, resumes: true }, loader, faces(), nothing);
    assertEquals(valuesOf(resumed!), valuesOf(whole!));
    const metrics = (name: string) => readMetrics(join(folder, name));
    assertEquals(metrics("broken"), metrics("whole"));
  });

  it("rehearses labelled faces in their share of every batch, in turn", () => {
    const rows = Array.from({ length: 5 }, () => [undefined]);
    const known = { emotions: new Float32Array(), geometry: [], visible: new Float32Array(), units: 1 };
    const run = adaptation("both", { unlabelled: 8, rehearsed: { rows, known } });
    const { fresh, perRound } = planRounds({ ...run, config: { ...CONFIG, rehearsal: 0.4 } });
    assertEquals([fresh, perRound], [4, 8]);
    const walk = walkOverBoth(run, fresh);
    const visits = Array.from({ length: 10 * 7 }, (_, i) => walk.at(i));
    visits.forEach(({ index }, i) => assertEquals(index >= 8, i % 7 >= 4));
    const old = visits.filter(({ index }) => index >= 8);
    for (let round = 0; round < 6; round++) {
      const seen = old.slice(5 * round, 5 * (round + 1)).map(({ index }) => index).sort((a, b) => a - b);
      assertEquals(seen, [8, 9, 10, 11, 12]);
    }
    assertEquals(new Set(visits.map(({ index, epoch }) => `${index} ${epoch}`)).size, visits.length);
  });

  it("brings a camera's faces back to what the model makes of good ones, by statistics alone", async () => {
    const { model } = stored, indices = everyone();
    const seenBy = async (eyes: AuModel, source: ViewLoader) => {
      const { features } = await predict(eyes, source, indices);
      return features;
    };
    const faint = fainter(loader);
    // Of the good pictures themselves first, as training would have left them.
    const trained = await adaptByStatistics(model, loader, indices.length, 1);
    const adapted = await adaptByStatistics(trained, faint, indices.length, 1);
    const wanted = await seenBy(trained, loader);
    const distance = (one: Float32Array) => Math.hypot(...one.map((value, i) => value - wanted[i]));
    const [before, after] = [distance(await seenBy(trained, faint)), distance(await seenBy(adapted, faint))];
    assertLess(after, 0.05 * before);
  });

  it("takes batch norm's statistics from the faces: the first layer's are those of its inputs", async () => {
    const { model } = stored;
    const adapted = await adaptByStatistics(model, loader, faces().length, 1);
    const views: Float32Array[] = [];
    for await (const { viewQ } of loader.plainViews(everyone())) views.push(viewQ);
    const images = tf.concat(views.map((view) => tf.tensor4d(view, [view.length / 3072, 32, 32, 3])));
    const x = tf.conv2d(
      tf.concat([images, tf.reverse(images, 2)]) as typeof images,
      model.backbone.weights["conv1.weight"] as typeof images,
      2,
      [[0, 0], [3, 3], [3, 3], [0, 0]],
    );
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    const close = (name: string, expected: ArrayLike<number>) =>
      adapted.backbone.statistics[name].dataSync().forEach((value, c) =>
        assertAlmostEquals(value, expected[c], 2e-3 * (1 + Math.abs(expected[c])))
      );
    close("bn1.running_mean", mean.dataSync());
    close("bn1.running_var", variance.dataSync());
    assertEquals(
      adapted.backbone.weights["conv1.weight"].dataSync(),
      model.backbone.weights["conv1.weight"].dataSync(),
    );
    const half = await adaptByStatistics(model, loader, faces().length, 0.5);
    const [old, now, between] = [model, adapted, half].map(({ backbone }) =>
      backbone.statistics["layer4.1.bn2.running_var"].dataSync()
    );
    between.forEach((value, c) => assertAlmostEquals(value, (old[c] + now[c]) / 2, 1e-4));
  });
});

/** The same faces by a camera with a third of the contrast. */
function fainter(loader: ViewLoader): ViewLoader {
  return {
    options: loader.options,
    async *plainViews(indices: Int32Array) {
      for await (const views of loader.plainViews(indices)) {
        yield { ...views, viewQ: views.viewQ.map((value) => value / 3) };
      }
    },
  } as unknown as ViewLoader;
}

/** Views as a loader gives them, seven at a time. */
async function* views(rows: readonly Float32Array[]) {
  for (let at = 0; at < rows.length; at += 7) {
    const part = rows.slice(at, at + 7), viewQ = new Float32Array(part.length * 3072);
    part.forEach((row, n) => viewQ.set(row, n * 3072));
    yield await Promise.resolve({ indices: Int32Array.from(part, (_, n) => at + n), viewQ });
  }
}
