/** A whole pretraining run as its user starts it, watched from outside: memory must not grow with its length. */
import { startTask } from "./start_task.ts";

/** Most that resident memory may grow from the second epoch to the end. */
const MOST_GROWTH = 0.05;

/** @param args go to `deno task pretrain`, such as `--data=...` or `--epochs=5` */
export async function soak(args: string[]): Promise<void> {
  const run = startTask("pretrain", ["--logEvery=1", ...args]);
  const seen: { epoch: number; resident: number }[] = [];
  const watch = setInterval(() => {
    const epoch = run.metrics().findLast((metric) => metric.type === "step")?.epoch as number | undefined;
    const resident = run.resident();
    if (resident && epoch !== undefined && epoch !== seen.at(-1)?.epoch) seen.push({ epoch, resident });
  }, 500);
  await run.ended;
  clearInterval(watch);
  const later = seen.filter(({ epoch }) => epoch >= 1).map(({ resident }) => resident);
  if (later.length < 3) {
    throw new Error(`Only ${later.length} epochs were seen after the first: give it more.`);
  }
  for (const { epoch, resident } of seen) {
    console.log(`start of epoch ${epoch + 1}: ${(resident / 2 ** 20).toFixed(0)} MB`);
  }
  const growth = Math.max(...later) / later[0] - 1;
  const sentence = `From epoch 2 to the end, resident memory grew by ${(100 * growth).toFixed(1)} %`;
  if (growth > MOST_GROWTH) throw new Error(`${sentence}; ${100 * MOST_GROWTH} % are allowed.`);
  console.log(`${sentence}, of ${100 * MOST_GROWTH} % allowed.`);
}
