/**
 * Where drawings go. Never onto a photo, never onto a file that is not this very photo's drawing of before, never onto
 * one another: in a folder a drawing takes the next free number instead, a single file is refused.
 * @module
 */
import { basename, dirname, extname, join } from "node:path";
import { createHash } from "node:crypto";
import { DRAWING, markOf } from "../files/own_output.ts";
import { OutputNames } from "../files/names.ts";
import { exists, realOf } from "../files/out_folder.ts";
import { fromHere } from "../files/from_here.ts";
import { isFolder, type NamedPhoto } from "./photos.ts";

/** What a drawing can be written as, by the ending of its name. */
export type DrawingFormat = "png" | "jpeg" | "webp";

const FORMATS: Readonly<Record<string, DrawingFormat>> = {
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".webp": "webp",
};

/** The drawings of a run. */
export class Drawings {
  readonly #names = new OutputNames();
  readonly #photos: ReadonlySet<string>;
  readonly #target: string;
  readonly #isFolder: boolean;
  readonly #format: DrawingFormat;

  /**
   * Checks, before anything is read, that the drawings have a place.
   * @param target a file for one photo, a folder that exists for any number
   * @throws {Error} one sentence: what is wrong and what to do
   */
  constructor(target: string, photos: readonly NamedPhoto[]) {
    this.#target = fromHere(target);
    this.#isFolder = isFolder(this.#target);
    this.#photos = new Set(photos.filter(({ path }) => exists(path)).map(({ path }) => realOf(path)));
    this.#format = FORMATS[extname(this.#target).toLowerCase()] ?? "png";
    if (this.#isFolder) {
      this.#format = "png";
      return;
    }
    if (photos.length > 1) {
      throw new Error(`--draw=${target} must be a folder that exists when there are several photos.`);
    }
    if (!Object.hasOwn(FORMATS, extname(target).toLowerCase())) {
      throw new Error(
        `--draw=${target}: a drawing ends in ${
          Object.keys(FORMATS).join(", ")
        }, or goes to a folder that exists.`,
      );
    }
    if (!isFolder(dirname(this.#target))) {
      throw new Error(`--draw=${target}: there is no folder ${dirname(this.#target)}; make it first.`);
    }
    const [photo] = photos;
    if (!this.#mayWrite(this.#target, photo)) {
      const isPhoto = this.#photos.has(realOf(this.#target));
      throw new Error(
        `--draw=${target} ${
          isPhoto ? "is a photo that is read" : "exists, and is no drawing of this photo"
        }: it is not ` +
          "written over; choose another name.",
      );
    }
  }

  /**
   * Writes the drawing of a photo; the file appears when it is whole.
   * @param draw makes the bytes, with the mark by which the drawing is known as one
   * @returns where it is
   */
  async write(
    photo: NamedPhoto,
    draw: (format: DrawingFormat, mark: string) => Promise<Uint8Array>,
  ): Promise<string> {
    const stem = basename(photo.path, extname(photo.path));
    const path = this.#isFolder
      ? join(
        this.#target,
        this.#names.take(
          `${stem}.png`,
          photo.path,
          (name) => this.#mayWrite(join(this.#target, name), photo),
        ),
      )
      : this.#target;
    const bytes = await draw(this.#format, markFor(photo));
    const half = join(dirname(path), `.drawing-${crypto.randomUUID()}.part`);
    try {
      Deno.writeFileSync(half, bytes, { createNew: true });
      Deno.renameSync(half, path);
    } catch (error) {
      if (exists(half)) Deno.removeSync(half);
      throw error;
    }
    return path;
  }

  #mayWrite(path: string, photo: NamedPhoto): boolean {
    return !exists(path) || !this.#photos.has(realOf(path)) && markOf(path) === markFor(photo);
  }
}

/** The mark of a photo's drawing: a digest of its place, which names neither its folder nor its user. */
export function markFor({ path }: NamedPhoto): string {
  const place = exists(path) ? realOf(path) : path;
  return `${DRAWING}${createHash("sha256").update(place).digest("hex").slice(0, 16)}`;
}
