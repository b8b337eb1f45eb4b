/**
 * Photos one after the other: their tables on the terminal, JSON, drawings, or rows of a table that is kept.
 * @module
 */
import type { DecodedPicture, PictureWarning } from "@emoco/serve/decode";
import type { Detection } from "@emoco/web/detector";
import type { Drawings } from "./drawings.ts";
import type { OpenDetector } from "./open.ts";
import type { NamedPhoto } from "./photos.ts";
import { drawDetection } from "./picture.ts";
import { inOriginal } from "./scale.ts";
import { tableOf } from "./table.ts";

/** What is made of photos. */
export interface PhotoOptions {
  readonly json?: boolean;
  readonly jsonl?: boolean;
  readonly drawings?: Drawings;
  /** Takes each photo instead of the terminal. */
  readonly keep?: (photo: NamedPhoto, detection: Detection) => void;
}

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

/** Reads the photos; one that cannot be read does not keep the others from their tables. @returns what went wrong */
export async function readPhotos(
  photos: readonly NamedPhoto[],
  open: OpenDetector,
  options: PhotoOptions,
): Promise<string[]> {
  const { card } = open.detector, model = { name: card.name, version: card.version };
  const { drawings } = options;
  const answers: ImageAnswer[] = [], failures: string[] = [];
  const timings = { decode: 0, find: 0, align: 0, run: 0 };
  const isTable = !options.json && !options.jsonl && !options.keep;
  const tell = (answer: ImageAnswer) => {
    if (options.jsonl) console.log(JSON.stringify({ model, engine: open.engine, ...answer }));
    else if (options.json) answers.push(answer);
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
    options.keep?.(photo, detection);
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
  if (options.json && !options.jsonl) {
    console.log(JSON.stringify({ model, engine: open.engine, images: answers, timings }, null, 2));
  }
  if (failures.length > 0 && isTable && count > 0) console.log();
  return failures;
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
