/**
 * A small EmoCo step for the tests of the trace, with feeds drawn anew each step from a fixed seed. Run as a program it
 * prints losses and a sum over the state of each of 20 traced steps, bit by bit, for comparison between processes.
 */
import { viewFeeds } from "../../../train/methods/method.ts";
import { queueFeeds } from "../../../train/methods/queued.ts";
import { quick } from "../../../train/config.ts";
import { type Feeds, initState, type Method, type State, step } from "../../../train/emoco.ts";
import { QueuePositions } from "../../../train/nets/queue.ts";
import { normal, randomStream } from "../../../train/runs/random.ts";
import { openStepRunner } from "../../../train/engine/step_runner.ts";
import type { TraceOptions } from "../../../train/engine/traced_runner.ts";

const small = { ...quick, width: 0.125, stem: "small", projectionSize: 16, embeddingSize: 8 } as const;

/** Table IV's switches and the ones beside it, each away from the paper's setting alone or in the combinations used. */
export const SWITCHES: { [name: string]: Method } = {
  "paper": { ...small },
  "one queue": { ...small, queues: "single" },
  "without normalisation": { ...small, normalization: "l2" },
  "emotion loss alone": { ...small, losses: "emotion" },
  "contrastive loss alone": { ...small, losses: "contrastive" },
  "MoCo": { ...small, queues: "single", normalization: "l2", losses: "contrastive" },
  "split batch norm": { ...small, batchNorm: "split", batchNormGroups: 2 },
};

/** What the backbone can be beside. */
export const ARCHITECTURES: { [name: string]: Method } = {
  "stem for large images": { ...small, stem: "imagenet" },
  "bottlenecks": { ...small, backbone: "resnet50" },
};

/** A runner and its next feeds, those of all ranks; the same method gives the same feeds. */
export function openSmallStep(method: Method, options: { eager?: boolean } & TraceOptions) {
  const [emotions, side, slots] = [7, 32, 20];
  const sizes: number[] = Array(method.queues === "single" ? 1 : emotions).fill(slots);
  const state = initState(method, { emotions, queueSizes: sizes, randomKeys: false, seed: 3 });
  const positions = new QueuePositions(sizes);
  const random = randomStream(4);
  // Each emotion has a pattern of its own, so that there is something to learn and training is stable.
  const patterns = Array.from(
    { length: emotions },
    () => Float32Array.from({ length: side * side * 3 }, () => normal(random)),
  );
  const next = (batch = 8) => {
    const faces = Int32Array.from({ length: batch }, () => Math.floor(random() * emotions));
    const view = () => {
      const pixels = new Float32Array(batch * side * side * 3);
      faces.forEach((emotion, i) =>
        pixels.set(patterns[emotion].map((x) => x + normal(random)), i * side * side * 3)
      );
      return pixels;
    };
    const keyOrder = faces.map((_, i) => (i + 3) % batch);
    const rings = sizes.length === 1 ? faces.map(() => 0) : faces;
    return {
      ...viewFeeds({ viewQ: view(), viewK: view(), emotions: faces, learningRate: 5e-4 }),
      ...queueFeeds({ ...positions.advance(rings), keyOrder }),
    };
  };
  const runner = openStepRunner(
    (state: State, feeds: Feeds) => step(state, feeds, method, options.cluster),
    state,
    options,
  );
  return { runner, next };
}

if (import.meta.main) {
  const { runner, next } = openSmallStep(SWITCHES.paper, {});
  for (let step = 0; step < 20; step++) {
    const losses = await runner.run(next());
    const bits = Object.values(losses).map((values) => new Uint32Array(values.buffer)[0].toString(16));
    console.log(bits.join(" "));
  }
  for (const [group, members] of Object.entries(await runner.readState())) {
    for (const [name, { values }] of Object.entries(members)) {
      const digest = await crypto.subtle.digest("SHA-256", values);
      console.log(group, name, new Uint32Array(digest)[0].toString(16));
    }
  }
}
