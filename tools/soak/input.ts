/** An epoch over a hundred thousand faces: each is visited once, and the resident memory stays under two gigabytes. */
import { join } from "node:path";
import { COMMITTED_FACES, type Face, readManifest } from "../../train/input/data.ts";
import { type FlagList, wholeNumber } from "../../train/runs/flags.ts";
import { Progress } from "../../train/runs/progress.ts";
import { ViewLoader } from "../../train/input/views.ts";
import { Walk } from "../../train/input/walk.ts";
import { readPart } from "../files/named_parts.ts";

const FLAGS: FlagList = {
  faces: { kind: "text", help: "faces of the epoch (100000)" },
  size: { kind: "text", help: "side of a view in pixels (96)" },
  help: { kind: "switch", help: "this" },
};

/** Most that may be resident, bytes: what this project asks of a machine beside the network itself. */
const MOST_RESIDENT = 2e9;

/** What an epoch did. */
export interface SoakedInput {
  faces: number;
  /** Faces that were visited once. */
  visitedOnce: number;
  /** Greatest resident memory in bytes, of the first quarter and of the whole. */
  early: number;
  peak: number;
  facesPerSecond: number;
}

/**
 * Two views of every face of an epoch, and what the process took for it.
 * @param sources pictures that the faces are made of, each under as many names as are needed
 * @param folder where the names are made
 */
export async function soakInput(
  sources: readonly Face[],
  count: number,
  folder: string,
  { size = 96, batchSize = 64, cacheBytes, say = () => {} }: {
    size?: number;
    batchSize?: number;
    cacheBytes?: number;
    say?: (done: number, of: number, resident: number) => void;
  } = {},
): Promise<SoakedInput> {
  writeFaces(sources, count, folder);
  const faces = readManifest(join(folder, "manifest.jsonl"));
  const options = { skipBroken: false, seed: 0, views: "moco-v2" as const, cropScale: [0.2, 1] as const };
  using loader = new ViewLoader(faces, { ...options, size, batchSize, cacheBytes });
  const walk = new Walk(count, 0), batches = Math.ceil(count / batchSize);
  const visits = new Uint8Array(count);
  const start = performance.now();
  let early = 0, peak = 0, position = 0, batch = 0;
  for await (const { indices } of loader.randomViews(walk, 0, batches)) {
    for (const index of indices) if (position++ < count) visits[index]++; // the last batch reaches into the next epoch
    const { rss } = Deno.memoryUsage();
    peak = Math.max(peak, rss);
    if (4 * batch < batches) early = peak;
    say(++batch, batches, rss);
  }
  const visitedOnce = visits.filter((times) => times === 1).length;
  return {
    faces: count,
    visitedOnce,
    early,
    peak,
    facesPerSecond: position / (performance.now() - start) * 1000,
  };
}

/** Names for the same pictures over and over, each a face of its own to whoever reads the manifest. */
function writeFaces(sources: readonly Face[], count: number, folder: string): void {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const { image, emotion } = sources[i % sources.length];
    const name = `${i}.jpg`;
    try {
      Deno.linkSync(image, join(folder, name));
    } catch {
      Deno.copyFileSync(image, join(folder, name)); // another file system
    }
    lines.push(JSON.stringify({ image: name, subject: `s${i >> 3}`, emotion }) + "\n");
  }
  Deno.writeTextFileSync(join(folder, "manifest.jsonl"), lines.join(""));
}

/** Runs the soak with the given command line. */
export async function soak(args: string[]): Promise<void> {
  const flags = readPart("deno task soak input: an epoch over very many faces.", FLAGS, args);
  if (!flags) return;
  const count = wholeNumber("faces", flags.text.faces ?? "100000", 1000);
  const size = wholeNumber("size", flags.text.size ?? "96", 16);
  const folder = await Deno.makeTempDir();
  try {
    console.log(`Making ${count} faces in ${folder}`);
    let progress: Progress | undefined;
    const result = await soakInput(readManifest(join(COMMITTED_FACES, "manifest.jsonl")), count, folder, {
      size,
      say: (done, of, resident) => {
        progress ??= new Progress(of);
        progress.show(done, `batch ${done}/${of}  ${megabytes(resident)} resident`);
      },
    });
    progress?.end();
    const { visitedOnce, peak, facesPerSecond } = result;
    console.log(
      `${count} faces, two views of ${size} px each: ${
        facesPerSecond.toFixed(0)
      } faces/s, ${visitedOnce} visited once, ` +
        `at most ${megabytes(peak)} resident (${megabytes(MOST_RESIDENT)} allowed).`,
    );
    if (visitedOnce !== count) throw new Error(`${count - visitedOnce} faces were not visited once.`);
    if (peak > MOST_RESIDENT) throw new Error("It takes more memory than it may.");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
