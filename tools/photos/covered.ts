/**
 * `deno task evaluate --photos=DIR --covered`: photographs with something laid over the face and turned by quarters. Is the
 * face read as it stands, or not at all; and does the model know what cannot be seen? What is laid over them here is drawn
 * otherwise than in training (`train/input/cover_kinds.ts`).
 * @module
 */
import { ImageError } from "@emoco/serve/decode";
import type { DetectedFace } from "@emoco/web/detector";
import { alignmentTransform, type FacePoints, type Pixels, resize, transformPoint } from "@emoco/web/image";
import { join, resolve } from "node:path";
import { rollOf } from "../../web/upright.ts";
import { coveredAt, hiddenShares, isVisible } from "../../train/input/cover.ts";
import { type Cover, ellipse } from "../../train/input/cover_kinds.ts";
import { type Flags, UsageError } from "../../train/runs/flags.ts";
import { fromHere } from "../../train/runs/from_here.ts";
import { openDetector } from "../detect/open.ts";
import { Progress } from "../faces/progress.ts";
import { writeWhole } from "../faces/write_whole.ts";
import { claimNames } from "../files/claim.ts";
import { halfOf, readPhotos } from "./manifest.ts";
import { findModel } from "./models.ts";

const paint = (outlines: Cover["outlines"], ...colour: [number, number, number]): Cover => ({
  outlines,
  surface: "plain",
  colours: [colour, colour],
  grain: 0.1,
  turn: 0,
  seed: 0,
});
const MASK = [
  [[0.02, 0.42], [0.38, 0.39], [0.62, 0.39], [0.98, 0.42], [0.92, 0.83], [0.68, 1.08], [0.32, 1.08], [
    0.08,
    0.83,
  ]],
] as const;

/** What is laid over a face, in sides of the aligned face. */
export const COVERINGS: Readonly<Record<string, Cover | undefined>> = {
  "nothing": undefined,
  "blue mask": paint(MASK, 156, 196, 228),
  "black mask": paint(MASK, 17, 17, 17),
  "sheet over the mouth": paint([[[0.2, 0.55], [0.8, 0.55], [0.8, 0.84], [0.2, 0.84]]], 120, 120, 120),
  "bar over the eyes": paint([[[0, 0.18], [1, 0.18], [1, 0.39], [0, 0.39]]], 0, 0, 0),
  "dark glasses": paint([0.33, 0.67].map((x) => ellipse(x, 0.285, 0.125, 0.125, 0)), 24, 24, 24),
};

/** Quarters of a turn, clockwise. */
const TURNS = [0, 1, 2, 3];
/** Longer side of the pictures, pixels: a face is as large as in a portrait. */
const SIDE = 400;
/** An angle between the lines of the eyes whose cosine is above this is the same way up. */
const SAME_WAY = Math.SQRT1_2;

/** What came of one kind of covering at one turn. */
export interface Covered {
  covering: string;
  turn: number;
  photographs: number;
  notFound: number;
  /** Found, but nothing is read of it: every unit is null. */
  unread: number;
  /** Read the wrong way up. */
  wrong: number;
  upright: number;
  /** Of the faces read upright, shares of units: of the hidden ones null, of the open ones null. NaN where there are none. */
  hiddenTold: number;
  openLost: number;
}

/** Runs it; errors are sentences. */
export async function evaluateCovered({ text }: Flags): Promise<Covered[]> {
  const model = findModel(text.model), folder = fromHere(text.photos);
  if (!model.content.outputs?.includes("visible")) {
    throw new UsageError(`${model.name} does not know what can be seen: its card has no output "visible".`);
  }
  const { photos } = readPhotos(folder, { split: text.split, half: halfOf(text.half) });
  const out = text.out === undefined ? resolve("runs", "photographs", model.name) : fromHere(text.out);
  if (text.out !== undefined) claimNames("--out", out, ["covered.csv"]);
  const { detector, decoder } = await openDetector(join(model.card, ".."));
  const { template } = model.content.alignment;
  const rows = Object.keys(COVERINGS).flatMap((covering) => TURNS.map((turn) => new Tally(covering, turn)));
  const progress = new Progress("photographs covered and read", photos.length);
  for (const { path } of photos) {
    progress.step();
    let picture: Pixels;
    try {
      picture = small(await decoder.decode(await Deno.readFile(path)));
    } catch (error) {
      if (error instanceof ImageError) continue;
      throw error;
    }
    const [clean] = (await detector.detect(picture)).faces;
    if (!clean) continue;
    for (const row of rows) {
      const covered = turned(layOver(picture, clean.points, template, COVERINGS[row.covering]), row.turn);
      row.add((await detector.detect(covered)).faces[0], clean.points);
    }
  }
  progress.end();
  await detector.release();
  const results = rows.map((row) => row.result());
  await Deno.mkdir(out, { recursive: true });
  await writeWhole(join(out, "covered.csv"), csvOf(results));
  for (const line of tableOf(results)) console.log(line);
  console.log(`Written: ${join(out, "covered.csv")}`);
  return results;
}

