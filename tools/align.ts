/**
 * Photos to aligned faces: `deno task align --in=photos --out=faces`. The same finder and the same crop as in the
 * detector; photos without a face are listed, never dropped silently; a run that was stopped goes on where it was.
 */
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { wholeNumber } from "../train/runs/flags.ts";
import { Journal } from "./align/journal.ts";
import { facePath, listPhotos, type Photo } from "./align/photos.ts";
import { runWorkers } from "./align/pool.ts";
import type { Job } from "./align/worker.ts";
import { Progress } from "./faces/progress.ts";
import { fromHere } from "./files/from_here.ts";
import { OutputNames } from "./files/names.ts";
import { checkOutFolder } from "./files/out_folder.ts";
import { PassedOver } from "./files/passed_over.ts";
import { runTool } from "./files/run_tool.ts";

const USAGE = `deno task align --in=folder --out=folder
  --in       photos (JPEG, PNG, WebP); a manifest.jsonl in it gives their labels, else folders named after emotions
             (neutral, happy, ... in any case) do, and the first other folder names the person; links are followed once
  --out      a folder outside of --in: faces/ with the aligned faces, manifest.jsonl, and not_found.txt where a photo
             shows no face; faces that would get the same name are told apart by ~2, ~3 ...
  --size     side of a face in pixels, 256
  --workers  as many as there are cores`;

interface Settings {
  readonly from: string;
  readonly to: string;
  readonly size: number;
  readonly workers: number;
}

/** Runs the program; throws an Error with one sentence when something that was asked for is wrong. */
export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      in: { type: "string" },
      out: { type: "string" },
      size: { type: "string", default: "256" },
      workers: { type: "string", default: String(navigator.hardwareConcurrency) },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(USAGE);
  if (!values.in || !values.out) throw new Error(`--in and --out are both needed.\n${USAGE}`);
  const settings = {
    from: fromHere(values.in),
    to: fromHere(values.out),
    size: wholeNumber("size", values.size, 32, 1024),
    workers: wholeNumber("workers", values.workers, 1, 256),
  };
  const passed = new PassedOver(), photos = listPhotos(settings.from, passed), names = new OutputNames();
  checkOutFolder("--in", settings.from, settings.to);
  Deno.mkdirSync(settings.to, { recursive: true });
  const journal = new Journal(join(settings.to, "journal.jsonl"), { size: settings.size }, (entry) => {
    if ("image" in entry) names.reserve(entry.image, entry.source);
  });
  try {
    await alignAll(photos.filter(({ source }) => !journal.has(source)), settings, journal, names);
    report(photos, settings, journal, passed);
  } finally {
    journal.close();
  }
}

/** Hands the photos to the workers, one at a time each. */
async function alignAll(
  photos: readonly Photo[],
  settings: Settings,
  journal: Journal,
  names: OutputNames,
): Promise<void> {
  if (photos.length === 0) return;
  const progress = new Progress("photos aligned", photos.length);
  const jobs = photos.values().map(({ source }) =>
    jobOf(source, names.take(facePath(source), source), settings)
  );
  await runWorkers(jobs, Math.min(settings.workers, photos.length), (entry) => {
    journal.add(entry);
    progress.step();
  });
  progress.end();
}

function jobOf(source: string, image: string, { from, to, size }: Settings): Job {
  return { source, from: resolve(from, source), to, image, size };
}

/** Writes the manifest and the list of photos without a face, and says how it went. */
function report(
  photos: readonly Photo[],
  { from, to }: Settings,
  journal: Journal,
  passed: PassedOver,
): void {
  const lines: string[] = [], missing: string[] = [];
  let several = 0;
  const damaged: string[] = [];
  for (const { source, labels } of photos) {
    const entry = journal.read(source)!;
    if ("reason" in entry) missing.push(`${source}\t${entry.reason}`);
    else {
      if (entry.photo.faces! > 1) several++;
      if (entry.photo.warnings?.includes("damaged")) damaged.push(source);
      lines.push(JSON.stringify({ image: entry.image, ...labels, source, photo: entry.photo }));
    }
  }
  writeWhole(join(to, "manifest.jsonl"), lines);
  writeWhole(join(to, "not_found.txt"), missing);
  console.log(`${lines.length} faces of ${photos.length} photos are in ${join(to, "manifest.jsonl")}.`);
  if (several > 0) console.log(`${several} photos show several faces; the largest was taken of each.`);
  if (damaged.length > 0) {
    const [first, ...more] = damaged, others = more.length > 0 ? ` and ${more.length} more` : "";
    console.log(`Damaged photos, of which some pixels are not what they were: ${first}${others}.`);
  }
  for (const line of passed.lines((path) => relative(from, path))) console.log(line);
  if (missing.length === 0) return;
  console.log(`${missing.length} photos gave no face, see ${join(to, "not_found.txt")}:`);
  for (const line of missing.slice(0, 20)) console.log(`  ${line.replace("\t", ": ")}`);
  if (missing.length > 20) console.log(`  and ${missing.length - 20} more`);
}

function writeWhole(path: string, lines: readonly string[]): void {
  Deno.writeTextFileSync(`${path}.part`, lines.map((line) => `${line}\n`).join(""));
  Deno.renameSync(`${path}.part`, path);
}

if (import.meta.main) await runTool(USAGE, main);
