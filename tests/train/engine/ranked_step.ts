/**
 * A small EmoCo step on one of several ranks, for `collective_test.ts`: prints the losses of 20 steps and digests of the
 * state after them, as one line of JSON. Its place comes from the environment; without one it is alone.
 */
import type { TensorValues } from "../../../train/runs/tensor_values.ts";
import { Cluster } from "../../../train/engine/collective.ts";
import { placeHere } from "../../../train/engine/ranks.ts";
import type { FeedValues } from "../../../train/engine/state_values.ts";
import { openSmallStep, SWITCHES } from "./traced_step.ts";

const [name, batch, steps] = Deno.args;
const place = placeHere();
const cluster = place && new Cluster(place, false);
const { runner, next } = openSmallStep(SWITCHES[name], { cluster });

/** The part of a feed that belongs to this rank: rows in order, none twice. */
function part({ shape, values }: TensorValues): TensorValues {
  const rows = shape[0] / place!.size, length = values.length / place!.size;
  return {
    shape: [rows, ...shape.slice(1)],
    values: values.slice(length * place!.rank, length * (place!.rank + 1)) as TensorValues["values"],
  };
}

const losses: number[][] = [];
for (let step = 0; step < Number(steps); step++) {
  const feeds: FeedValues = next(Number(batch));
  if (place) { for (const name of ["viewQ", "viewK", "emotions"]) feeds[name] = part(feeds[name]); }
  const { loss, emotionLoss, contrastiveLoss } = await runner.run(feeds);
  losses.push([loss[0], emotionLoss[0], contrastiveLoss[0]]);
}
const state = await runner.readState();
const digests: { [name: string]: string } = {};
for (const [group, members] of Object.entries(state)) {
  for (const [name, { values }] of Object.entries(members)) {
    const digest = await crypto.subtle.digest("SHA-256", values);
    digests[`${group}/${name}`] = new Uint8Array(digest).toHex();
  }
}
console.log(JSON.stringify({ losses, digests }));
