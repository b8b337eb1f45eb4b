/**
 * Data sets as they were delivered to aligned faces and a manifest: `deno task manifest disfa --root=DISFA --out=faces`.
 * Every face is found and cropped as in the detector, on all cores; a run that was stopped goes on where it was;
 * report.html shows what came of it. What each set's folder must look like stands in its file and in `--help`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { wholeNumber } from "../train/runs/flags.ts";
import { Journal } from "./align/journal.ts";
import { fromHere } from "./files/from_here.ts";
import { OutputNames } from "./files/names.ts";
import { checkOutFolder } from "./files/out_folder.ts";
import { runTool } from "./files/run_tool.ts";
import { alignSamples, reserveNames, type SampleJournal, type Settings } from "./manifest/align_samples.ts";
import { assemble, type Assembled } from "./manifest/assemble.ts";
import { AFFECTNET_LAYOUT, openAffectNet } from "./manifest/affectnet.ts";
import { BP4D_LAYOUT, openBp4d } from "./manifest/bp4d.ts";
import { CSV_LAYOUT, openCsv } from "./manifest/csv.ts";
import { type DataSet, LayoutError } from "./manifest/data_set.ts";
import { DISFA_LAYOUT, openDisfa } from "./manifest/disfa.ts";
import { FOLDER_LAYOUT, openFolder } from "./manifest/folder.ts";
import { GFT_LAYOUT, openGft } from "./manifest/gft.ts";
import { LANDMARK_TABLE, withLandmarks } from "./manifest/landmark_table.ts";
import { checkRoot, isFile } from "./manifest/layout.ts";
import { openRafdb, RAFDB_LAYOUT } from "./manifest/rafdb.ts";
import { compareWithFolds } from "./manifest/published_folds.ts";
import { writeReport } from "./manifest/report.ts";
import { withFaces } from "./manifest/summary.ts";

const OPTIONS = {
  root: { type: "string" },
  out: { type: "string" },
  size: { type: "string", default: "256" },
  workers: { type: "string", default: String(navigator.hardwareConcurrency) },
  points: { type: "string", default: "finder" },
  every: { type: "string", default: "1" },
  first: { type: "string", default: "1" },
  camera: { type: "string", default: "left" },
  pictures: { type: "string" },
  table: { type: "string" },
  image: { type: "string" },
  subject: { type: "string" },
  emotion: { type: "string" },
  split: { type: "string" },
  frame: { type: "string" },
  present: { type: "string", default: "AU#" },
  intensity: { type: "string" },
  emotions: { type: "string" },
  help: { type: "boolean" },
} as const;

type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>["values"];

interface KnownSet {
  readonly layout: string;
  open(root: string, values: Values): DataSet | Promise<DataSet>;
}

const SETS: Readonly<Record<string, KnownSet>> = {
  affectnet: { layout: AFFECTNET_LAYOUT, open: openAffectNet },
  rafdb: { layout: RAFDB_LAYOUT, open: openRafdb },
  disfa: {
    layout: DISFA_LAYOUT,
    open: (root, values) => openDisfa(root, { ...values, first: firstOf(values) }),
  },
  bp4d: { layout: BP4D_LAYOUT, open: (root, values) => openBp4d(root, { first: firstOf(values) }) },
  gft: { layout: GFT_LAYOUT, open: (root, values) => openGft(root, { first: firstOf(values) }) },
  folder: { layout: FOLDER_LAYOUT, open: openFolder },
  csv: { layout: CSV_LAYOUT, open: (root, values) => openCsv(root, { ...values, first: firstOf(values) }) },
};

const USAGE = `deno task manifest <set> --root=folder --out=folder
  --root     the data set as it was delivered
  --out      faces/ with the aligned faces, manifest.jsonl, problems.tsv, and report.html to look at
  --points   whose points align a face: finder (default), set, the set's own landmarks (affectnet, rafdb), or
             ${LANDMARK_TABLE}
  --every    of the labelled frames of a sequence, every n-th: 1 (default) takes all
  --first    number that the labels give to the first frame of a video, 1 (default) or 0
  --camera   disfa: left (default) or right
  --pictures rafdb: original (default) or aligned
  --size     side of a face in pixels, 256
  --workers  as many as there are cores
Stopped, it goes on where it was when it is started again. Videos need the program ffmpeg.

What the folder of each set must look like (upper and lower case are the same):
${
  Object.entries(SETS).map(([name, { layout }]) => `${name}\n    ${layout.replaceAll("\n", "\n    ")}`).join(
    "\n",
  )
}`;

/** Runs the program. @throws {LayoutError} what was asked for does not fit, in one sentence */
export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseOptions(args);
  if (values.help) return console.log(USAGE);
  const [name] = positionals;
  if (positionals.length !== 1 || !Object.hasOwn(SETS, name)) {
    const said = positionals.length === 0
      ? "No data set was named"
      : `"${positionals.join(" ")}" is no data set`;
    throw new LayoutError(`${said}; they are ${Object.keys(SETS).join(", ")}. --help says more.`);
  }
  if (!values.root || !values.out) {
    throw new LayoutError("--root and --out are both needed. --help says more.");
  }
  const isTable = values.points !== "finder" && values.points !== "set";
  const points = isTable ? fromHere(values.points) : values.points;
  if (isTable && !isFile(points)) {
    throw new LayoutError(`--points=${values.points} is neither finder nor set nor the file of a table.`);
  }
  const settings: Settings = {
    root: fromHere(values.root),
    out: fromHere(values.out),
    size: wholeNumber("size", values.size, 32, 1024),
    workers: wholeNumber("workers", values.workers, 1, 256),
    points: values.points === "finder" ? "finder" : "set",
    every: wholeNumber("every", values.every, 1, 1e6),
  };
  checkRoot(settings.root);
  checkOutFolder("--root", settings.root, settings.out);
  const opened = await SETS[name].open(settings.root, values);
  const set = isTable ? await withLandmarks(opened, points) : opened;
  if (settings.points === "set" && !set.hasPoints) {
    throw new LayoutError(
      `--points=set: ${name} brings no landmarks that can be read here; leave it out to take the finder's, or name a ` +
        "table of them (--help says how it looks).",
    );
  }
  await make(name, set, settings, values.points);
}

