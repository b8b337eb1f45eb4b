/** Tasks of a page's main thread that take long, by the processor time in Chromium's trace. */
import type { Browser, Page } from "playwright-core";

/** A task that took long. */
export interface LongTask {
  /** What most of it was. */
  readonly name: string;
  /** Of processor time, so that a busy machine changes nothing. */
  readonly milliseconds: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  /** Microseconds of processor time. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** How long a task may take, given how long the longest one took of the workers, which analyse the frames. */
export type TaskLimit = (ofWorkers: number) => number;

/** The tasks over so many milliseconds while a job runs. */
export async function longTasks(
  browser: Browser,
  page: Page,
  limit: TaskLimit,
  job: () => Promise<void>,
): Promise<LongTask[]> {
  await browser.startTracing(page, { categories: ["toplevel", "devtools.timeline"] });
  await job();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    traceEvents: TraceEvent[];
  };
  const workOf = (name: RegExp) => {
    const threads = traceEvents.filter((event) =>
      event.name === "thread_name" && name.test(event.args?.name ?? "")
    );
    return traceEvents.filter(({ ph, pid, tid, tdur }) =>
      ph === "X" && tdur !== undefined && threads.some((thread) => thread.pid === pid && thread.tid === tid)
    );
  };
  const work = workOf(/^CrRendererMain$/), ofWorkers = workOf(/^DedicatedWorker/).filter(isTask);
  if (work.length === 0) throw new Error("The trace has no task of a main thread: nothing was measured.");
  const longest = limit(ofWorkers.reduce((most, { tdur }) => Math.max(most, tdur!), 0) / 1000);
  return work.filter((event) => isTask(event) && event.tdur! > longest * 1000).map((task) => {
    const inside = work.filter((event) =>
      event !== task && event.pid === task.pid && event.tid === task.tid && event.ts >= task.ts &&
      event.ts + (event.dur ?? 0) <= task.ts + (task.dur ?? 0) && !isTask(event)
    ).sort((one, other) => other.tdur! - one.tdur!);
    return { name: inside.at(0)?.name ?? task.name, milliseconds: task.tdur! / 1000 };
  });
}

function isTask({ name }: TraceEvent): boolean {
  return /RunTask$/.test(name);
}
