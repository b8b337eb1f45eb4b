/**
 * `deno task floors`: holds the house to its plan, so that what runs in a browser stays free of what does not.
 *
 *     0     web: FLOOR_0                 imports nothing outside itself
 *     1     web: FLOOR_1                 and floor 0; an onnxruntime is handed in
 *     2     web: the page (and DOM) | serve (and hono, codecs), each on floors 0 and 1, never on one another
 *     side  train (and tfjs, files), of web only facs, model_card, image and what reads image files
 *     roof  mod.ts, on floors 0 and 1
 *
 * Inside train, a file imports from its own room or from those before it in `TRAIN_FLOORS`, and each room says in one
 * sentence, at the top of one of its files, what lives in it. No imports of values go in a circle anywhere.
 *
 * tools and tests import anything; nothing imports tests, only tests import tools. With `--types` it type-checks floors
 * 0 and 1 where neither `Deno` nor `document` exists.
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Import, readModuleGraph, runDeno } from "./module_graph.ts";
import { checkCircles, checkRooms, trainFloor } from "./floors/rooms.ts";
import type { Violation } from "./floors/violation.ts";

/** Files of the browser-safe half of web, with what they are made of; a new part of image or detector is added here. */
const FLOOR_0 = [
  ...["facs", "model_card", "image", "similarity", "resample", "picture", "area_mean"],
  ...["image_header", "colour_profile", "jpeg_damage"],
].map((name) => `web/${name}.ts`);
const FLOOR_1 = [
  "face_finder",
  "face_candidate",
  "following_finder",
  "blazeface_output",
  "view",
  "face_follower",
  "face_warnings",
  "face_tracker",
  "face_look",
  "face_shape",
  "face_track",
  "upright",
  "standing_faces",
  "detected_unit",
  "face_readings",
  "check_model",
  "detector",
  "inference",
].map((name) => `web/${name}.ts`);
const WEB_FOR_TRAIN = ["facs", "model_card", "image", "image_header", "colour_profile", "jpeg_damage"].map((
  name,
) => `web/${name}.ts`);
/** What loads an onnxruntime and hands it to the detector. */
const ONNXRUNTIME_DOORS = ["serve/runtime.ts", "serve/edge.ts", "web/page/worker.ts", "web/reader_worker.ts"];
/** What of serve may say Deno: the program, and the door to a library that only Deno can call. */
const DENO_DOORS = ["serve/main.ts", "serve/turbo_jpeg.ts"];
const TFJS_DOOR = "train/engine/backend.ts";

const MEMBERS = ["train", "web", "serve", "tools", "tests"];
const TOP_LEVEL = [...MEMBERS, "mod.ts", "README.md", "LICENSE", "deno.json", "deno.lock"];
/** Made by installing, running and measuring; git ignores them. */
const IGNORED = ["node_modules", "runs", "coverage", "dist"];
const NOT_SOURCE = ["web/dist", "serve/dist", "web/model", "train/faces", "tests/faces", "tests/fixtures"];
const LONGEST_FILE = 280;
const LONGEST_ROOF = 40;

/**
 * Finds every breach of the plan in the tree at `root`.
 * @throws {Error} when `deno info` cannot read the module graph.
 */
export async function checkFloors(root: string): Promise<Violation[]> {
  const files = [...sourceFiles(root)].sort();
  const graph = await readModuleGraph(root, files.filter((file) => file.endsWith(".ts")));
  return [
    ...checkTopLevel(root),
    ...checkRootImports(root),
    ...files.flatMap((file) => [...checkLength(root, file)]),
    ...graph.unresolved.map(({ file, message }) => ({ file, rule: "imports", message })),
    ...[...graph.imports].flatMap(([file, imports]) => imports.flatMap((found) => checkImport(file, found))),
    ...checkServe(root, files),
    ...checkRooms(root, files),
    ...checkCircles(graph.imports),
  ];
}