async function make(name: string, set: DataSet, settings: Settings, points: string): Promise<void> {
  const { out, size } = settings;
  Deno.mkdirSync(out, { recursive: true });
  const names = new OutputNames(), about = { set: name, size, points };
  const journal: SampleJournal = new Journal(
    join(out, "journal.jsonl"),
    about,
    (entry) => reserveNames(names, entry),
  );
  try {
    console.log(`Reading the labels of ${name} in ${settings.root}.`);
    await alignSamples(set, settings, journal, names);
    const assembled = await assemble(set, settings, journal);
    await writeReport(name, settings, assembled);
    say(name, settings, assembled);
  } finally {
    journal.close();
  }
}

function say(name: string, { out }: Settings, { summary, notes, samples, videos }: Assembled): void {
  const from = `${samples} ${videos > 0 ? `labelled frames of ${videos} videos` : "labelled pictures"}`;
  console.log(`${summary.faces} faces of ${from} are in ${join(out, "manifest.jsonl")}.`);
  const problems = notes.all();
  for (const { kind, count } of problems) console.log(`  ${kind}: ${count}`);
  if (problems.length > 0) console.log(`Each of them stands in ${join(out, "problems.tsv")}.`);
  const people = compareWithFolds(name, withFaces(summary.subjects));
  if (people) console.log(people);
  console.log(`Look at ${join(out, "report.html")} to see whether they are aligned well.`);
  if (summary.faces === 0) {
    throw new LayoutError("Not one face could be aligned, so nothing can be trained on it.");
  }
}

function parseOptions(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new LayoutError((error as Error).message);
  }
}

function firstOf({ first }: Values): number {
  return wholeNumber("first", first, 0, 1e6);
}

if (import.meta.main) await runTool(USAGE, main);
