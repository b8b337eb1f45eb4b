import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import { EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { tf } from "../../../train/engine/backend.ts";
import { hasCheckpoint, loadCheckpoint } from "../../../train/runs/checkpoint.ts";
import { readManifest } from "../../../train/input/data.ts";
import { RunError } from "../../../train/runs/run_folder.ts";
import {
  decode,
  drawFaces,
  metricLines,
  startPretrain,
  TINY,
  trainHere,
  writeManifest,
} from "../toy_faces.ts";

describe("train", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await Deno.makeTempDir();
    await drawFaces(join(folder, "faces"), 20, { labelled: false });
  });
  afterAll(() => Deno.remove(folder, { recursive: true }));
  const steps = (name: string) => metricLines(folder, name).filter((metric) => metric.type === "step");

  it("trains MoCo as a set of switches: one queue, no prototypes, no emotions", async () => {
    await trainHere(folder, "moco", {
      queues: "single",
      normalization: "l2",
      losses: "contrastive",
      epochs: 1,
      checkpointEvery: 2,
    });
    const { state, position } = loadCheckpoint<{ next: number[]; filled: number[] }>(
      join(folder, "runs/moco"),
    );
    assertEquals(state.queue.keys.shape, [32, 1, 8]);
    assertEquals([position.next, position.filled], [[7 * 16 % 32], [32]]);
    for (const metric of steps("moco")) {
      assertEquals(metric.emotionLoss, 0);
      assertEquals(metric.loss, metric.contrastiveLoss);
    }
  });

  it("trains with the emotion loss alone, without a key encoder and a queue", async () => {
    await trainHere(folder, "emotion", { losses: "emotion", emotionWeight: 1, epochs: 1 });
    const { state } = loadCheckpoint(join(folder, "runs/emotion"));
    assertEquals(Object.keys(state.key ?? {}).length + Object.keys(state.queue ?? {}).length, 0);
    for (const metric of steps("emotion")) {
      assertEquals(metric.contrastiveLoss, 0);
      assertEquals(metric.loss, metric.emotionLoss);
    }
  });

  it("queues as many keys of a rare emotion as of any other when sampling is balanced", async () => {
    const lines = await drawFaces(join(folder, "few"), 20, { labelled: false });
    await writeManifest(
      join(folder, "few"),
      lines.filter(({ emotion }, i) => emotion !== "fear" || i % 4 === 0),
    );
    const filled = async (sampling: "natural" | "balanced") => {
      await trainHere(folder, sampling, { sampling, epochs: 1, queueSize: 64 }, { data: "few" });
      return loadCheckpoint<{ filled: number[] }>(join(folder, "runs", sampling)).position.filled;
    };
    const natural = await filled("natural"), balanced = await filled("balanced");
    const fear = EMOTIONS.indexOf("fear");
    assertLess(natural[fear], 6);
    assertEquals(Math.max(...balanced) - Math.min(...balanced) <= 1, true, `filled ${balanced}`);
    assert(balanced[fear] > 12, `${balanced[fear]} keys of fear`);
  });

  it("trains with batch norm over sub-batches, which changes the losses", async () => {
    await trainHere(folder, "sync", { epochs: 1 });
    await trainHere(folder, "split", { epochs: 1, batchNorm: "split", batchNormGroups: 4 });
    assertEquals(steps("split").length, steps("sync").length);
    assertNotEquals(steps("split").map(({ loss }) => loss), steps("sync").map(({ loss }) => loss));
    for (const { loss } of steps("split")) assert(Number.isFinite(loss));
  });

  it("saves no weights that an update has ruined, though the loss before it was a number", async () => {
    // The first update overflows: a rate near the greatest float32 number, and gradients above 1.
    const wild = { baseLearningRate: 5e39, emotionWeight: 1000, checkpointEvery: 1 };
    const error = await assertRejects(
      () => trainHere(folder, "ruined", wild),
      RunError,
      "After step 1, weights/",
    );
    assertStringIncludes(error.message, "holds numbers that are not finite. The last checkpoint is kept");
    assertEquals(error.message.split("\n").length, 17, "the batch is named");
    assertEquals(hasCheckpoint(join(folder, "runs/ruined")), false);
  });

  it("says how far it is, and what share of the time the step waited for views", async () => {
    const printed = await trainHere(folder, "said", { epochs: 1 });
    const lines = printed.trimEnd().split("\n");
    assertMatch(lines[0], /^step 0: emotion kNN 0\.\d{3} \(held-back subjects\)$/);
    assertMatch(
      lines[2],
      /^epoch 1\/1 {2}step 2\/7 {2}loss [\d.]+ emo [\d.]+ con [\d.]+ {2}\d+(\.\d)? img\/s {2}(\d+m )?\d+s left$/,
    );
    assertMatch(
      lines.at(-1)!,
      /^7 steps in .*s; the step waited for views \d+\.\d % of the time\. Report: .*report\.html$/,
    );
  });

  it("lists the subjects that it has learnt from, and not those held back", () => {
    const { subjects } = loadCheckpoint(join(folder, "runs/said"));
    const all = new Set(readManifest(join(folder, "faces/manifest.jsonl")).map((face) => face.subject));
    assertEquals([subjects.pretraining.length, all.size, subjects.actionUnits], [18, 20, []]);
    assert(subjects.pretraining.every((subject) => all.has(subject)));
  });

  for (const [eager, epochs, last] of [[true, 4, 31], [false, 13, 102]] as const) {
    const name = eager ? "eager" : "traced";
    it(`keeps the number of tensors over ${last} steps, run ${eager ? "operation by operation" : "as one graph"}`, async () => {
      const before = tf.memory().numTensors;
      // Between two steps only those tensors live that stay: the least of many looks at them is their number.
      const seen: { step: number; tensors: number }[] = [];
      let step = 0;
      const watch = setInterval(() => {
        try {
          step = Math.max(step, Number(metricLines(folder, name).at(-1)?.step ?? 0));
        } catch {
          return; // not begun, or a line half written
        }
        seen.push({ step, tensors: tf.memory().numTensors });
      }, 5);
      await trainHere(folder, name, { epochs, logEvery: 1 }, { eager });
      clearInterval(watch);
      assertEquals(steps(name).at(-1)!.step, last);
      const least = (first: number, before: number) => {
        const part = seen.filter((look) => look.step >= first && look.step < before);
        assert(part.length > 0, `nobody looked between steps ${first} and ${before}`);
        return Math.min(...part.map((look) => look.tensors));
      };
      const half = last >> 1;
      assertEquals(least(half, last), least(2, half));
      assertEquals(tf.memory().numTensors, before, "a run that has ended leaves no tensor");
    });
  }

  it("keeps its resident memory once it is warm", async () => {
    // A batch of these views that is lost at each step would make 6 % of the second half's 117 steps.
    const epochs = 26;
    const { child, outcome } = startPretrain(folder, [
      "--data=faces",
      "--name=memory",
      ...TINY,
      `--epochs=${epochs}`,
    ]);
    // Prints VmRSS in kB at the end of every epoch; /proc is closed to Deno without all permissions.
    const watcher = `
import json, re, sys, time
seen = 0
while seen < ${epochs} - 1:
    try: epoch = max(json.loads(line)["epoch"] for line in open(sys.argv[2]).read().splitlines() if '"step","' in line and line[-1] == "}")
    except (OSError, ValueError): epoch = 0
    try: resident = re.search(r"VmRSS:\\s*(\\d+)", open(f"/proc/{sys.argv[1]}/status").read())
    except OSError: break
    if not resident: break
    if epoch > seen: seen = epoch; print(resident[1], flush=True)
    time.sleep(0.005)`;
    const output = await new Deno.Command("python3", {
      args: ["-c", watcher, String(child.pid), join(folder, "runs/memory/metrics.jsonl")],
    }).output();
    const { code, stderr } = await outcome;
    assertEquals(code, 0, stderr);
    const resident = decode(output).stdout.trim().split("\n").map(Number).slice(epochs / 2);
    assert(resident.length >= 4, `seen at the end of ${resident.length} epochs`);
    assertLess(Math.max(...resident) / resident[0], 1.05, `${resident.join(", ")} kB`);
  });

  it("writes the report while it runs and at its end, for the browser alone", async () => {
    const html = await Deno.readTextFile(join(folder, "runs/said/report.html"));
    assertStringIncludes(html, "of 7 steps of 16 faces");
  });
});
