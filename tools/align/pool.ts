/**
 * Workers that align faces on all cores, fed one job at a time each.
 * @module
 */
import type { Entry } from "./journal.ts";
import type { Job } from "./worker.ts";

/**
 * Aligns what `jobs` yields on `count` workers; `done` gets the entries as they come, in no certain order. A job is
 * asked for only when a worker is free, so a source that makes its jobs as it goes holds no more than one a worker.
 * @throws {Error} what a worker cannot do ends the run
 */
export async function runWorkers(
  jobs: Iterator<Job> | AsyncIterator<Job>,
  count: number,
  done: (entry: Entry) => void,
): Promise<void> {
  const workers: Worker[] = [];
  const work = () =>
    new Promise<void>((finish, fail) => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      workers.push(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        fail(new Error(`A worker could not go on: ${event.message}`));
      };
      const feed = async () => {
        const next = await jobs.next();
        if (next.done) return finish();
        const { from } = next.value;
        worker.postMessage(next.value, typeof from === "string" ? [] : [from.data.buffer]);
      };
      worker.onmessage = ({ data }: MessageEvent<"ready" | Entry | { failure: string }>) => {
        if (data !== "ready") {
          if ("failure" in data) {
            return fail(new Error(`${data.failure}. What is done is kept; run the same command again.`));
          }
          done(data);
        }
        feed().catch(fail);
      };
    });
  try {
    await Promise.all(Array.from({ length: count }, work));
  } finally {
    for (const worker of workers) worker.terminate();
  }
}
