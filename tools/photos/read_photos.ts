/**
 * Photographs read on all cores: what the models say of each.
 * @module
 */
import { join } from "node:path";
import { COMMITTED } from "../detect/open.ts";
import { Progress } from "../faces/progress.ts";
import { UsageError } from "../../train/runs/flags.ts";
import { ManifestError, type Photo } from "./manifest.ts";
import type { ModelFiles } from "./models.ts";
import type { Job, Message, Reading, Setting } from "./worker.ts";

/**
 * Reads the photographs with all models: each is decoded and looked at once.
 * @param uncalibrated answers as the models give them, whatever calibrations their cards hold
 * @returns one reading a photograph, in their order
 * @throws {ManifestError} pictures that are not there, before any is read; {UsageError} a model that does not fit its card
 */
export async function readWith(
  models: readonly ModelFiles[],
  photos: readonly Photo[],
  workers: number,
  uncalibrated = false,
): Promise<Reading[]> {
  refuseMissing(photos);
  const setting: Setting = { models, finder: join(COMMITTED, "blazeface.onnx"), uncalibrated };
  const readings = new Array<Reading>(photos.length);
  const progress = new Progress("photographs read", photos.length);
  const jobs = photos.map(({ path }, index): Job => ({ index, path })).values();
  const open: Worker[] = [];
  const work = () =>
    new Promise<void>((finish, fail) => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      open.push(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        fail(new Error(`A worker could not go on: ${event.message}`));
      };
      worker.onmessage = ({ data }: MessageEvent<Message>) => {
        if (data !== "ready") {
          if ("failure" in data) return fail(new UsageError(data.failure));
          readings[data.index] = data.reading;
          progress.step();
        }
        const next = jobs.next();
        next.done ? finish() : worker.postMessage(next.value);
      };
      worker.postMessage(setting);
    });
  try {
    await Promise.all(Array.from({ length: Math.min(workers, photos.length) }, work));
  } finally {
    for (const worker of open) worker.terminate();
  }
  progress.end();
  return readings;
}

function refuseMissing(photos: readonly Photo[]): void {
  const missing = photos.filter(({ path }) => {
    try {
      return !Deno.statSync(path).isFile;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  throw new ManifestError(
    `${missing.length} of ${photos.length} pictures of the manifest are not there, the first is ${
      missing[0].path
    }. ` +
      "`deno task photos` cuts those of EmoCo's readings out of their public repositories.",
  );
}
