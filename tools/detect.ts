/**
 * The action units of the faces in photos: `deno task detect photo.jpg`. A table, `--json` for the server's answer,
 * `--draw=out.png` for the photo with boxes, points and bars.
 */
import type { Detection } from "@emoco/web/detector";
import type { Pixels } from "@emoco/web/image";
import { basename, extname, join } from "node:path";
import { parseArgs } from "node:util";
import { type OpenDetector, openDetector } from "./detect/open.ts";
import { drawDetection } from "./detect/picture.ts";
import { tableOf } from "./detect/table.ts";

const USAGE = `deno task detect photo.jpg ... (JPEG, PNG or WebP)
  --json           the answer of the server's POST /v1/detect instead of a table
  --draw=out.png   the photo with boxes, points and bars; with several photos a folder that exists
  --model=folder   where emoco.onnx and emoco.json are, the committed model unless given`;

interface Seen {
  readonly path: string;
  readonly photo: Pixels;
  readonly detection: Detection;
  /** Milliseconds. */
  readonly decode: number;
}

/**
 * Runs the program; throws an Error with one sentence when something that was asked for is wrong. A photo that cannot
 * be read does not keep the others from their tables; it is named in the end.
 */
export async function main(args: string[]): Promise<void> {
  const { values, positionals: paths } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      draw: { type: "string" },
      model: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(USAGE);
  if (paths.length === 0) throw new Error(`No photo was named.\n${USAGE}`);
  const folder = values.draw !== undefined && isFolder(values.draw);
  if (values.draw !== undefined && paths.length > 1 && !folder) {
    throw new Error(`--draw=${values.draw} must be a folder that exists when there are several photos.`);
  }
  const open = await openDetector(values.model);
  const seen: Seen[] = [], failures: string[] = [];
  for (const path of paths) {
    let one: Seen;
    try {
      one = await see(path, open);
    } catch (error) {
      if (values.json || paths.length === 1) throw error;
      failures.push((error as Error).message);
      continue;
    }
    seen.push(one);
    if (!values.json) {
      console.log(`${seen.length > 1 ? "\n" : ""}${tableOf(path, one.detection, one.decode)}`);
    }
    if (values.draw !== undefined) {
      const name = `${basename(path, extname(path))}.png`;
      const target = folder ? join(values.draw, name) : values.draw;
      Deno.writeFileSync(`${target}.part`, await drawDetection(one.photo, one.detection));
      Deno.renameSync(`${target}.part`, target);
    }
  }
  if (failures.length > 0) throw new Error(`\n${failures.join("\n")}`);
  if (values.json) console.log(JSON.stringify(answerOf(seen, open), null, 2));
}

async function see(path: string, { decoder, detector }: OpenDetector): Promise<Seen> {
  try {
    const bytes = Deno.readFileSync(path), start = performance.now();
    const photo = await decoder.decode(bytes);
    const decode = performance.now() - start;
    return { path, photo, decode, detection: await detector.detect(photo) };
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

/** What `POST /v1/detect` answers for these photos. */
function answerOf(seen: readonly Seen[], { detector: { card }, engine }: OpenDetector) {
  const sum = (stage: (one: Seen) => number) => seen.reduce((total, one) => total + stage(one), 0);
  return {
    model: { name: card.name, version: card.version },
    engine,
    images: seen.map(({ detection: { width, height, faces } }) => ({ width, height, faces })),
    timings: {
      decode: sum(({ decode }) => decode),
      find: sum(({ detection }) => detection.timings.find),
      align: sum(({ detection }) => detection.timings.align),
      run: sum(({ detection }) => detection.timings.run),
    },
  };
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  try {
    await main(Deno.args);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
