/**
 * `deno task plot`: Fig. 5 of the paper for a run of one's own. Features of faces in two dimensions, coloured by emotion,
 * and those of one emotion, coloured by one action unit; two encoders stand one above the other.
 */
import { ACTION_UNITS, actionUnit, type Emotion, EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { openBackend, tf } from "../train/engine/backend.ts";
import { type Face, ManifestError, manifestPath, readManifest } from "../train/input/data.ts";
import { extractFeatures } from "../train/units/features.ts";
import { quick } from "../train/config.ts";
import { finetuning } from "../train/units/finetune_config.ts";
import { type Source, viewOptions } from "../train/units/finetune_run.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  runProgram,
  SHARED_FLAGS,
  UsageError,
  wholeNumber,
} from "../train/runs/flags.ts";
import { unitRows } from "../train/scores/metrics.ts";
import { loadSource } from "../train/units/model_store.ts";
import { fromHere } from "../train/runs/from_here.ts";
import { Progress } from "../train/runs/progress.ts";
import { permutation, PURPOSE, randomStream } from "../train/runs/random.ts";
import { RUNS } from "../train/runs/run_folder.ts";
import { ViewLoader } from "../train/input/views.ts";
import { writeAtomically } from "../train/runs/whole_file.ts";
import { project } from "./plot/projection.ts";
import { type Panel, scatterFigure } from "./plot/scatter.ts";
import { silhouette } from "./plot/silhouette.ts";

const FLAGS: FlagList = {
  from: { kind: "text", help: "pretraining run (default: the newest)" },
  compare: { kind: "text", help: "another run, or random, to draw above it with the same faces" },
  au: { kind: "text", help: "action unit to colour by (default: 6)" },
  emotion: { kind: "text", help: "emotion within which it is coloured (default: happy)" },
  data: { kind: "text", help: "folder with a manifest.jsonl (default: that of the run)" },
  faces: { kind: "text", help: "how many faces at most (default: 2000)" },
  seed: { kind: "text", help: "start of the projection's random numbers (default: 0)" },
  help: SHARED_FLAGS.help,
};

/** Pictures of an encoder, and mean silhouettes of its features, by cosine distance. */
interface Drawn {
  panels: Panel[];
  silhouettes: { encoder: string; byEmotion: number; byUnit: number };
}

/** What is drawn. */
interface Choice {
  au: number;
  emotion: Emotion;
  faces: number;
  seed: number;
}

async function main({ text }: Flags): Promise<void> {
  const choice = readChoice(text);
  console.log(describeEngine(openBackend({ device: "auto" })));
  const source = loadSource(text.from, choice.seed);
  const sources = text.compare === undefined ? [source] : [loadSource(text.compare, choice.seed), source];
  const data = (text.data && fromHere(text.data)) ?? source.pretrainingData;
  if (data === undefined) throw new UsageError("--from=random knows no faces: name them by --data.");
  const faces = chooseFaces(manifestPath(data), sources, choice);

  const drawn: Drawn[] = [];
  for (const one of sources) drawn.push(await drawEncoder(one, faces, choice));
  for (const one of sources) {
    tf.dispose([one.backbone.weights, one.backbone.statistics, one.emotionHead ?? {}]);
  }
  const folder = join(RUNS, source.name), path = join(folder, "features.svg");
  const encoders = drawn.map(({ silhouettes }) => silhouettes);
  for (const { encoder, byEmotion, byUnit } of encoders) {
    console.log(
      `${encoder}: silhouette ${byEmotion.toFixed(3)} by emotion, ${
        byUnit.toFixed(3)
      } by AU${choice.au} within ` +
        `${choice.emotion}.`,
    );
  }
  const { au, emotion, seed } = choice;
  writeAtomically(
    join(folder, "features.json"),
    JSON.stringify({ faces: faces.length, emotion, au, seed, encoders }, null, 1) + "\n",
  );
  writeAtomically(path, scatterFigure(drawn.map(({ panels }) => panels)));
  console.log(`Drawn: ${path}, its numbers in features.json`);
}

