/**
 * A small step of a method on one of several ranks, for `collective_test.ts`: prints the losses of some steps, parts of
 * the first one's gradient, and digests of the weights after them, as one line of JSON. Its place comes from the environment; without one it is alone.
 */
import { type PretrainConfig, quick, settingsOf } from "../../../train/config.ts";
import type { Trained } from "../../../train/nets/descent.ts";
import { Cluster } from "../../../train/engine/collective.ts";
import { placeHere } from "../../../train/engine/ranks.ts";
import type { StateTensors } from "../../../train/engine/state_values.ts";
import { openStepRunner } from "../../../train/engine/step_runner.ts";
import { loadMethod, type MethodName } from "../../../train/methods/index.ts";
import { type ViewFeeds, viewFeeds } from "../../../train/methods/method.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";

const [name, count] = Deno.args;
const place = placeHere();
const cluster = place && new Cluster(place, false);
const [batch, side, steps] = [16, 32, Number(count)];
const small = { projectionSize: 12, embeddingSize: 8, predictorSize: 4, prototypes: 12, decoderChannels: 1 };
const preset = (await settingsOf(name as MethodName)).presets.quick;
const config: PretrainConfig = {
  ...quick,
  ...preset,
  ...Object.fromEntries(Object.entries(small).filter(([key]) => key in preset)),
  ...{ width: 0.125, stem: "small", imageSize: side, batchSize: batch, baseLearningRate: 0.016 },
};
const method = await loadMethod(name as MethodName);
const plan = { steps, counts: [16, 16, 16, 16, 16, 16, 16] };
const clock = method.clock(config, plan);
const runner = openStepRunner(
  (state: StateTensors, feeds: ViewFeeds) => method.step(state as Trained, feeds, config, cluster),
  method.initState(config, plan) as StateTensors,
  { cluster },
);
const random = randomStream(5);
const { rank, size } = place ?? { rank: 0, size: 1 };
const part = <T extends Float32Array | Int32Array>(values: T): T => {
  const length = values.length / size;
  return values.slice(rank * length, (rank + 1) * length) as T;
};
const losses: number[][] = [];
/** The velocity after the first step: its gradient, and decay. */
const gradient: { [name: string]: number[] } = {};
for (let step = 0; step < steps; step++) {
  const all = Int32Array.from({ length: batch }, () => Math.floor(7 * random()));
  const view = () => Float32Array.from({ length: batch * side * side * 3 }, () => normal(random));
  const own = part(all);
  const learningRate = clock.learningRate(step);
  const values: { [name: string]: Float32Array } = await runner.run({
    ...viewFeeds({ viewQ: part(view()), viewK: part(view()), emotions: own, learningRate }),
    ...clock.tick(step, { own, all }),
  });
  losses.push(["loss", ...method.terms.map(({ name }) => name)].map((term) => values[term][0]));
  if (step > 0) continue;
  const { velocity } = await runner.readState("velocity");
  for (const [name, { values }] of Object.entries(velocity)) {
    if (/^(layer4.1|projection)/.test(name)) gradient[name] = [...values.subarray(0, 200)];
  }
}
const { weights } = await runner.readState("weights");
const digests: { [name: string]: string } = {};
for (const [name, { values }] of Object.entries(weights)) {
  digests[name] = new Uint8Array(await crypto.subtle.digest("SHA-256", values)).toHex();
}
console.log(JSON.stringify({ losses, gradient, digests }));
