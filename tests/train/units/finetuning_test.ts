import type { SavedFinetuneConfig } from "../../../train/units/saved_config.ts";
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import type { Tensor } from "../../../train/engine/backend.ts";
import { loadCheckpoint } from "../../../train/runs/checkpoint.ts";
import { finetuning } from "../../../train/units/finetune_config.ts";
import { type Face, holdBackSubjects, readManifest } from "../../../train/input/data.ts";
import type { FinetuneRun, Source } from "../../../train/units/finetune_run.ts";
import { trainUnits } from "../../../train/units/finetuning.ts";
import { FoldBook } from "../../../train/units/fold_book.ts";
import { subjectFolds } from "../../../train/scores/folds.ts";
import { loadModel, loadSource, saveModel } from "../../../train/units/model_store.ts";
import { createRun } from "../../../train/runs/run_folder.ts";
import { drawLabelledFaces, within, writePretrainedRun } from "../toy_runs.ts";

describe("trainUnits under the linear protocol", () => {
  let folder: string, source: Source, faces: Face[];
  const config = { ...finetuning, probeSteps: 15, batchSize: 16, skipBroken: false };
  const aus = [4, 12, 25];

  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawLabelledFaces(join(folder, "faces"), 13);
    writePretrainedRun(folder, "pre");
    source = await within(folder, () => loadSource("pre", 0));
    faces = readManifest(join(folder, "faces/manifest.jsonl")).filter((face) => face.split === "au");
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  /** A run on the given faces, without a word. */
  async function train(name: string, given: readonly Face[], changes: Partial<FinetuneRun> = {}) {
    const run: FinetuneRun = {
      name,
      folder: join(folder, name),
      config,
      source,
      manifest: join(folder, "faces/manifest.jsonl"),
      faces: given,
      aus,
      folds: subjectFolds(given, (changes.config ?? config).folds, (changes.config ?? config).seed),
      keepsModel: true,
      task: "finetune",
      eager: false,
      resumes: false,
      ...changes,
    };
    Deno.mkdirSync(run.folder, { recursive: true });
    const { log } = console;
    const said: string[] = [];
    console.log = (line: string) => said.push(line);
    try {
      const { model, ...rest } = await trainUnits(run);
      return { ...rest, model: model!, run, said, book: new FoldBook(run.folder, aus, true) };
    } finally {
      console.log = log;
    }
  }
  const relabel = (chosen: (face: Face) => boolean) =>
    faces.map((face) =>
      chosen(face)
        ? { ...face, present: new Map([...face.present].map(([au, present]) => [au, !present])) }
        : face
    );

  it("leaves every tensor of the backbone and of the emotion head bit-equal, in the model and in its checkpoint", async () => {
    await within(folder, async () => {
      const { model, run } = await train("unused", faces);
      const saved = {
        program: "finetune",
        aus,
        architecture: source.backbone.architecture,
        imageSize: source.imageSize,
        ...config,
      } as unknown as SavedFinetuneConfig;
      createRun("kept", saved);
      saveModel({ ...run, folder: "runs/kept" }, saved, model);
    });
    const before = loadCheckpoint(join(folder, "runs/pre")),
      after = loadCheckpoint(join(folder, "runs/kept"));
    const { "au.weight": weight, "au.bias": bias, ...frozen } = after.state.weights;
    assertEquals({ ...frozen, ...after.state.emotion }, before.state.weights);
    assertEquals(after.state.statistics, before.state.statistics);
    assertEquals(weight.shape, [64, 3]);
    assert(weight.values.some((value) => value !== 0) && bias.values.some((value) => value !== 0));
    assertEquals(after.subjects, {
      pretraining: ["s00"],
      actionUnits: [...new Set(faces.map((face) => face.subject))].sort(),
    });
    const loaded = await within(folder, () => loadModel("kept"));
    assertEquals(loaded.model.classifier, {
      weight: weight.values as Float32Array<ArrayBuffer>,
      bias: bias.values as Float32Array<ArrayBuffer>,
    });
    const head = (tensors: { [name: string]: Tensor }) =>
      Object.entries(tensors).map(([name, tensor]) => [name, tensor.dataSync()]);
    assertEquals(head(loaded.model.emotionHead!), head(source.emotionHead!));
  });

  it("does the same twice, and lets a fold's test labels influence nothing but its scores", async () => {
    const one = await train("one", faces), again = await train("again", faces);
    assertEquals(again.book.results, one.book.results);
    assertEquals(again.model.classifier, one.model.classifier);
    const [first] = subjectFolds(faces, config.folds, config.seed);
    const tested = new Set(Array.from(first.test, (i) => faces[i].line));
    const { book } = await train("relabelled", relabel((face) => tested.has(face.line)));
    const ofFold = (from: FoldBook, fold: number) => from.predictions.filter((one) => one.fold === fold);
    assertEquals(ofFold(book, 1), ofFold(one.book, 1));
    assertEquals(book.results[0].rate, one.book.results[0].rate);
    assertNotEquals(book.results[0].units, one.book.results[0].units);
    assertNotEquals(ofFold(book, 2), ofFold(one.book, 2)); // there they are training labels
  });

  it("chooses the rate by people of the training part who are then unknown to it", async () => {
    // Labels that can be learnt in the inner part, and are turned round for those it is measured on: the rate that
    // learns least does best there. Nothing of the test part is needed to see it.
    const easy = faces.map((face) => ({
      ...face,
      present: new Map(aus.map((au) => [au, face.emotion === "happy" || face.emotion === "sad"])),
    }));
    const [fold] = subjectFolds(easy, 3, 0);
    const training = Array.from(fold.train, (i) => easy[i]);
    const held = new Set(holdBackSubjects(training, 0.2, config.seed).held.map((face) => face.line));
    assert(held.size > 0 && held.size < training.length);
    const turned = easy.map((face) =>
      held.has(face.line)
        ? { ...face, present: new Map([...face.present].map(([au, is]) => [au, !is] as const)) }
        : face
    );
    const rates = { config: { ...config, probeSteps: 60, probeRates: [1e-7, 0.03] } };
    const straight = await train("straight", easy, rates), crooked = await train("crooked", turned, rates);
    assertEquals(straight.book.results[0].rate, 0.03);
    assertEquals(crooked.book.results[0].rate, 1e-7);
  });

  it("does not do a fold again that is in the book", async () => {
    const { book, run } = await train("resumed", faces);
    const path = join(run.folder, "folds.json");
    const kept = JSON.parse(Deno.readTextFileSync(path));
    kept.folds = [{ ...kept.folds[0], rate: 123 }]; // a mark that no training leaves
    Deno.writeTextFileSync(path, JSON.stringify(kept));
    const resumed = await train("resumed", faces, { resumes: true });
    assertEquals(resumed.book.results[0].rate, 123);
    assertEquals(resumed.book.results.slice(1), book.results.slice(1));
    assertEquals(resumed.said.filter((line) => line.startsWith("fold")).map((line) => line.slice(0, 8)), [
      "fold 2/3",
      "fold 3/3",
    ]);
  });

  it("neither learns from nor tests on a face whose picture is broken, when it is told to go on without", async () => {
    const broken = faces[10];
    const image = join(folder, "broken.jpg");
    Deno.writeTextFileSync(image, "no picture");
    const given = faces.map((face) => face === broken ? { ...face, image } : face);
    const options = { config: { ...config, skipBroken: true } };
    const skipping = await train("skipping", given, options);
    const otherwise = await train(
      "otherwise",
      given.map((face) =>
        face.line === broken.line
          ? { ...face, present: new Map([...face.present].map(([au, is]) => [au, !is] as const)) }
          : face
      ),
      options,
    );
    assertEquals(skipping.book.predictions.length, faces.length - 1);
    assertEquals(skipping.book.predictions.filter(({ line }) => line === broken.line), []);
    assertEquals(otherwise.book.results, skipping.book.results);
    assertEquals(otherwise.model.classifier, skipping.model.classifier);
    assertStringIncludes(
      skipping.said.join("\n"),
      "1 pictures could not be decoded; nothing was learnt from them",
    );
  });
});
