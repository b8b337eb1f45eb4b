/** A folder of aligned faces with its manifest. */
import { drawFace, type FaceDraw, label, splitSubjects } from "./draw.ts";
import { encodeJpeg } from "./encode.ts";
import type { Group, RenderPool } from "./pool.ts";
import { Progress } from "./progress.ts";
import { writeWhole } from "./write_whole.ts";

export interface FaceSetOptions {
  /** Faces in all, spread evenly over `subjects`. */
  readonly count: number;
  readonly subjects: number;
  /** Pixels a side. */
  readonly size: number;
  readonly seed: number;
  /** Go on with a folder that an interrupted run left. */
  readonly resume: boolean;
}

/** What an unfinished folder holds: the options it was begun with, then the line of each finished face. */
const JOURNAL = "manifest.part.jsonl";

/** The finished lines of an interrupted run, by image; throws when the folder is not one that can go on. */
function openFolder(folder: string, options: FaceSetOptions): Map<string, string> {
  const { resume, ...rest } = options;
  const head = JSON.stringify(rest);
  const journal = `${folder}/${JOURNAL}`;
  Deno.mkdirSync(folder, { recursive: true });
  const entries = [...Deno.readDirSync(folder)].filter((entry) => !entry.name.endsWith(".part"));
  const begun = entries.some((entry) => entry.name === JOURNAL);
  if (entries.length > 0 && !(resume && begun)) {
    const why = resume
      ? "holds no interrupted run"
      : "is not empty; --resume goes on with an interrupted run";
    throw new Error(`The folder ${folder} ${why}. Choose another one or empty it.`);
  }
  const done = new Map<string, string>();
  if (!begun) {
    Deno.writeTextFileSync(journal, head + "\n");
    return done;
  }
  const text = Deno.readTextFileSync(journal);
  // A line without its end was being written when the run was cut.
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => line);
  if (lines[0] !== head) {
    throw new Error(`The run in ${folder} was begun with ${lines[0]}, not ${head}; give the same options.`);
  }
  for (const line of lines.slice(1)) done.set((JSON.parse(line) as { image: string }).image, line);
  Deno.writeTextFileSync(journal, lines.join("\n") + "\n");
  return done;
}

/** Renders a set of faces into `folder`: `<subject>_<n>.jpg` and, last, `manifest.jsonl`. */
export async function renderFaceSet(
  pool: RenderPool,
  folder: string,
  options: FaceSetOptions,
): Promise<void> {
  const { count, subjects, size, seed } = options;
  const done = openFolder(folder, options);
  const splits = splitSubjects(seed, subjects);
  const facesOf = (subject: number) =>
    Math.floor((subject + 1) * count / subjects) - Math.floor(subject * count / subjects);
  const order: string[] = [];
  const progress = new Progress(`faces into ${folder}`, count - done.size);

  function* groups(): Generator<Group<{ draw: FaceDraw; image: string }>> {
    for (let subject = 0; subject < subjects; subject++) {
      const group = [];
      for (let face = 0; face < facesOf(subject); face++) {
        const draw = drawFace(seed, subject, face, splits[subject]);
        const image = `${draw.subject.name}_${face}.jpg`;
        order.push(image);
        if (done.has(image)) continue;
        const { weights, scene } = draw;
        const view = { kind: "aligned", size } as const;
        group.push({
          portrait: { subject: draw.subject, weights, scene, view, samples: 2 },
          tag: { draw, image },
        });
      }
      yield group;
    }
  }

  await pool.run(groups(), async (picture, { draw, image }) => {
    await writeWhole(`${folder}/${image}`, await encodeJpeg(picture, draw.scene.quality));
    const line = JSON.stringify(label(draw, picture, image));
    Deno.writeTextFileSync(`${folder}/${JOURNAL}`, line + "\n", { append: true });
    done.set(image, line);
    progress.step();
  });
  progress.end();
  await writeWhole(`${folder}/manifest.jsonl`, order.map((image) => done.get(image) + "\n").join(""));
  Deno.removeSync(`${folder}/${JOURNAL}`);
}
