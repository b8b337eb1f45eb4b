/**
 * Renders labelled faces from a head pack:
 * `deno task faces --head=head.npz --out=folder --count=4200 --subjects=525 --size=128 --seed=1`.
 * `--tests=folder` renders whole heads and a smile for the tests, `--sheet=folder` three contact sheets, `--clips=30` with `--out` people who move.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { wholeNumber } from "../train/runs/flags.ts";
import { NEEDED_SHAPES } from "./faces/action_units.ts";
import { renderClips } from "./faces/clips.ts";
import { type FaceSetOptions, renderFaceSet } from "./faces/face_set.ts";
import { type Head, parseHead } from "./faces/head.ts";
import { claimNames } from "./files/claim.ts";
import { fromHere } from "./files/from_here.ts";
import { runTool } from "./files/run_tool.ts";
import { RenderPool } from "./faces/pool.ts";
import { renderSheets, SHEETS } from "./faces/sheet.ts";
import { renderTestFaces, TEST_FILES } from "./faces/test_faces.ts";

const USAGE = `deno task faces --head=head.npz with one or more of
  --out=folder      a set of aligned faces with manifest.jsonl
  --tests=folder    60 whole heads and a smile, of the set's test subjects
  --clips=30        with --out: clips of people who move, instead of single faces; --frames=25 of each, 25 a second
  --sheet=folder    the contact sheets sheet_emotions.jpg, sheet_action_units.jpg and sheet_people.jpg
and, where the default does not do,
  --count=4200 --subjects=525 --size=128 --seed=1 --workers=(cores) --resume`;

const OPTIONS = {
  head: { type: "string" },
  out: { type: "string" },
  tests: { type: "string" },
  sheet: { type: "string" },
  clips: { type: "string" },
  frames: { type: "string", default: "25" },
  count: { type: "string", default: "4200" },
  subjects: { type: "string", default: "525" },
  size: { type: "string", default: "128" },
  seed: { type: "string", default: "1" },
  workers: { type: "string", default: String(navigator.hardwareConcurrency) },
  resume: { type: "boolean", default: false },
  help: { type: "boolean" },
} as const;

/** Folders of the project, which hold what these options made. */
const KNOWN = [".", "../tests/faces"].map((path) => fileURLToPath(new URL(path, import.meta.url)));

const NO_HEAD =
  `Missing --head=head.npz. The public head is USC ICT's FaceKit (GitHub: ICT-VGL/ICT-FaceKit, MIT ` +
  `licence): clone it, then "deno task pack-head --from=ICT-FaceKit/FaceXModel --out=head.npz".`;

function loadHead(path: string | undefined): Head {
  if (!path) throw new Error(NO_HEAD);
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch {
    throw new Error(
      `Cannot read the head pack ${path}. ${NO_HEAD.slice(NO_HEAD.indexOf("The public"))}`,
    );
  }
  try {
    const head = parseHead(bytes);
    const missing = NEEDED_SHAPES.find((shape) => !head.shapes[shape] && !head.shapes[`${shape}_L`]);
    if (missing) throw new Error(`it has no expression "${missing}"`);
    return head;
  } catch (error) {
    throw new Error(`The head pack ${path} cannot be used: ${(error as Error).message}.`);
  }
}

/** Runs the program; throws an Error with one clear sentence when something asked for is wrong. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return console.log(USAGE);
  const options: FaceSetOptions = {
    count: wholeNumber("count", values.count, 1, 1e6),
    subjects: wholeNumber("subjects", values.subjects, 3, 1e5),
    size: wholeNumber("size", values.size, 32, 1024),
    seed: wholeNumber("seed", values.seed, 0, 2 ** 31),
    resume: values.resume,
  };
  if (options.count < options.subjects) {
    throw new Error(
      `--count=${options.count} faces cannot show --subjects=${options.subjects} subjects.`,
    );
  }
  const workers = wholeNumber("workers", values.workers, 1, 256);
  const [packed, out, tests, sheet] = [values.head, values.out, values.tests, values.sheet]
    .map((path) => path && fromHere(path));
  const head = loadHead(packed);
  const clips = values.clips === undefined ? 0 : wholeNumber("clips", values.clips, 3, 1e5);
  if (clips > 0 && !out) throw new Error(`--clips=${clips} needs --out=folder.`);
  const frames = wholeNumber("frames", values.frames, 12, 10_000);
  if (!out && !tests && !sheet) throw new Error(`Nothing to do.\n${USAGE}`);
  if (tests) claimNames("--tests", tests, TEST_FILES, KNOWN);
  if (sheet) claimNames("--sheet", sheet, SHEETS, KNOWN);
  const pool = new RenderPool(head, workers);
  try {
    if (out && clips > 0) await renderClips(pool, out, { ...options, clips, frames });
    else if (out) await renderFaceSet(pool, out, options);
    if (tests) await renderTestFaces(pool, tests, options);
    if (sheet) await renderSheets(pool, sheet, options.seed);
  } finally {
    pool.close();
  }
}

if (import.meta.main) await runTool(USAGE, main);
