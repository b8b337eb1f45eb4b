/**
 * DISFA (Mavadati et al. 2013): one video a subject from each of two cameras, 12 action units with intensities 0-5,
 * one file a subject and unit with "frame,intensity" lines; the first frame of a video is number 1.
 * @module
 */
import { basename } from "node:path";
import { type DataSet, LayoutError, type Sample } from "./data_set.ts";
import { findFolders, inside, isVideo, list } from "./layout.ts";
import type { Notes } from "./notes.ts";
import { readRows } from "./rows.ts";
import { isKnownUnit, occurrenceOf, readIntensity } from "./unit_labels.ts";
import { noteUnknownUnit } from "./unit_table.ts";

/** What the folder must look like, for `--help`. */
export const DISFA_LAYOUT =
  `Videos_LeftCamera/LeftVideoSN001_comp.avi (or Video_..., or RightCamera with --camera=right)
ActionUnit_Labels/SN001/SN001_au1.txt with lines "frame,intensity"`;

/** Finds DISFA in `root`. @throws {LayoutError} */
export function openDisfa(root: string, { camera, first }: { camera: string; first: number }): DataSet {
  if (camera !== "left" && camera !== "right") throw new LayoutError(`--camera=${camera} is left or right.`);
  const [labels] = findFolders(root, /^action_?units?_?labels?$/i);
  if (!labels) {
    throw new LayoutError(`${root} holds no folder ActionUnit_Labels, where DISFA has its labels.`);
  }
  const [videos] = findFolders(root, new RegExp(`^videos?_?${camera}_?camera$`, "i"));
  if (!videos) {
    const name = camera === "left" ? "Videos_LeftCamera" : "Videos_RightCamera";
    throw new LayoutError(`${root} holds no folder ${name}, where DISFA has the videos.`);
  }
  const subjects = list(labels).filter(({ name, isFolder }) => isFolder && subjectOf(name));
  if (subjects.length === 0) throw new LayoutError(`${labels} holds no folders named like SN001.`);
  const videoOf = new Map(
    list(videos).flatMap(({ name, path }) => {
      const subject = subjectOf(name);
      return subject && isVideo(name) ? [[subject, path] as const] : [];
    }),
  );
  if (videoOf.size === 0) {
    throw new LayoutError(`${videos} holds no videos named like LeftVideoSN001_comp.avi.`);
  }

  return {
    name: "disfa",
    hasPoints: false,
    async *samples(notes: Notes) {
      for (const { name, path } of subjects) {
        const subject = subjectOf(name)!, video = videoOf.get(subject);
        const units = await readUnits(root, path, notes);
        const frames = [...new Set([...units.values()].flatMap((unit) => [...unit.keys()]))];
        frames.sort((one, other) => one - other);
        if (frames.length === 0) continue;
        if (!video) {
          notes.add(
            "labels without a picture",
            `${inside(root, path)}: no video of SN${subject}`,
            frames.length,
          );
          continue;
        }
        for (const frame of frames) {
          yield sampleOf(inside(root, video), subject, frame, first, units);
        }
      }
      const labelled = new Set(subjects.map(({ name }) => subjectOf(name)));
      for (const [subject, path] of videoOf) {
        if (!labelled.has(subject)) {
          notes.add("pictures without labels", `${inside(root, path)}: a whole video`);
        }
      }
    },
  };
}

function subjectOf(name: string): string | undefined {
  return /SN(\d{3})/i.exec(name)?.[1];
}

/** Intensity of every unit in every frame that has a line. */
async function readUnits(
  root: string,
  folder: string,
  notes: Notes,
): Promise<Map<number, Map<number, number | null>>> {
  const units = new Map<number, Map<number, number | null>>();
  const files = list(folder).flatMap(({ name, path }) => {
    const au = /_au0*(\d+)\.(txt|csv)$/i.exec(name)?.[1];
    return au ? [{ au: Number(au), path }] : [];
  });
  if (files.length === 0) {
    notes.add(
      "labels without a picture",
      `${inside(root, folder)}: no files like ${basename(folder)}_au1.txt`,
    );
  }
  for (const { au, path } of files.sort((one, other) => one.au - other.au)) {
    if (!isKnownUnit(au)) {
      noteUnknownUnit(au, notes);
      continue;
    }
    const unit = new Map<number, number | null>();
    for await (const [frame, text] of readRows(path)) {
      if (!/^\d+$/.test(frame)) {
        if (unit.size > 0) notes.add("labels without meaning", `${inside(root, path)}: frame "${frame}"`);
        continue; // before the first frame: a header row
      }
      const label = readIntensity(text);
      if (label === undefined) {
        notes.add("labels without meaning", `${inside(root, path)}: frame ${frame}, intensity "${text}"`);
      }
      unit.set(Number(frame), label ?? null);
    }
    units.set(au, unit);
  }
  return units;
}

function sampleOf(
  source: string,
  subject: string,
  frame: number,
  first: number,
  units: ReadonlyMap<number, ReadonlyMap<number, number | null>>,
): Sample {
  const intensity: Record<string, number | null> = {}, present: Record<string, number | null> = {};
  for (const [au, unit] of units) {
    intensity[au] = unit.get(frame) ?? null;
    present[au] = occurrenceOf(intensity[au]);
  }
  const labels = { subject, split: "au", present, intensity, video: source, frame } as const;
  return { source, position: frame - first, frame, labels };
}
