/** Our side of `deno task bench input` as a process of its own: see `contender.ts`. */
import { readManifest } from "../../train/input/data.ts";
import { ViewLoader } from "../../train/input/views.ts";
import { Walk } from "../../train/input/walk.ts";
import { processUse } from "./contender.ts";
import type { InputCase } from "./input.ts";
import { TextLineStream } from "./lines.ts";

const { manifest, size, batchSize, workers, least }: InputCase = JSON.parse(Deno.args[0]);
const faces = readManifest(manifest);
// Nothing is kept: of a set larger than the memory every picture is decoded each time.
const options = { cacheBytes: 0, skipBroken: false, seed: 0, views: "moco-v2" as const };
const loader = new ViewLoader(faces, { ...options, size, batchSize, cropScale: [least, 1] }, workers);
/** Batches that stand ready when a round begins, on either side: they must not count. */
const MADE_AHEAD = 4;
const batches = loader.randomViews(new Walk(faces.length, 0), 0, Infinity);

async function round(steps: number) {
  for (let i = 0; i < MADE_AHEAD; i++) await batches.next();
  const [start, before] = [performance.now(), processUse()];
  let loss = 0;
  for (let i = 0; i < steps; i++) {
    const { value } = await batches.next();
    loss += value!.viewQ[0] + value!.viewK[0];
  }
  const use = processUse();
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: use.cpuSeconds - before.cpuSeconds,
    loss,
    peakBytes: use.peakBytes,
  };
}

await round(8);
console.log(JSON.stringify({ engine: `EmoCo, ${workers} workers`, parameters: 0 }));
for await (
  const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())
) {
  console.log(JSON.stringify(await round(Number(line.split(" ")[1]))));
}
loader.close();
