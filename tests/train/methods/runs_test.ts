import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { join } from "node:path";
import { type PretrainConfig, settingsOf } from "../../../train/config.ts";
import { loadCheckpoint } from "../../../train/runs/checkpoint.ts";
import { ManifestError } from "../../../train/input/data.ts";
import { loadMethod, type MethodName, METHODS } from "../../../train/methods/index.ts";
import { randomStream } from "../../../train/runs/random.ts";
import { loadSource } from "../../../train/units/model_store.ts";
import { drawFace, drawFaces, type Line, metricLines, trainHere, writeManifest } from "../toy_faces.ts";
import { within } from "../toy_runs.ts";

const TINY = { width: 0.125, imageSize: 32, epochs: 1, logEvery: 1, evaluateEvery: 100, checkpointEvery: 2 };
const SMALL: { [name: string]: number } = {
  projectionSize: 16,
  embeddingSize: 8,
  predictorSize: 4,
  prototypes: 12,
  queueBatches: 1,
  decoderChannels: 1,
};

/** Settings of a tiny run: the quick preset of a method, with everything small that it has. */
async function tiny(method: MethodName, batchSize: number): Promise<Partial<PretrainConfig>> {
  const { quick } = (await settingsOf(method)).presets;
  const small = Object.fromEntries(Object.entries(SMALL).filter(([key]) => key in quick));
  return { ...quick, ...TINY, ...small, batchSize, method } as Partial<PretrainConfig>;
}

describe("a pretraining run of each method", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(join(folder, "faces"), 8);
    await drawClips(join(folder, "clips"), 10, 16);
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));

  for (const name of Object.keys(METHODS) as MethodName[]) {
    it(`${METHODS[name].title} runs, reports its losses, and goes on where it was left to the same end`, async () => {
      const { clip, terms } = await loadMethod(name);
      const settings = await tiny(name, clip ? 8 : 12);
      const data = clip ? "clips" : "faces";
      const printed = await trainHere(folder, name, settings, { eager: false, data });
      const steps = metricLines(folder, name).filter(({ type }) => type === "step");
      assert(steps.length >= 4);
      for (const step of steps) {
        for (const term of ["loss", ...terms.map(({ name }) => name), "lr"]) {
          assert(Number.isFinite(step[term]), `${term} of step ${step.step} is ${step[term]}`);
        }
      }
      for (const { short } of terms) assertStringIncludes(printed, ` ${short} `);
      const report = await Deno.readTextFile(join(folder, "runs", name, "report.html"));
      assertStringIncludes(report, `${METHODS[name].title} pretraining`);

      // From the older checkpoint on, in a folder of its own.
      const again = join(folder, "runs", `${name}-again`);
      await Deno.mkdir(again);
      for (
        const [from, to] of [["config.json", "config.json"], ["metrics.jsonl", "metrics.jsonl"], [
          "checkpoint.safetensors.previous",
          "checkpoint.safetensors",
        ]]
      ) await Deno.copyFile(join(folder, "runs", name, from), join(again, to));
      await trainHere(folder, `${name}-again`, settings, { eager: false, resumes: true, data });
      assertEquals(loadCheckpoint(again).state, loadCheckpoint(join(folder, "runs", name)).state);

      // What is handed on is the backbone, and nothing of the heads.
      const { backbone, method } = await within(folder, () => loadSource(name, 0));
      assertEquals(method, name === "emoco" ? "EmoCo" : METHODS[name].title);
      const layer = /^(conv1|bn1|layer\d\.\d\.(conv\d|bn\d|downsample\.\d))\.\w+$/;
      for (const key of [...Object.keys(backbone.weights), ...Object.keys(backbone.statistics)]) {
        assert(layer.test(key), `${key} is no part of a backbone`);
      }
    });
  }

  it("of clips needs frames that make some, and says which line does not", async () => {
    const settings = await tiny("fabnet", 8);
    await assertRejects(
      () => trainHere(folder, "stills", settings, { data: "faces" }),
      ManifestError,
      'lacks "frame", a whole number: methods on clips need video and frame on every line',
    );
    await drawClips(join(folder, "short"), 4, 5);
    await assertRejects(
      async () => trainHere(folder, "short", await tiny("temporal-ranking", 2), { data: "short" }),
      ManifestError,
      "holds no clip: it takes a frame and those 1, 2, 3",
    );
  });
});

/** One video a person: the bar on a face turns, everything else stands still. */
async function drawClips(folder: string, subjects: number, frames: number): Promise<void> {
  await Deno.mkdir(join(folder, "faces"), { recursive: true });
  const lines: Line[] = [];
  for (let subject = 0; subject < subjects; subject++) {
    for (let frame = 0; frame < frames; frame++) {
      const image = `faces/${subject}-${frame}.jpg`;
      const angle = subject + frame * Math.PI / 40;
      await drawFace(randomStream(subject), angle, 40).jpeg({ quality: 90 }).toFile(join(folder, image));
      lines.push({
        image,
        subject: `s${subject}`,
        video: `v${subject}`,
        frame,
        present: { 12: Number(frame % 16 > 7) },
      });
    }
  }
  await writeManifest(folder, lines);
}