function readChoice(text: Record<string, string>): Choice {
  const au = Number(text.au ?? 6);
  const emotion = (text.emotion ?? "happy") as Emotion;
  if (!ACTION_UNITS.some((unit) => unit.au === au)) {
    throw new UsageError(
      `--au=${text.au}: no such action unit; there are ${ACTION_UNITS.map((unit) => unit.au).join(", ")}.`,
    );
  }
  if (!EMOTIONS.includes(emotion)) {
    throw new UsageError(`--emotion=${emotion}: no such emotion; there are ${EMOTIONS.join(", ")}.`);
  }
  return {
    au,
    emotion,
    faces: wholeNumber("faces", text.faces ?? "2000", 10),
    seed: wholeNumber("seed", text.seed ?? "0", 0),
  };
}

/** Faces with an emotion, of people whom no encoder has learnt from where there are any; drawn by the seed. */
function chooseFaces(
  manifest: string,
  sources: readonly Source[],
  { au, emotion, faces: most, seed }: Choice,
): Face[] {
  const known = new Set(sources.flatMap((source) => source.pretrainingSubjects));
  const all = readManifest(manifest).filter((face) => face.emotion);
  const strangers = all.filter((face) => !known.has(face.subject));
  const chosen = strangers.length ? strangers : all;
  const order = permutation(chosen.length, randomStream(seed, PURPOSE.probe)).subarray(0, most).toSorted();
  const faces = Array.from(order, (i) => chosen[i]);
  const within = faces.filter((face) => face.emotion === emotion);
  const labelled = within.filter((face) => face.present.has(au));
  if (labelled.length < 5) {
    throw new ManifestError(
      `${manifest}: of ${faces.length} faces that would be drawn, ${within.length} are ${emotion}, and ${labelled.length} ` +
        `of these are labelled with AU${au}; a picture of them needs 5 or more.`,
    );
  }
  console.log(
    `${faces.length} faces of ${
      new Set(faces.map((face) => face.subject)).size
    } people whom the encoder has ` +
      `${
        strangers.length ? "never seen" : "learnt from"
      }; ${labelled.length} are ${emotion} and labelled with AU${au}.`,
  );
  return faces;
}

/** The two pictures of one encoder, and the number that belongs to each. */
async function drawEncoder(
  source: Source,
  faces: readonly Face[],
  { au, emotion, seed }: Choice,
): Promise<Drawn> {
  const options = {
    ...viewOptions({ ...finetuning, skipBroken: false }, source.imageSize),
    batchSize: quick.batchSize,
  };
  using loader = new ViewLoader(faces, options);
  const progress = new Progress(faces.length);
  const everyone = Int32Array.from(faces, (_, i) => i);
  const features = await extractFeatures(
    source.backbone,
    loader,
    everyone,
    (done) => progress.show(done, `${source.name}  features  ${done}/${faces.length} faces`),
  );
  progress.end();
  const units = unitRows(features, features.length / faces.length);
  const within = faces.flatMap((face, i) => face.emotion === emotion && face.present.has(au) ? [i] : []);
  const { name } = actionUnit(au);
  const draw = (chosen: readonly Float32Array[], what: string) => {
    let steps: Progress | undefined;
    const points = project(chosen, seed, (done, total) => {
      steps ??= new Progress(total);
      steps.show(done, `${source.name}  ${what}  projection ${done}/${total}`);
    });
    steps?.end();
    return points;
  };
  const emotions = faces.map((face) => EMOTIONS.indexOf(face.emotion!));
  const unitsWithin = within.map((i) => units[i]);
  const present = within.map((i) => Number(faces[i].present.get(au)));
  // What a projection shows is partly its own: the numbers are those of the features.
  const byEmotion = silhouette(units, emotions), byUnit = silhouette(unitsWithin, present);
  const panels = [
    {
      title: `${source.name}: features by emotion`,
      points: draw(units, "by emotion"),
      classes: emotions,
      names: EMOTIONS,
    },
    {
      title: `${source.name}: ${emotion}, by AU${au} (${name.toLowerCase()})`,
      points: draw(unitsWithin, `by AU${au}`),
      classes: present,
      names: [`without AU${au}`, `with AU${au}`],
    },
  ];
  const notes = [byEmotion, byUnit].map((value) => `silhouette ${value.toFixed(3)}`);
  return {
    panels: panels.map((panel, i) => ({ ...panel, note: notes[i] })),
    silhouettes: { encoder: source.name, byEmotion, byUnit },
  };
}

if (import.meta.main) {
  await runProgram({
    summary: "deno task plot: draw the features of an encoder, as Fig. 5 of the paper.",
    flags: FLAGS,
  }, main);
}
