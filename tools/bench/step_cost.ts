/** `deno task bench step --case=cost`: what a step costs against the sizes that a run can choose, and on two ranks. */
import { fileURLToPath } from "node:url";
import { Contender } from "./contender.ts";
import { openCase, type StepCase } from "./step_case.ts";
import { median } from "../median.ts";

/** What the others are varied from; small, so that all of it takes minutes. */
const BASE: StepCase = { backbone: "resnet18", imageSize: 112, batchSize: 16, queueSize: 4096, steps: 5 };

const SWEEPS: { [what: string]: { key: "queueSize" | "batchSize" | "imageSize"; values: number[] } } = {
  "K, keys an emotion": { key: "queueSize", values: [256, 1024, 4096, 16384, 65536] },
  "B, faces a batch": { key: "batchSize", values: [8, 16, 32, 48, 64] },
  // A convolution costs by the number of pixels, so that is what the line is fitted to.
  "S, side of a view": { key: "imageSize", values: [64, 96, 112, 128, 160, 192] },
};

/** Measures and prints each sweep with the straight line through it, then one rank beside two. */
export async function costOfStep(): Promise<void> {
  const { backbone, imageSize, batchSize, queueSize } = BASE;
  console.log(
    `\nA step of ${backbone}, ${imageSize} px, batch ${batchSize}, ${queueSize} keys an emotion, one of them varied; ` +
      `median of ${BASE.steps} steps`,
  );
  for (const [what, { key, values }] of Object.entries(SWEEPS)) {
    console.log(`\n  ${what.padEnd(20)} ms a step   on the line`);
    const points: { value: number; x: number; time: number }[] = [];
    for (const value of values) {
      const time = await medianStep({ ...BASE, [key]: value });
      points.push({ value, x: key === "imageSize" ? value ** 2 : value, time });
    }
    const { start, slope, explained } = fitLine(points.map(({ x, time }) => [x, time]));
    for (const { value, x, time } of points) {
      console.log(
        `  ${String(value).padEnd(20)} ${time.toFixed(0).padStart(9)}${
          (start + slope * x).toFixed(0).padStart(14)
        }`,
      );
    }
    const unit = key === "imageSize" ? "1000 pixels" : key === "queueSize" ? "1000 keys" : "face";
    const perUnit = key === "batchSize" ? slope : 1000 * slope;
    console.log(
      `  line: ${start.toFixed(0)} ms + ${perUnit.toFixed(2)} ms for each ${unit}; it explains ${
        (100 * explained).toFixed(1)
      } % of the variance`,
    );
  }
  await compareRanks();
}

async function medianStep(settings: StepCase): Promise<number> {
  const { runner, next } = openCase(settings, {});
  for (let i = 0; i < 2; i++) await runner.run(next());
  const times: number[] = [];
  for (let i = 0; i < settings.steps; i++) {
    const feeds = next();
    const start = performance.now();
    await runner.run(feeds);
    times.push(performance.now() - start);
  }
  runner.dispose();
  return median(times);
}

/** The same batch on one process and on two ranks of this machine, in alternating rounds. */
async function compareRanks(): Promise<void> {
  const rounds = 3;
  const worker = fileURLToPath(new URL("./step_worker.ts", import.meta.url));
  const permissions = ["read", "write", "ffi", "env", "sys"].map((each) => `--allow-${each}`);
  const args = ["run", "--quiet", ...permissions, worker, JSON.stringify({ ...BASE, batchSize: 32 })];
  const port = freePort();
  const start = (size: number) =>
    Array.from({ length: size }, (_, rank) => {
      const env = { EMOCO_RANK: `${rank}`, EMOCO_SIZE: `${size}`, EMOCO_PORT: `${port}` };
      return new Contender(`rank ${rank} of ${size}`, Deno.execPath(), [...args, "--device=cpu"], env);
    });
  const groups = [start(1), start(2)];
  try {
    for (const group of groups) await Promise.all(group.map((each) => each.greeting()));
    console.log("\n  ranks, batch of 32 in all    images/s by round");
    const speeds: number[][] = groups.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, group] of groups.entries()) {
        const results = await Promise.all(group.map((each) => each.round(BASE.steps)));
        speeds[i].push(32 * BASE.steps / Math.max(...results.map(({ seconds }) => seconds)));
      }
    }
    speeds.forEach((list, i) =>
      console.log(`  ${String(i + 1).padEnd(28)} ${list.map((speed) => speed.toFixed(1)).join("  ")}`)
    );
    const ratios = speeds[1].map((speed, round) => speed / speeds[0][round]).toSorted((a, b) => a - b);
    console.log(`\nRATIO two-ranks-over-one ${ratios[rounds >> 1].toFixed(2)}`);
  } finally {
    for (const each of groups.flat()) await each.end();
  }
}

/** Least squares: `start + slope x`, and the share of the variance that it explains. */
function fitLine(points: readonly (readonly [number, number])[]) {
  const mean = (of: (point: readonly [number, number]) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const x0 = mean(([x]) => x), y0 = mean(([, y]) => y);
  const slope = mean(([x, y]) => (x - x0) * (y - y0)) / mean(([x]) => (x - x0) ** 2);
  const start = y0 - slope * x0;
  const explained = 1 - mean(([x, y]) => (y - start - slope * x) ** 2) / mean(([, y]) => (y - y0) ** 2);
  return { start, slope, explained };
}

/** A port that is free now; TensorFlow's servers take those above it. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
