/** Three thousand frames of a camera in the page: memory stays flat, and the page stays quick. */
import { type FlagList, wholeNumber } from "../../train/runs/flags.ts";
import { readPart } from "../files/named_parts.ts";
import { cameraOf, openPage, ServedPage, settled, startChromium } from "../web/browser.ts";
import { smilePictures, writeY4m } from "../web/film.ts";
import { FrameCount } from "../web/frame_count.ts";
import { type Held, WorkerProbe } from "../web/worker_probe.ts";
import { type LongTask, longTasks, type TaskLimit } from "../web/long_tasks.ts";

const FLAGS: FlagList = {
  frames: { kind: "text", help: "frames after the warm-up (3000)" },
  help: { kind: "switch", help: "this" },
};

/** Most that each kind of memory may grow over what it was after a tenth of the frames. */
export const MOST_GROWTH = 0.05;
/** Milliseconds of processor time that a task of the page's main thread may take. */
export const LONGEST_TASK = 50;
/** Frames at the end whose tasks are looked at; a trace of all would be gigabytes. */
const TRACED = 100;

/**
 * Part of the frames that go before, in a session of the camera of their own: V8 compiles what every frame passes through
 * within the first thousand, some five per cent of the page's heap that come once.
 */
const WARM_UP = 1 / 3;
/** Frames from which on that is enough, so that the whole heap is judged, V8's code included. */
const LONG = 3000;

/** What a run showed. */
export interface Soaked {
  readonly frames: number;
  /** After a tenth of the frames. */
  readonly before: Held;
  readonly after: Held;
  readonly tooLong: readonly LongTask[];
}

/** Analyses that many frames of the filmed smile on wasm, after a third as many that warm up. */
export async function soakPage(
  served: ServedPage,
  frames: number,
  say: (done: number) => void = () => {},
  limit: TaskLimit = () => LONGEST_TASK,
): Promise<Soaked> {
  const film = await Deno.makeTempFile({ suffix: ".y4m" });
  const pictures = (await smilePictures()).filter((_, i) => i % 2 === 0);
  await writeY4m(film, pictures, 30);
  const browser = await startChromium(cameraOf(film));
  try {
    const context = await browser.newContext(), page = await context.newPage();
    const probe = await WorkerProbe.attach(page);
    await openPage(page, served.url, "wasm");
    const { kind, text } = await settled(page);
    if (kind !== "ready") throw new Error(`The page is not ready: ${text}`);
    const camera = page.locator("#camera");
    await camera.click();
    const count = await FrameCount.start(page);
    await count.until(frames * WARM_UP);
    await camera.click(); // off
    await camera.click();
    const first = count.frames,
      until = (frame: number) => count.until(first + frame, (done) => say(done - first));
    await until(frames / 10);
    const before = await probe.measure();
    await until(frames - TRACED);
    const after = await probe.measure();
    const tooLong = await longTasks(browser, page, limit, () => until(frames));
    return { frames, before, after, tooLong };
  } finally {
    await browser.close();
    await Deno.remove(film);
  }
}

/** What does not hold of a run; empty when all does. A short one is judged by JavaScript's objects, without V8's code. */
export function faultsOf({ frames, before, after, tooLong }: Soaked): string[] {
  const faults = tooLong.map(({ name, milliseconds }) =>
    `A task took ${milliseconds.toFixed(0)} ms (${name}).`
  );
  const heaps = frames < LONG
    ? ["pageObjects", "workerObjects"] as const
    : ["pageHeap", "workerHeap"] as const;
  for (const kind of [...heaps, "wasm"] as const) {
    const growth = after[kind] - before[kind];
    if (!(growth <= MOST_GROWTH * before[kind])) {
      const percent = (100 * growth / before[kind]).toFixed(1);
      faults.push(`${kind} went from ${before[kind]} to ${after[kind]} bytes (${percent} %).`);
    }
  }
  return faults;
}

/** Runs the soak with the given command line. */
export async function soak(args: string[]): Promise<void> {
  const flags = readPart("deno task soak web: many frames of a camera in the page.", FLAGS, args);
  if (!flags) return;
  const frames = wholeNumber("frames", flags.text.frames ?? "3000", 300);
  const served = await ServedPage.start(), start = performance.now();
  let said = 0;
  try {
    const soaked = await soakPage(served, frames, (done) => {
      if (done < said + 100) return;
      said = done;
      const left = (performance.now() - start) / done * (frames - done) / 1000;
      console.log(`${done} of ${frames} frames, ${left.toFixed(0)} s left`);
    });
    const kinds = ["pageHeap", "pageObjects", "workerHeap", "workerObjects", "wasm"] as const;
    const megabytes = (bytes: number) => (bytes / 1e6).toFixed(2);
    for (const kind of kinds) {
      const { before: { [kind]: before }, after: { [kind]: after } } = soaked;
      const percent = (100 * (after / before - 1)).toFixed(1);
      console.log(`${kind}: ${megabytes(before)} MB, at the end ${megabytes(after)} MB (${percent} %)`);
    }
    const faults = faultsOf(soaked);
    if (faults.length > 0) throw new Error(faults.join(" "));
    console.log(`${frames} frames; memory within ${100 * MOST_GROWTH} %, no task over ${LONGEST_TASK} ms.`);
  } finally {
    await served.end();
  }
}
