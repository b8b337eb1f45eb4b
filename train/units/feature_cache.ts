/**
 * Features of a run's faces, kept in its folder while it lasts: a start that goes on with the run extracts none of them
 * twice. Whole batches count, so that the batches after them are the same as in a run that was never stopped.
 */
import { join } from "node:path";
import { type Backbone, featureBatches } from "./features.ts";
import { featureCount } from "../nets/resnet.ts";
import { attempt, exists, writeAtomically } from "../runs/whole_file.ts";
import type { ViewLoader } from "../input/views.ts";

/** How far the features are, beside the file that holds them. */
interface Mark {
  /** Faces whose features are on disk. */
  faces: number;
  /** Pictures among them that could not be decoded, by index (`skipBroken`). */
  skipped: [index: number, reason: string][];
}

const VALUES = "features.f32", MARK = "features.json";
/** Batches between two marks. */
const MARK_EVERY = 16;

/**
 * Features [N, F] of all faces of the loader, from the run's folder as far as they are there.
 * @param folder holds `features.f32` and `features.json` until `dropFeatures`
 * @param reads whether an earlier start's features are gone on with
 */
export async function cachedFeatures(
  folder: string,
  backbone: Backbone,
  loader: ViewLoader,
  reads: boolean,
  onProgress: (done: number) => void,
): Promise<Float32Array<ArrayBuffer>> {
  const columns = featureCount(backbone.architecture), bytesOfFace = 4 * columns;
  const features = new Float32Array(loader.faces.length * columns);
  const mark = reads ? readMark(folder) : { faces: 0, skipped: [] };
  const path = join(folder, VALUES);
  using file = attempt(
    path,
    "nothing is lost",
    () => Deno.openSync(path, { read: true, write: true, create: true }),
  );
  file.truncateSync(mark.faces * bytesOfFace);
  const bytes = new Uint8Array(features.buffer, 0, mark.faces * bytesOfFace);
  for (let done = 0; done < bytes.length;) done += file.readSync(bytes.subarray(done)) ?? Infinity;
  for (const [index, reason] of mark.skipped) loader.skipped.set(index, reason);

  const left = Int32Array.from({ length: loader.faces.length - mark.faces }, (_, i) => mark.faces + i);
  let done = mark.faces, batches = 0;
  const save = () => {
    file.syncDataSync();
    const now: Mark = { faces: done, skipped: [...loader.skipped].filter(([index]) => index < done) };
    writeAtomically(join(folder, MARK), JSON.stringify(now));
  };
  for await (const rows of featureBatches(backbone, loader, left)) {
    features.set(rows, done * columns);
    attempt(path, "what was extracted before is kept", () => writeWhole(file, rows));
    done += rows.length / columns;
    if (++batches % MARK_EVERY === 0) save();
    onProgress(done);
  }
  save();
  return features;
}

/** Frees the disk when the run is finished. */
export function dropFeatures(folder: string): void {
  for (const name of [MARK, VALUES]) if (exists(join(folder, name))) Deno.removeSync(join(folder, name));
}

function readMark(folder: string): Mark {
  const path = join(folder, MARK);
  return exists(path) ? JSON.parse(Deno.readTextFileSync(path)) : { faces: 0, skipped: [] };
}

function writeWhole(file: Deno.FsFile, values: Float32Array): void {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
