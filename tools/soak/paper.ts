/** Two steps of the preset `paper` at batch 8, on 28 of the committed faces: the setting that no test has time for. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EMOTIONS } from "@emoco/web/facs";
import { loadCheckpoint } from "../../train/runs/checkpoint.ts";
import { paper, type PretrainConfig } from "../../train/config.ts";
import { readManifest } from "../../train/input/data.ts";
import { startTask } from "./start_task.ts";

/** @param args go to `deno task pretrain` */
export async function soak(args: string[]): Promise<void> {
  const data = await Deno.makeTempDir();
  await Deno.writeTextFile(join(data, "manifest.jsonl"), fourOfEach());
  const settings = ["--preset=paper", "--batchSize=8", "--epochs=1", "--heldBack=0.25", "--logEvery=1"];
  const run = startTask("pretrain", [...settings, `--data=${data}`, ...args]);
  await run.ended;
  await Deno.remove(data, { recursive: true });
  const { config, state, position } = loadCheckpoint<{ step: number; filled: number[] }>(run.folder);
  const changed = Object.entries(config as PretrainConfig)
    .filter(([key, value]) => key in paper && `${value}` !== `${paper[key as keyof PretrainConfig]}`)
    .map(([key]) => key);
  expect(
    changed.sort(),
    ["batchSize", "epochs", "heldBack", "logEvery"],
    "settings that differ from the preset's",
  );
  expect(state.queue.keys.shape, [65536, 7, 128], "keys");
  expect([position.step, ...position.filled], [2, ...Array(7).fill(65536)], "steps, and keys in use");
  const losses = run.metrics().filter((metric) => metric.type === "step").map((metric) =>
    metric.loss as number
  );
  if (losses.length !== 2 || !losses.every(Number.isFinite)) throw new Error(`The losses are ${losses}.`);
  console.log(`Two steps of the paper's setting hold; losses ${losses.join(", ")}.`);
}

/** A manifest of four faces of each emotion, as of four people. */
function fourOfEach(): string {
  const faces = readManifest(fileURLToPath(new URL("../../train/faces/manifest.jsonl", import.meta.url)));
  return EMOTIONS.flatMap((emotion) =>
    faces.filter((face) => face.emotion === emotion).slice(0, 4)
      .map(({ image }, i) => JSON.stringify({ image, subject: `s${i}`, emotion }) + "\n")
  ).join("");
}

function expect(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (got !== wanted) throw new Error(`${what}: ${got} instead of ${wanted}.`);
}