/** Type-checks floors 0 and 1 as a web worker sees them; returns what the compiler says, empty when all is well. */
export async function checkPortableTypes(root: string): Promise<string> {
  const files = [...FLOOR_0, ...FLOOR_1].filter((file) => exists(join(root, file)));
  if (files.length === 0) return "";
  const folder = await Deno.makeTempDir();
  try {
    const config = join(folder, "deno.json");
    const { compilerOptions } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
    const options = { ...compilerOptions, lib: ["esnext", "webworker"] };
    await Deno.writeTextFile(config, JSON.stringify({ compilerOptions: options }));
    const { success, stderr } = await runDeno(root, ["check", "--no-lock", `--config=${config}`, ...files]);
    return success ? "" : stderr;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function checkImport(file: string, { target, isValue }: Import): Violation[] {
  const found: Violation[] = [];
  const report = (rule: string, message: string) => found.push({ file, rule, message });
  const member = file.split("/")[0], to = target.split("/")[0];
  const isOwn = !target.includes(":");
  const isPortable = FLOOR_0.includes(target) || FLOOR_1.includes(target);

  if (FLOOR_0.includes(file) && !FLOOR_0.includes(target)) {
    report("floor 0", `imports ${target}; facs, model_card and image import nothing outside themselves.`);
  } else if (FLOOR_1.includes(file) && !isPortable) {
    report(
      "floor 1",
      `imports ${target}; face_finder and detector stand on floor 0 alone and run everywhere.`,
    );
  } else if (member === "web" && isOwn && to !== "web") {
    report("page", `imports ${target}; the page stands on web alone.`);
  } else if (member === "serve" && isOwn && to !== "serve" && !isPortable) {
    report("serve", `imports ${target}; serve stands on the browser-safe half of web alone.`);
  } else if (member === "train" && isOwn && to !== "train" && !WEB_FOR_TRAIN.includes(target)) {
    report(
      "train",
      `imports ${target}; of web, train may import facs, model_card, image and what reads image files.`,
    );
  } else if (member === "train" && to === "train" && trainFloor(target) > trainFloor(file)) {
    report("rooms", `imports ${target}, which stands above it; see TRAIN_FLOORS.`);
  } else if (file === "mod.ts" && !isPortable) {
    report("roof", `imports ${target}; mod.ts opens the browser-safe half of web and nothing else.`);
  }
  if (to === "tests" && member !== "tests") report("tests", `imports ${target}; nothing imports tests.`);
  if (to === "tools" && member !== "tools" && member !== "tests") {
    report("tools", `imports ${target}; tools are programs that only tests import.`);
  }
  const isFree = member === "tools" || member === "tests";
  if (
    /^npm:\/?@tensorflow\//.test(target) && file !== TFJS_DOOR && (isValue || !isFree && member !== "train")
  ) {
    report(
      "tfjs door",
      `imports ${target}; take \`tf\` from ${TFJS_DOOR}, which sets it up; only train knows tfjs.`,
    );
  }
  if (/^npm:\/?onnxruntime/.test(target) && !isFree && !ONNXRUNTIME_DOORS.includes(file)) {
    report(
      "onnxruntime door",
      `imports ${target}; only ${ONNXRUNTIME_DOORS.join(", ")} and tools load an onnxruntime.`,
    );
  }
  return found;
}

function* checkTopLevel(root: string): Generator<Violation> {
  for (const { name } of Deno.readDirSync(root)) {
    if (name.startsWith(".") || IGNORED.includes(name) || TOP_LEVEL.includes(name)) continue;
    yield {
      file: name,
      rule: "top level",
      message: `is not in the plan; the top level holds ${TOP_LEVEL.join(", ")}.`,
    };
  }
}

function* checkRootImports(root: string): Generator<Violation> {
  const config = JSON.parse(Deno.readTextFileSync(join(root, "deno.json")));
  for (const key of ["imports", "importMap", "scopes"]) {
    if (key in config) {
      const message =
        `has "${key}", which every member would inherit; give the import to the member that needs it.`;
      yield { file: "deno.json", rule: "root imports", message };
    }
  }
}

function* checkLength(root: string, file: string): Generator<Violation> {
  const lines = Deno.readTextFileSync(join(root, file)).trimEnd().split("\n").length;
  const longest = file === "mod.ts" ? LONGEST_ROOF : LONGEST_FILE;
  if (lines > longest) {
    yield {
      file,
      rule: "length",
      message: `has ${lines} lines; split it where the code says so, ${longest} are the most.`,
    };
  }
}

/** One file of serve knows that it runs on Deno, so the app runs wherever Hono does. */
function* checkServe(root: string, files: readonly string[]): Generator<Violation> {
  for (const file of files) {
    if (!file.startsWith("serve/") || DENO_DOORS.includes(file)) continue;
    const lines = Deno.readTextFileSync(join(root, file)).split("\n");
    const at = lines.findIndex((line) => /\bDeno\./.test(line.replace(/^\s*(\*|\/\*|\/\/).*|\/\/.*$/, "")));
    if (at >= 0) {
      yield {
        file,
        rule: "serve",
        message: `says Deno in line ${at + 1}; only ${DENO_DOORS.join(" and ")} know what they run on.`,
      };
    }
  }
}

function* sourceFiles(root: string): Generator<string> {
  if (exists(join(root, "mod.ts"))) yield "mod.ts";
  for (const member of MEMBERS) if (exists(join(root, member))) yield* filesBelow(root, member);
}

function* filesBelow(root: string, folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(join(root, folder))) {
    const path = `${folder}/${name}`;
    if (name.startsWith(".") || name === "node_modules" || NOT_SOURCE.includes(path)) continue;
    if (isDirectory) yield* filesBelow(root, path);
    else if (/\.(ts|py|css|html)$/.test(name)) yield path;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  if (Deno.args.includes("--types")) {
    const said = await checkPortableTypes(root);
    if (said) console.error(`The browser-safe half of web does not compile without Deno and DOM.\n${said}`);
    Deno.exit(said ? 1 : 0);
  }
  const violations = await checkFloors(root);
  for (const { file, rule, message } of violations) console.error(`${file}: ${rule}: ${message}`);
  if (violations.length > 0) Deno.exit(1);
  console.log("The floors hold.");
}
