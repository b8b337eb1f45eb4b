/** `deno task bench step --profile`: where the time of a step goes. */
import { decode } from "../../train/engine/graph_def.ts";
import { convolutionsAlone } from "./convolutions_alone.ts";
import type { TraceOptions } from "../../train/engine/traced_runner.ts";
import { openCase, type StepCase } from "./step_case.ts";

/** Prints the time of a traced step by operation, beside its convolutions alone. */
export async function profileStep(name: string, settings: StepCase): Promise<void> {
  const runs = 5;
  let collecting = false;
  const microseconds = new Map<string, { count: number; time: number }>();
  const profile = (bytes: Uint8Array) => {
    if (!collecting) return;
    for (const { op, time } of timings(bytes)) {
      const entry = microseconds.get(op) ?? { count: 0, time: 0 };
      microseconds.set(op, { count: entry.count + 1, time: entry.time + time });
    }
  };
  const measure = async (options: TraceOptions) => {
    const { runner, next } = openCase(settings, options);
    for (let i = 0; i < 3; i++) await runner.run(next());
    collecting = options.profile !== undefined;
    const start = performance.now();
    for (let i = 0; i < runs; i++) await runner.run(next());
    const wall = (performance.now() - start) / runs;
    runner.dispose();
    return wall;
  };
  const step = await measure({});
  const convolutions = await convolutionsAlone(settings, runs);
  await measure({ profile });
  const total = [...microseconds.values()].reduce((sum, { time }) => sum + time, 0);
  console.log(
    `\n${name}: ${step.toFixed(0)} ms a step, its convolutions alone ${convolutions.toFixed(0)} ms ` +
      `(${
        (100 * convolutions / step).toFixed(0)
      } %). Of a profiled step, by operation, summed over threads:\n`,
  );
  console.log("  operation                              count   ms a step   share");
  const rows = [...microseconds].toSorted(([, a], [, b]) => b.time - a.time).slice(0, 24);
  for (const [op, { count, time }] of rows) {
    const cells = [`${count / runs}`.padStart(7), (time / 1000 / runs).toFixed(1).padStart(12)];
    console.log(`  ${op.padEnd(36)}${cells.join("")}${(100 * time / total).toFixed(1).padStart(7)}%`);
  }
}

/** Operations of one run with their times, from TensorFlow's RunMetadata. */
function timings(bytes: Uint8Array): { op: string; time: number }[] {
  type Node = { timelineLabel: string; opStartRelMicros?: number; opEndRelMicros?: number; nodeName: string };
  const metadata = decode("RunMetadata", bytes) as { stepStats: { devStats: { nodeStats: Node[] }[] } };
  return metadata.stepStats.devStats.flatMap(({ nodeStats }) => nodeStats).map((node) => ({
    op: / = (\w+)\(/.exec(node.timelineLabel)?.[1] ?? node.nodeName,
    time: (node.opEndRelMicros ?? 0) - (node.opStartRelMicros ?? 0),
  }));
}
