/**
 * Pictures cut out of checkouts of the repositories that they are from.
 * @module
 */
import { basename, dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { exists } from "../../train/runs/whole_file.ts";
import { ManifestError } from "./manifest.ts";
import { INSET, type Origin, originOf, type Source, SOURCES } from "./sources.ts";

/** A reading with the place that its picture is at. */
export interface Reading {
  /** Path of the picture that will be cut. */
  readonly image: string;
  readonly origin: Origin;
  /** The line as it stands, for the manifest. */
  readonly line: string;
}

/** Reads a file of readings. @throws {ManifestError} a line that is wrong */
export function readReadings(path: string): Reading[] {
  return Deno.readTextFileSync(path).split("\n").filter((line) => line.trim() !== "").map((line, index) => {
    const where = `${path}, line ${index + 1}`;
    let entry: { image?: unknown; from?: unknown };
    try {
      entry = JSON.parse(line);
    } catch (error) {
      throw new ManifestError(`${where}: not JSON (${(error as Error).message}).`);
    }
    const { image, from } = entry;
    if (typeof image !== "string" || !/^[\w-]+(\/[\w-]+)*\.jpg$/.test(image)) {
      throw new ManifestError(`${where}: "image" must be the path of a .jpg below the folder.`);
    }
    try {
      return { image, origin: originOf(from), line };
    } catch (error) {
      throw new ManifestError(`${where}: ${(error as TypeError).message}`);
    }
  });
}

/** The folder of a source's checkout. */
export function checkoutOf({ repository }: Source, checkouts: string): string {
  return join(checkouts, basename(repository));
}

/** What the checkouts lack, a sentence each: a repository, or files of one; and the readings that cannot be cut so. */
export function missingFrom(
  checkouts: string,
  readings: readonly Reading[],
): { sentences: string[]; lost: Set<Reading> } {
  const sentences: string[] = [], lost = new Set<Reading>();
  for (const source of SOURCES) {
    const wanted = readings.filter(({ origin }) => origin.source === source);
    const folder = checkoutOf(source, checkouts);
    const gone = wanted.filter(({ origin }) => !exists(join(folder, origin.file)));
    for (const one of gone) lost.add(one);
    if (gone.length === 0) continue;
    const what = `${gone.length} of ${wanted.length} pictures are lost`;
    if (!exists(folder)) {
      sentences.push(
        `There is no checkout of ${source.repository} at ${folder}, ${what}: git clone --depth=1 ` +
          `https://github.com/${source.repository} ${folder}`,
      );
    } else {
      const files = [...new Set(gone.map(({ origin }) => origin.file))];
      sentences.push(
        `${folder} lacks ${files.length} files, the first is ${
          files[0]
        }, ${what}: the checkout is not whole, or the ` +
          `repository has moved them, then an older commit has them.`,
      );
    }
  }
  return { sentences, lost };
}

/**
 * Cuts the pictures into `out`, a montage decoded once for all of its tiles; `done` is called for each.
 * @throws {ManifestError} a picture that cannot be decoded, or is smaller than a tile's place in it
 */
export async function cutPictures(
  checkouts: string,
  out: string,
  readings: readonly Reading[],
  done: () => void,
): Promise<void> {
  const byFile = Map.groupBy(
    readings,
    ({ origin }) => join(checkoutOf(origin.source, checkouts), origin.file),
  );
  for (const [path, cuts] of byFile) {
    let picture;
    try {
      picture = await sharp(path).autoOrient().toColourspace("srgb").flatten({ background: "#fff" }).raw()
        .toBuffer({ resolveWithObject: true });
    } catch (error) {
      throw new ManifestError(
        `${path} cannot be decoded (${(error as Error).message}); check the checkout out anew.`,
      );
    }
    const { data, info: { width, height, channels } } = picture;
    for (const { image, origin } of cuts) {
      const whole = sharp(data, { raw: { width, height, channels } });
      const to = join(out, image);
      const jpeg = await cut(whole, origin, { width, height }, path).jpeg({ quality: origin.source.quality })
        .toBuffer();
      await Deno.mkdir(dirname(to), { recursive: true });
      await Deno.writeFile(`${to}.part`, jpeg);
      await Deno.rename(`${to}.part`, to);
      done();
    }
  }
}

function cut(
  whole: Sharp,
  { box, source: { side } }: Origin,
  { width, height }: { width: number; height: number },
  path: string,
) {
  if (!box) return whole.resize({ width: side, height: side, fit: "inside" });
  const [left, top, right, bottom] = box;
  if (left < 0 || top < 0 || right > width || bottom > height) {
    throw new ManifestError(
      `${path} is ${width} x ${height} pixels and has no tile at [${
        box.join(", ")
      }]: it is not the picture that was read.`,
    );
  }
  return whole.extract({
    left: left + INSET,
    top: top + INSET,
    width: right - left - 2 * INSET,
    height: bottom - top - 2 * INSET,
  });
}
