/**
 * RAF-DB, basic emotions (Li et al. 2017): photographs from the web with a list "name class". Nobody is named in it, so
 * every picture is a subject of its own.
 * @module
 */
import type { Emotion } from "@emoco/web/facs";
import type { Box } from "@emoco/web/face-finder";
import type { FacePoints, Point } from "@emoco/web/image";
import { basename, extname, join } from "node:path";
import { type DataSet, LayoutError } from "./data_set.ts";
import { findFolders, inside, isFile, isPicture, list, stem } from "./layout.ts";
import { pointsOf5 } from "./landmarks.ts";
import { readRows } from "./rows.ts";

/** What the folder must look like, for `--help`. */
export const RAFDB_LAYOUT =
  `EmoLabel/list_patition_label.txt with lines "train_00001.jpg 5" (1 surprise ... 7 neutral), and
Image/original/train_00001.jpg or Image/aligned/train_00001_aligned.jpg (chosen by --pictures, original if it is there);
Annotation/boundingbox and Annotation/manual say which face of an original is meant, and where its eyes are`;

/** Classes by their number in the list. */
const CLASSES: Readonly<Record<string, Emotion>> = {
  1: "surprise",
  2: "fear",
  3: "disgust",
  4: "happy",
  5: "sad",
  6: "anger",
  7: "neutral",
};

/** Finds RAF-DB in `root`. @throws {LayoutError} */
export function openRafdb(root: string, { pictures }: { pictures?: string }): DataSet {
  if (pictures !== undefined && pictures !== "original" && pictures !== "aligned") {
    throw new LayoutError(`--pictures=${pictures} is original or aligned.`);
  }
  const [labels] = [root, ...findFolders(root, /./)].flatMap((folder) => list(folder))
    .filter(({ name }) => /^list_par?tition_label\.txt$/i.test(name)).map(({ path }) => path);
  if (!labels) {
    throw new LayoutError(`${root} holds no EmoLabel/list_patition_label.txt, where RAF-DB has its labels.`);
  }
  const kinds = pictures ? [pictures] : ["original", "aligned"];
  const folder = kinds.flatMap((kind) => findFolders(root, new RegExp(`^${kind}$`, "i")))
    .find((path) => list(path).some((entry) => isPicture(entry.name)));
  if (!folder) {
    throw new LayoutError(
      `${root} holds no pictures in ${kinds.map((kind) => `Image/${kind}`).join(" or ")}.`,
    );
  }
  const isOriginal = basename(folder).toLowerCase() === "original";
  const [boxes] = isOriginal ? findFolders(root, /^bounding_?box$/i) : [];
  const [manual] = isOriginal ? findFolders(root, /^manual$/i) : [];

  return {
    name: "rafdb",
    hasPoints: manual !== undefined,
    async *samples(notes) {
      const unlabelled = new Set(list(folder).map(({ name }) => name).filter(isPicture));
      for await (const [name, number, ...others] of readRows(labels, " ")) {
        const picture = isOriginal ? name : `${stem(name)}_aligned${extname(name)}`;
        unlabelled.delete(picture);
        const source = inside(root, join(folder, picture)), emotion = CLASSES[number];
        if (!emotion || others.some((word) => word !== "")) {
          notes.add(
            "labels without meaning",
            `${basename(labels)}: "${[name, number, ...others].join(" ")}"`,
          );
          continue;
        }
        yield {
          source,
          labels: { subject: stem(name), emotion, split: /^train/i.test(name) ? "pretrain" : "test" },
          box: boxes ? readBox(join(boxes, `${stem(name)}_boundingbox.txt`)) : undefined,
          points: manual ? readPoints(join(manual, `${stem(name)}_manu_attri.txt`)) : undefined,
        };
      }
      for (const name of unlabelled) notes.add("pictures without labels", inside(root, join(folder, name)));
    },
  };
}

/** "left top right bottom". */
function readBox(path: string): Box | undefined {
  const [x, y, right, bottom] = readNumbers(path);
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : undefined;
}

/** Five lines with a landmark each; sex, origin and age follow. */
function readPoints(path: string): FacePoints | undefined {
  const values = readNumbers(path);
  const points = Array.from(
    { length: Math.min(5, values.length >> 1) },
    (_, i): Point => [values[2 * i], values[2 * i + 1]],
  );
  return pointsOf5(points);
}

function readNumbers(path: string): number[] {
  if (!isFile(path)) return [];
  return Deno.readTextFileSync(path).split(/\s+/).filter((word) => word !== "").map(Number);
}
