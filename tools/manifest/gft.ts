/**
 * Sayette Group Formation Task (Girard et al. 2017): 96 people in groups of three, a minute of video of each; a table of
 * occurrences a participant; training and test people are fixed by its authors.
 * @module
 */
import { basename } from "node:path";
import { type DataSet, LayoutError } from "./data_set.ts";
import { inside, isVideo, stem, walkFiles } from "./layout.ts";
import { readRows } from "./rows.ts";
import { readUnitTable } from "./unit_table.ts";

/** What the folder must look like, for `--help`. */
export const GFT_LAYOUT =
  `a table a participant anywhere below, such as labels/001A.csv: first row "frame" and the units (AU1 or 1), then 0, 1,
or 9 or nothing where nobody coded; a video of the same name, such as videos/001A.mp4, whose first frame is number 1;
the official split as folders or lists whose names hold train and test: train.txt with a participant a line`;

type Split = "au" | "test";

interface Participant {
  readonly name: string;
  readonly table: string;
  readonly video?: string;
  readonly split?: Split;
}

/** Finds GFT in `root`. @throws {LayoutError} */
export async function openGft(root: string, { first }: { first: number }): Promise<DataSet> {
  const isList = (name: string) => /\.(txt|csv)$/i.test(name) && splitOf(stem(name)) !== undefined;
  const tables = walkFiles(root, (name) => /\.csv$/i.test(name) && !isList(name));
  if (tables.length === 0) {
    throw new LayoutError(
      `${root} holds no tables of action units, one .csv a participant, such as 001A.csv.`,
    );
  }
  const videos = walkFiles(root, isVideo);
  if (videos.length === 0) {
    throw new LayoutError(`${root} holds no videos, one a participant, such as 001A.mp4.`);
  }
  const listed = await readLists(walkFiles(root, isList));
  const participants = tables.map((table): Participant => {
    const name = participantOf(stem(table));
    const folders = inside(root, table).split("/").slice(0, -1).join("/");
    const split = splitOf(folders) ?? listed.get(name.toLowerCase());
    return { name, table, video: findVideo(name, videos), split };
  });
  if (!participants.some(({ split }) => split)) {
    throw new LayoutError(
      `${root} does not say who is in the training and who in the test set: put the official lists into it as train.txt ` +
        "and test.txt, a participant a line.",
    );
  }

  return {
    name: "gft",
    hasPoints: false,
    async *samples(notes) {
      for (const { name, table, video, split } of participants) {
        const frames = [];
        for await (const row of readUnitTable(root, table, notes)) frames.push(row);
        if (!split) {
          notes.add(
            "labels without meaning",
            `${inside(root, table)}: neither in the training nor in the test set`,
          );
        } else if (!video) {
          notes.add(
            "labels without a picture",
            `${inside(root, table)}: no video of ${name}`,
            frames.length || 1,
          );
        } else {
          const source = inside(root, video);
          frames.sort((one, other) => one.frame - other.frame);
          for (const { frame, labels: present } of frames) {
            const labels = { subject: name, split, present, video: source, frame };
            yield { source, position: frame - first, frame, labels };
          }
        }
      }
      const used = new Set(participants.map(({ video }) => video));
      for (const path of videos) {
        if (!used.has(path)) notes.add("pictures without labels", `${inside(root, path)}: a whole video`);
      }
    },
  };
}

/** The split that a name speaks of. */
function splitOf(name: string): Split | undefined {
  if (/train/i.test(name)) return "au";
  return /test/i.test(name) ? "test" : undefined;
}

/** "001A_labels" belongs to 001A. */
function participantOf(name: string): string {
  return name.replace(/[_-](aus?|labels?|cod(es|ing)|occ(urrences?)?)$/i, "");
}

/** The participants that each list names, one in each first cell. */
async function readLists(paths: readonly string[]): Promise<Map<string, Split>> {
  const listed = new Map<string, Split>();
  for (const path of paths) {
    const split = splitOf(stem(path))!;
    for await (const [cell] of readRows(path)) {
      const name = participantOf(stem(cell)).toLowerCase(), other = listed.get(name);
      if (other && other !== split) {
        throw new LayoutError(
          `Participant ${cell} stands in the list of training people and in that of test people.`,
        );
      }
      listed.set(name, split);
    }
  }
  return listed;
}

/** The video of a participant: of the same name, or one that begins with it. */
function findVideo(name: string, videos: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  const begins = (path: string) => {
    const found = basename(path).toLowerCase();
    return found.startsWith(wanted) && !/[a-z0-9]/.test(found[wanted.length]);
  };
  return videos.find((path) => stem(path).toLowerCase() === wanted) ?? videos.find(begins);
}
