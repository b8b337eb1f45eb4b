/** Our side of `deno task bench step` as a process of its own: see `contender.ts`. */
import type { Precision } from "../../train/engine/precisions.ts";
import { openBackend } from "../../train/engine/backend.ts";
import { Cluster } from "../../train/engine/collective.ts";
import { placeHere } from "../../train/engine/ranks.ts";
import { answerRounds, measure } from "./contender.ts";
import { openCase, type StepCase } from "./step_case.ts";

const { eager, xla, precision, ...settings }: StepCase & {
  eager?: boolean;
  xla?: boolean;
  precision?: Precision;
} = JSON.parse(Deno.args[0]);
const { tensorflow, onGpu } = openBackend({ device: "cpu", sharesRun: true });
const place = placeHere();
const cluster = place && new Cluster(place, onGpu);
const { runner, next, parameters } = openCase(settings, { eager, xla, precision, cluster });

const round = (steps: number) =>
  measure(async () => {
    let loss = 0;
    for (let i = 0; i < steps; i++) loss = (await runner.run(next())).loss[0];
    return loss;
  });

await round(3);
const way = [eager ? "eager" : "traced", ...xla ? ["XLA"] : [], ...precision ? [precision] : []].join(", ");
await answerRounds({ engine: `EmoCo on TensorFlow ${tensorflow}, ${way}`, parameters }, round);
