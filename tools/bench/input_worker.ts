/** Our side of `deno task bench input` as a process of its own: see `contender.ts`. */
import { readManifest } from "../../train/input/data.ts";
import { ViewLoader } from "../../train/input/views.ts";
import { Walk } from "../../train/input/walk.ts";
import { answerRounds, measure, type Round } from "./contender.ts";
import type { InputCase } from "./input.ts";

const { manifest, size, batchSize, workers, least }: InputCase = JSON.parse(Deno.args[0]);
const faces = readManifest(manifest);
// Nothing is kept: of a set larger than the memory every picture is decoded each time.
const options = { cacheBytes: 0, skipBroken: false, seed: 0, views: "moco-v2" as const };
const loader = new ViewLoader(faces, { ...options, size, batchSize, cropScale: [least, 1] }, workers);
/** Batches that stand ready when a round begins, on either side: they must not count. */
const MADE_AHEAD = 4;
const batches = loader.randomViews(new Walk(faces.length, 0), 0, Infinity);

async function round(steps: number): Promise<Round> {
  for (let i = 0; i < MADE_AHEAD; i++) await batches.next();
  return await measure(async () => {
    let loss = 0;
    for (let i = 0; i < steps; i++) {
      const { value } = await batches.next();
      loss += value!.viewQ[0] + value!.viewK[0];
    }
    return loss;
  });
}

await round(8);
await answerRounds({ engine: `EmoCo, ${workers} workers`, parameters: 0 }, round);
loader.close();
