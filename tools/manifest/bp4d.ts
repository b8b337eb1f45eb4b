/**
 * BP4D-Spontaneous (Zhang et al. 2014): 41 people, 8 tasks each; a table of occurrences a sequence, 9 where a unit could
 * not be seen; intensities of five units in a second folder. Frames come as numbered pictures, or as videos.
 * @module
 */
import { basename, dirname } from "node:path";
import { type DataSet, LayoutError, type Sample } from "./data_set.ts";
import { findFolders, inside, isPicture, isVideo, list, stem } from "./layout.ts";
import type { Notes } from "./notes.ts";
import { readRows } from "./rows.ts";
import { readIntensity } from "./unit_labels.ts";
import { readUnitTable } from "./unit_table.ts";

/** What the folder must look like, for `--help`. */
export const BP4D_LAYOUT =
  `AUCoding/AU_OCC/F001_T1.csv: first row the numbers of the units, first column the frame, then 0, 1 or 9;
AUCoding/AU_INT/AU06/F001_T1_AU06.csv, if there, with rows "frame,intensity";
Sequences/F001/T1/0001.jpg (any folder that holds F001/T1; the picture's number is the frame), or a video F001_T1.avi or
F001/T1.avi, whose first frame is number 1`;

interface Sequence {
  readonly subject: string;
  /** "F001_T1" */
  readonly name: string;
  readonly path: string;
}

/** Finds BP4D in `root`. @throws {LayoutError} */
export function openBp4d(root: string, { first }: { first: number }): DataSet {
  const [occurrences] = findFolders(root, /^AU_?OCC$/i);
  if (!occurrences) throw new LayoutError(`${root} holds no folder AU_OCC, where BP4D has its labels.`);
  const sequences = list(occurrences).flatMap(({ name, path }): Sequence[] => {
    const [, subject, task] = /^([FM]\d{3})_?(T\d+)\.csv$/i.exec(name) ?? [];
    return subject
      ? [{ subject: subject.toUpperCase(), name: `${subject}_${task}`.toUpperCase(), path }]
      : [];
  });
  if (sequences.length === 0) throw new LayoutError(`${occurrences} holds no tables named like F001_T1.csv.`);
  const intensities = findFolders(root, /^AU_?INT$/i).slice(0, 1).flatMap((folder) => list(folder)).filter((
    { isFolder },
  ) => isFolder);
  const frameFolders = findFrameFolders(root), videos = findVideos(root);
  if (frameFolders.size + videos.size === 0) {
    throw new LayoutError(
      `${root} holds neither folders with pictures like F001/T1/0001.jpg nor videos named like F001_T1.avi.`,
    );
  }

  return {
    name: "bp4d",
    hasPoints: false,
    async *samples(notes) {
      for (const sequence of sequences) {
        const folder = frameFolders.get(sequence.name), video = videos.get(sequence.name);
        const intensity = await readIntensities(root, intensities, sequence.name, notes);
        const pictures = folder ? picturesOf(folder) : undefined;
        const rows: Sample[] = [], missing: number[] = [], labelled = new Set<number>();
        for await (const { frame, labels: present } of readUnitTable(root, sequence.path, notes)) {
          const grades = intensity.get(frame);
          const labels = {
            subject: sequence.subject,
            split: "au",
            present,
            ...(grades && { intensity: grades }),
            video: sequence.name,
            frame,
          } as const;
          const picture = pictures?.get(frame);
          if (picture) rows.push({ source: inside(root, picture), frame, labels });
          else if (video && !folder) {
            rows.push({ source: inside(root, video), position: frame - first, frame, labels });
          } else missing.push(frame);
          labelled.add(frame);
        }
        yield* rows.sort((one, other) => one.frame! - other.frame!);
        if (missing.length > 0) {
          const what = rows.length > 0
            ? `frame ${missing[0]}${missing.length > 1 ? " and others" : ""}`
            : "no pictures and no video of it";
          notes.add("labels without a picture", `${inside(root, sequence.path)}: ${what}`, missing.length);
        }
        const others = [...pictures?.keys() ?? []].filter((frame) => !labelled.has(frame)).length;
        if (others > 0) notes.add("pictures without labels", inside(root, folder!), others);
      }
      const known = new Set(sequences.map(({ name }) => name));
      for (const [name, path] of [...frameFolders, ...videos]) {
        if (!known.has(name)) {
          notes.add("pictures without labels", `${inside(root, path)}: a whole sequence`);
        }
      }
    },
  };
}

/** Folders like F001/T1 that hold pictures, by the name of their sequence. */
function findFrameFolders(root: string): Map<string, string> {
  const subjects = findFolders(root, /^[FM]\d{3}$/i, 4);
  return new Map(
    subjects.flatMap((subject) =>
      list(subject).filter(({ name, path, isFolder }) =>
        isFolder && /^T\d+$/i.test(name) && list(path).some((entry) => isPicture(entry.name))
      ).map(({ name, path }) => [`${basename(subject)}_${name}`.toUpperCase(), path] as const)
    ),
  );
}

/** Videos named like F001_T1.avi, or F001/T1.avi. */
function findVideos(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const folder of [root, ...findFolders(root, /^(?!T\d+$)/i)]) {
    for (const { name, path } of list(folder)) {
      if (!isVideo(name)) continue;
      const [, subject, task] = /([FM]\d{3})[_/]?(T\d+)$/i.exec(stem(name)) ??
        /([FM]\d{3})\/(T\d+)$/i.exec(`${basename(dirname(path))}/${stem(name)}`) ?? [];
      if (subject) found.set(`${subject}_${task}`.toUpperCase(), path);
    }
  }
  return found;
}

/** Pictures of a sequence by their number, however many zeros stand before it. */
function picturesOf(folder: string): Map<number, string> {
  return new Map(
    list(folder).flatMap(({ name, path }) => {
      const number = /(\d+)\.[^.]*$/.exec(name)?.[1];
      return isPicture(name) && number ? [[Number(number), path] as const] : [];
    }),
  );
}

/** Intensities of a sequence by frame and unit. */
async function readIntensities(
  root: string,
  folders: readonly { name: string; path: string }[],
  name: string,
  notes: Notes,
): Promise<Map<number, Record<string, number | null>>> {
  const frames = new Map<number, Record<string, number | null>>();
  for (const { name: unit, path: folder } of folders) {
    const au = /^AU0*(\d+)$/i.exec(unit)?.[1];
    const table = au && list(folder).find((file) => file.name.toUpperCase().startsWith(`${name}_AU`));
    if (!table) continue;
    for await (const [frame, text] of readRows(table.path)) {
      if (!/^\d+$/.test(frame)) continue; // a header row
      const label = readIntensity(text);
      if (label === undefined) {
        notes.add(
          "labels without meaning",
          `${inside(root, table.path)}: frame ${frame}, intensity "${text}"`,
        );
      }
      const grades = frames.get(Number(frame)) ?? {};
      frames.set(Number(frame), grades);
      grades[au] = label ?? null;
    }
  }
  return frames;
}
