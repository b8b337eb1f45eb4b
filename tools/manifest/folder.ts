/**
 * Pictures of one's own, in one folder an emotion.
 * @module
 */
import { type Emotion, EMOTIONS } from "@emoco/web/facs";
import { type DataSet, LayoutError } from "./data_set.ts";
import { inside, isPicture, PICTURES, walkFiles } from "./layout.ts";

/** What the folder must look like, for `--help`. */
export const FOLDER_LAYOUT =
  `happy/anna/1.jpg or anna/happy/1.jpg: one folder an emotion; the other folder names the person, and without one
every picture is a person of its own; train/, val/ and test/ above them make the splits`;

/** How people write the emotions. */
const SPELLINGS: Record<Emotion, readonly string[]> = {
  neutral: ["neutrality"],
  happy: ["happiness", "joy"],
  sad: ["sadness"],
  surprise: ["surprised"],
  fear: ["fearful", "afraid", "scared"],
  disgust: ["disgusted"],
  anger: ["angry"],
};

/** The emotion that a word means, without regard to case. */
export function readEmotion(word: string): Emotion | undefined {
  const name = word.trim().toLowerCase();
  return EMOTIONS.find((emotion) => emotion === name || SPELLINGS[emotion].includes(name));
}

/** The split that a folder or cell means. */
export function readSplit(word: string): "pretrain" | "au" | "test" | undefined {
  const name = word.trim().toLowerCase();
  if (name === "au") return "au";
  if (/^(pretrain|train(ing)?)(_?set)?$/.test(name)) return "pretrain";
  return /^(test(ing)?|val(id(ation)?)?)(_?set)?$/.test(name) ? "test" : undefined;
}

/** Finds the pictures below `root`. @throws {LayoutError} */
export function openFolder(root: string): DataSet {
  const prefers = (path: string) => foldersOf(inside(root, path)).some(readEmotion);
  const pictures = walkFiles(root, isPicture, { prefers }).map((path) => inside(root, path));
  if (pictures.length === 0) {
    throw new LayoutError(`${root} holds no pictures (${PICTURES.join(", ")}), neither in folders.`);
  }
  if (!pictures.some((source) => foldersOf(source).some(readEmotion))) {
    throw new LayoutError(
      `No folder in ${root} is named after an emotion; they are ${
        EMOTIONS.join(", ")
      }, each holding its pictures.`,
    );
  }
  return {
    name: "",
    hasPoints: false,
    async *samples(notes) {
      for (const source of pictures) {
        const folders = foldersOf(source);
        const at = folders.findLastIndex((name) => readEmotion(name));
        if (at < 0) {
          notes.add("other classes", source);
          continue;
        }
        const others = folders.filter((name, i) => i !== at && !readSplit(name));
        const split = folders.map(readSplit).find((split) => split);
        const subject = others.length > 0 ? others.join("/") : source.replace(/\.[^.]*$/, "");
        yield { source, labels: { subject, emotion: readEmotion(folders[at]), ...(split && { split }) } };
      }
    },
  };
}

function foldersOf(source: string): string[] {
  return source.split("/").slice(0, -1);
}