class Tally {
  readonly #shares: readonly number[];
  #counts = { photographs: 0, notFound: 0, unread: 0, wrong: 0, upright: 0 };
  #hidden = { units: 0, null: 0 };
  #open = { units: 0, null: 0 };

  constructor(readonly covering: string, readonly turn: number) {
    this.#shares = hiddenShares(COVERINGS[covering]);
  }

  /** @param points of the face as it was found before anything was done to the picture */
  add(face: DetectedFace | undefined, points: FacePoints): void {
    const counts = this.#counts;
    counts.photographs++;
    if (!face) return void counts.notFound++;
    if (face.aus.every(({ present }) => present === null)) return void counts.unread++;
    const off = rollOf(face.points) - rollOf(points) - this.turn * Math.PI / 2;
    if (Math.cos(off) < SAME_WAY) return void counts.wrong++;
    counts.upright++;
    for (const { au, present } of face.aus) {
      const visible = isVisible(au, this.#shares);
      if (visible === undefined) continue;
      const part = visible === 0 ? this.#hidden : this.#open;
      part.units++;
      if (present === null) part.null++;
    }
  }

  result(): Covered {
    const { covering, turn } = this;
    return {
      covering,
      turn: 90 * turn,
      ...this.#counts,
      hiddenTold: this.#hidden.null / this.#hidden.units,
      openLost: this.#open.null / this.#open.units,
    };
  }
}

function small(picture: Pixels): Pixels {
  const scale = SIDE / Math.max(picture.width, picture.height);
  if (scale >= 1) return picture;
  return resize(picture, Math.round(picture.width * scale), Math.round(picture.height * scale));
}

/** The picture with a cover over the face that has these points. */
export function layOver(
  picture: Pixels,
  points: FacePoints,
  template: Parameters<typeof alignmentTransform>[2],
  cover?: Cover,
): Pixels {
  if (!cover) return picture;
  const { width, height } = picture,
    data = picture.data.slice(),
    toFace = alignmentTransform(points, 1, template);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = transformPoint(toFace, [x + 0.5, y + 0.5]);
      if (coveredAt(cover, u, v)) data.set(cover.colours[0], 4 * (y * width + x));
    }
  }
  return { width, height, data };
}

/** The picture turned clockwise by quarters. */
export function turned(picture: Pixels, quarters: number): Pixels {
  if (quarters === 0) return picture;
  const { width, height, data } = picture, out = new Uint8ClampedArray(data.length);
  for (let y = 0, from = 0; y < height; y++) {
    for (let x = 0; x < width; x++, from += 4) {
      out.set(data.subarray(from, from + 4), 4 * (x * height + height - 1 - y));
    }
  }
  return turned({ width: height, height: width, data: out }, quarters - 1);
}

const percent = (share: number) => Number.isNaN(share) ? "" : (100 * share).toFixed(0);

function tableOf(results: readonly Covered[]): string[] {
  const head = [
    "covering",
    "turn",
    "faces",
    "upright",
    "wrong",
    "unread",
    "not found",
    "hidden null %",
    "open null %",
  ];
  const rows = results.map((one) => [
    one.covering,
    `${one.turn}°`,
    ...[one.photographs, one.upright, one.wrong, one.unread, one.notFound].map(String),
    percent(one.hiddenTold),
    percent(one.openLost),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  return [head, ...rows].map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ").trimEnd()
  );
}

function csvOf(results: readonly Covered[]): string {
  const names = Object.keys(results[0]) as (keyof Covered)[];
  const cell = (value: string | number) => Number.isNaN(value) ? "" : String(value);
  return [names.join(","), ...results.map((one) => names.map((name) => cell(one[name])).join(","))].join(
    "\n",
  ) + "\n";
}
