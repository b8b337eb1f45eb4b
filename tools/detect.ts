/**
 * The action units of the faces in photos: `deno task detect photo.jpg`. A table, `--json` for the server's answer,
 * `--draw=out.png` for the photo with boxes, points and bars.
 */
import type { DecodedPicture, PictureWarning } from "@emoco/serve/decode";
import type { Detection } from "@emoco/web/detector";
import { parseArgs } from "node:util";
import { Drawings } from "./detect/drawings.ts";
import { type OpenDetector, openDetector } from "./detect/open.ts";
import { type NamedPhoto, namedPhotos } from "./detect/photos.ts";
import { drawDetection } from "./detect/picture.ts";
import { inOriginal } from "./detect/scale.ts";
import { tableOf } from "./detect/table.ts";
import { fromHere } from "./files/from_here.ts";
import { PassedOver } from "./files/passed_over.ts";
import { runTool } from "./files/run_tool.ts";

const USAGE = `deno task detect photo.jpg folder ... (JPEG, PNG or WebP; of a folder every picture in it)
  --json           the answer of the server's POST /v1/detect instead of a table, each image with its file; one that
                   cannot be read has an error in its place
  --jsonl          the same with a line of JSON an image, as they come: for long lists
  --draw=out.png   the photo with boxes, points and bars, as PNG, JPEG or WebP by its ending; with several photos a
                   folder that exists. Nothing is written over but the same photo's drawing of before: in a folder
                   drawings that would get the same name are told apart by ~2, ~3 ...
  --model=folder   where emoco.onnx and emoco.json are, the committed model unless given`;

interface Seen {
  readonly photo: NamedPhoto;
  readonly pixels: DecodedPicture;
  /** In pixels of `pixels`, which may be a smaller picture than the file's. */
  readonly detection: Detection;
  /** Milliseconds. */
  readonly decode: number;
}

/** What is said of an image in JSON. */
type ImageAnswer =
  & { readonly file: string }
  & (
    | Pick<Detection, "width" | "height" | "faces"> & { readonly warnings?: readonly PictureWarning[] }
    | { readonly error: { readonly code: string; readonly message: string } }
  );

/**
 * Runs the program; throws an Error with one sentence when something that was asked for is wrong. A photo that cannot
 * be read does not keep the others from their tables; it is named in the end, and in JSON in its place.
 */
export async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: "boolean" },
      jsonl: { type: "boolean" },
      draw: { type: "string" },
      model: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(USAGE);
  if (positionals.length === 0) throw new Error(`No photo was named.\n${USAGE}`);
  const passed = new PassedOver(), photos = namedPhotos(positionals, passed);
  const drawings = values.draw === undefined ? undefined : new Drawings(values.draw, photos);
  const open = await openDetector(values.model && fromHere(values.model));
  const { card } = open.detector, model = { name: card.name, version: card.version };
  const answers: ImageAnswer[] = [], failures: string[] = [];
  const timings = { decode: 0, find: 0, align: 0, run: 0 };
  const isTable = !values.json && !values.jsonl;
  const tell = (answer: ImageAnswer) => {
    if (values.jsonl) console.log(JSON.stringify({ model, engine: open.engine, ...answer }));
    else if (values.json) answers.push(answer);
  };
  let count = 0;
  for (const photo of photos) {
    let seen: Seen;
    try {
      seen = await see(photo, open);
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      tell({ file: photo.name, error: { code: code ? `image-${code}` : "image-unreadable", message } });
      failures.push(`${photo.name}: ${message}`);
      continue;
    }
    const { pixels, decode } = seen, detection = inOriginal(seen.detection, pixels);
    const { width, height, faces, timings: spent } = detection;
    timings.decode += decode;
    for (const stage of ["find", "align", "run"] as const) timings[stage] += spent[stage];
    tell({ file: photo.name, width, height, faces, ...pixels.warnings && { warnings: pixels.warnings } });
    if (isTable) console.log(`${count++ > 0 ? "\n" : ""}${tableOf(photo.name, detection, decode, pixels)}`);
    if (!drawings) continue;
    try {
      const path = await drawings.write(
        photo,
        (format, mark) => drawDetection(pixels, seen.detection, format, mark),
      );
      if (isTable) console.log(`Drawn: ${path}`);
    } catch (error) {
      failures.push(
        `${photo.name}: its drawing cannot be written: ${(error as Error).message.split(" (os error")[0]}.`,
      );
    }
  }
  if (values.json && !values.jsonl) {
    console.log(JSON.stringify({ model, engine: open.engine, images: answers, timings }, null, 2));
  }
  for (const line of passed.lines()) console.error(line);
  if (failures.length > 0) throw new Error(`${isTable && count > 0 ? "\n" : ""}${failures.join("\n")}`);
}

async function see(photo: NamedPhoto, { decoder, detector }: OpenDetector): Promise<Seen> {
  const bytes = read(photo.path), start = performance.now();
  const pixels = await decoder.decode(bytes);
  const decode = performance.now() - start;
  return { photo, pixels, decode, detection: await detector.detect(pixels) };
}

function read(path: string): Uint8Array<ArrayBuffer> {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Error("There is no such file.");
    throw new Error(`The file cannot be read (${(error as Error).message.split(" (os error")[0]}).`);
  }
}

if (import.meta.main) await runTool(USAGE, main);
