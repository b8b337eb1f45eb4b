/**
 * AffectNet (Mollahosseini et al. 2017) in both releases: lists with face boxes and landmarks beside the pictures, or
 * a folder of pictures with one NumPy file a label. Nobody is named in it, so every picture is a subject of its own.
 * @module
 */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import { basename, join } from "node:path";
import { parseNpy } from "../faces/npz.ts";
import { type DataSet, type Labels, LayoutError, type Sample } from "./data_set.ts";
import { findFolders, inside, isFile, isPicture, list, stem } from "./layout.ts";
import { pointsOf68 } from "./landmarks.ts";
import type { Notes } from "./notes.ts";
import { readRows } from "./rows.ts";

/** What the folder must look like, for `--help`. */
export const AFFECTNET_LAYOUT =
  `older release: training.csv and validation.csv (with or without a header row) with columns
    subDirectory_filePath, face_x, face_y, face_width, face_height, facial_landmarks, expression, valence, arousal,
    beside the pictures, Manually_Annotated_Images/689/....jpg; automatically annotated pictures are left alone
newer release: train_set/images/0.jpg with train_set/annotations/0_exp.npy (and _aro, _val, _lnd), val_set likewise`;

/** Classes 7-10, which the method leaves out. */
const OTHERS: Readonly<Record<string, string>> = { 7: "contempt", 8: "none", 9: "uncertain", 10: "no face" };

const COLUMNS = [
  "subdirectory_filepath",
  ...["face_x", "face_y", "face_width", "face_height"],
  ...["facial_landmarks", "expression", "valence", "arousal"],
];

/** Finds AffectNet in `root`. @throws {LayoutError} */
export async function openAffectNet(root: string): Promise<DataSet> {
  const folders = [root, ...findFolders(root, /^(train|training|val|validation)(_set)?$/i)]
    .filter((folder) => part(folder, "annotations") && part(folder, "images"));
  if (folders.length > 0) {
    return { name: "affectnet", hasPoints: true, samples: (notes) => readFolders(root, folders, notes) };
  }
  const lists = [root, ...findFolders(root, /./)].flatMap((folder) => list(folder))
    .filter(({ name }) => /^(training|validation)\.csv$/i.test(name)).map(({ path }) => path);
  if (lists.length === 0) {
    throw new LayoutError(
      `${root} holds neither training.csv and validation.csv (AffectNet's older release) nor train_set/ with images/ ` +
        "and annotations/ (the newer one).",
    );
  }
  const pictures = await findPictures(root, lists[0]);
  return { name: "affectnet", hasPoints: true, samples: (notes) => readLists(root, lists, pictures, notes) };
}

/** A folder's part, whatever the case of its name. */
function part(folder: string, name: string): string | undefined {
  return list(folder).find((entry) => entry.isFolder && entry.name.toLowerCase() === name)?.path;
}

/** The folder to which the paths of a list are relative. */
async function findPictures(root: string, listPath: string): Promise<string> {
  const paths: string[] = [];
  for await (const [path] of readRows(listPath)) {
    if (path && path.toLowerCase() !== COLUMNS[0] && paths.push(path) >= 50) break;
  }
  const found = (folder: string) => paths.filter((path) => isFile(join(folder, path))).length;
  const candidates = [root, ...findFolders(root, /annotated|images|pictures/i)];
  const best = candidates.reduce((best, folder) => found(folder) > found(best) ? folder : best);
  if (found(best) > 0) return best;
  throw new LayoutError(
    `The pictures that ${listPath} names, such as ${
      paths[0] ?? "none at all"
    }, are neither in ${root} nor in a folder ` +
      "in it like Manually_Annotated_Images.",
  );
}

async function* readLists(
  root: string,
  lists: string[],
  pictures: string,
  notes: Notes,
): AsyncGenerator<Sample> {
  for (const path of lists) {
    const split = /^train/i.test(basename(path)) ? "pretrain" : "test";
    let columns = COLUMNS;
    for await (const row of readRows(path)) {
      if (row[0].toLowerCase() === COLUMNS[0]) {
        columns = row.map((name) => name.toLowerCase());
        continue;
      }
      const cell = (name: string) => row[columns.indexOf(name)] ?? "";
      const source = inside(root, join(pictures, row[0]));
      const emotion = readEmotion(cell("expression"), source, notes);
      if (!emotion) continue;
      const [x, y, width, height] = COLUMNS.slice(1, 5).map((name) => Number(cell(name) || NaN));
      yield {
        source,
        labels: labelsOf(
          source,
          emotion,
          split,
          Number(cell("valence") || NaN),
          Number(cell("arousal") || NaN),
        ),
        ...(width > 0 && height > 0 && x + y < Infinity && { box: { x, y, width, height } }),
        points: pointsOf68(cell("facial_landmarks").split(";").map(Number)),
      };
    }
  }
}

async function* readFolders(root: string, folders: string[], notes: Notes): AsyncGenerator<Sample> {
  for (const folder of folders) {
    const split = /^train/i.test(basename(folder)) ? "pretrain" : "test";
    const images = part(folder, "images")!, annotations = part(folder, "annotations")!;
    const names = list(images).map(({ name }) => name).filter(isPicture);
    const known = new Set(names.map(stem));
    for await (const { name } of Deno.readDir(annotations)) {
      const id = /^(.*)_exp\.npy$/i.exec(name)?.[1];
      if (id !== undefined && !known.has(id)) {
        notes.add("labels without a picture", inside(root, join(annotations, name)));
      }
    }
    for (const name of names) {
      const source = inside(root, join(images, name)), id = stem(name);
      const read = (what: string) => readAnnotation(root, join(annotations, `${id}_${what}.npy`), notes);
      const expression = read("exp");
      if (!expression) {
        notes.add("pictures without labels", source);
        continue;
      }
      const emotion = readEmotion(expression[0], source, notes);
      if (!emotion) continue;
      const [valence, arousal] = ["val", "aro"].map((what) => Number(read(what)?.[0] ?? NaN));
      yield {
        source,
        labels: labelsOf(source, emotion, split, valence, arousal),
        points: pointsOf68((read("lnd") ?? []).map(Number)),
      };
    }
  }
}

/** The values of a NumPy file as text; nothing where there is none, or where it cannot be read. */
function readAnnotation(root: string, path: string, notes: Notes): string[] | undefined {
  if (!isFile(path)) return undefined;
  try {
    return Array.from(parseNpy(basename(path), Deno.readFileSync(path)).data, String);
  } catch {
    notes.add("unreadable files", `${inside(root, path)}: not a NumPy file`);
    return undefined;
  }
}

function readEmotion(text: string, source: string, notes: Notes): Emotion | undefined {
  const emotion = /^\s*$/.test(text) ? undefined : EMOTIONS[Number(text)];
  if (emotion) return emotion;
  const other = OTHERS[String(Number(text))];
  if (other) notes.add("other classes", `${source}: ${other}`);
  else notes.add("labels without meaning", `${source}: expression "${text}"`);
  return undefined;
}

/** Valence and arousal are -2 where nobody could say. */
function labelsOf(
  source: string,
  emotion: Emotion,
  split: "pretrain" | "test",
  valence: number,
  arousal: number,
): Labels {
  const subject = source.replace(/\.[^./]*$/, "");
  return {
    subject,
    emotion,
    split,
    ...(Math.abs(valence) <= 1 && { valence }),
    ...(Math.abs(arousal) <= 1 && { arousal }),
  };
}
