/** `deno task evaluate`: tests a finished action-unit model on people it has never seen. Trains nothing. */
import { EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { predict } from "./units/au_model.ts";
import { openBackend } from "./engine/backend.ts";
import { writeAtomically } from "./runs/checkpoint.ts";
import { COMMITTED_FACES, type Face, ManifestError, manifestPath, type Split, SPLITS } from "./input/data.ts";
import { fromHere } from "./runs/from_here.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  readDevice,
  runProgram,
  SHARED_FLAGS,
  UsageError,
} from "./runs/flags.ts";
import { readAllFaces } from "./units/finetune_inputs.ts";
import { readableRows, viewOptions } from "./units/finetune_run.ts";
import { refuseKnownSubjects } from "./scores/folds.ts";
import { accuracy, type UnitScores } from "./scores/metrics.ts";
import { disposeStored, loadModel } from "./units/model_store.ts";
import { Progress } from "./runs/progress.ts";
import { averageFolds, type Averages, scoresCsv, tableLines } from "./scores/score_table.ts";
import { scoreTarget, type Target, targetRows } from "./scores/target.ts";
import { ViewLoader } from "./input/views.ts";
import { exists } from "./runs/whole_file.ts";

const FLAGS: FlagList = {
  model: { kind: "text", help: "run of a finished action-unit model (default: the newest)" },
  data: SHARED_FLAGS.data,
  split: {
    kind: "text",
    help: "split to test on (default: test; without splits in the manifest: everything)",
  },
  device: SHARED_FLAGS.device,
  skipBroken: SHARED_FLAGS.skipBroken,
  help: SHARED_FLAGS.help,
};

/** Scores of one test: over all faces, and over groups of them. */
export interface Evaluation {
  faces: number;
  subjects: number;
  averages: Averages;
  units: UnitScores[];
  emotionAccuracy: number | null;
  /** By skin group, head pose and other recorded properties: name, faces, means. */
  groups: { group: string; faces: number; averages: Averages }[];
}

async function main({ text, switches }: Flags): Promise<void> {
  console.log(describeEngine(openBackend({ device: readDevice(text.device) })));
  const stored = loadModel(text.model);
  const manifest = manifestPath(text.data ? fromHere(text.data) : COMMITTED_FACES);
  const { target } = stored.config;
  const { faces, split } = testFaces(manifest, text.split, target, switches.has("skipBroken"));
  refuseKnownSubjects(faces, stored.subjects);
  console.log(
    `Model ${stored.name} on ${faces.length} faces of ${
      split === "all" ? "" : `split ${split} in `
    }${manifest}.`,
  );

  const { model, config } = stored;
  const skipBroken = switches.has("skipBroken");
  using loader = new ViewLoader(faces, { ...viewOptions(config, config.imageSize), skipBroken });
  const progress = new Progress(faces.length);
  const show = (done: number) => progress.show(done, `faces  ${done}/${faces.length}`);
  const everyone = Int32Array.from(faces, (_, i) => i);
  const { probabilities, emotions } = await predict(model, loader, everyone, show);
  progress.end();
  if (loader.skipped.size) {
    console.log(`${loader.skipped.size} pictures could not be decoded and are left out.`);
  }
  const { rows, kept } = readableRows(everyone, probabilities, loader);
  const evaluation = evaluateFaces(Array.from(kept, (i) => faces[i]), model.aus, {
    probabilities: rows,
    emotions: emotions && readableRows(everyone, emotions, loader).rows,
  }, target);
  for (const line of tableLines(evaluation.units, evaluation.averages)) console.log(line);
  if (evaluation.emotionAccuracy !== null) {
    console.log(
      `emotion accuracy ${(100 * evaluation.emotionAccuracy).toFixed(1)} % (chance ${
        (100 / EMOTIONS.length).toFixed(1)
      } %)`,
    );
  }
  for (const { group, faces: count, averages } of evaluation.groups) {
    const share = (value: number) => (100 * value).toFixed(1).padStart(5);
    const icc = averages.icc === undefined ? "" : `   ICC(3,1) ${averages.icc.toFixed(2).padStart(5)}`;
    console.log(
      `${group.padEnd(24)}${String(count).padStart(6)} faces${icc}   F1 ${share(averages.f1)}   AUC ${
        share(averages.auc)
      }`,
    );
  }
  const stem = join(stored.folder, `evaluation-${split}`);
  writeAtomically(
    `${stem}.json`,
    JSON.stringify({ model: stored.name, manifest, split, ...evaluation }, null, 1) + "\n",
  );
  writeAtomically(`${stem}.csv`, scoresCsv([{ fold: split, units: evaluation.units }]));
  console.log(`Written: ${stem}.json and .csv`);
  if (split === "test" && exists(join(stored.folder, "emoco.json"))) {
    console.log("Next: deno task export once more, so that the model card holds these scores");
  }
  disposeStored(stored);
}

/** All measures of the given predictions, row by row in the order of the faces. */
export function evaluateFaces(
  faces: readonly Face[],
  aus: readonly number[],
  { probabilities, emotions }: { probabilities: Float32Array; emotions?: Float32Array },
  target: Target = "occurrence",
): Evaluation {
  const labels = targetRows(faces, aus, target);
  const units = scoreTarget(target, aus, probabilities, labels);
  const score = (chosen: number[]) => {
    const rows = Float32Array.from(
      chosen.flatMap((n) => [...probabilities.subarray(n * aus.length, (n + 1) * aus.length)]),
    );
    return averageFolds([scoreTarget(target, aus, rows, chosen.map((n) => labels[n]))]);
  };
  const groups = Map.groupBy(
    faces.flatMap((face, n) => groupsOf(face).map((group) => ({ group, n }))),
    ({ group }) => group,
  );
  const named = faces.flatMap((face, n) => face.emotion ? [n] : []);
  return {
    faces: faces.length,
    subjects: new Set(faces.map((face) => face.subject)).size,
    averages: averageFolds([units]),
    units,
    emotionAccuracy: emotions && named.length
      ? accuracy(
        named.map((n) => mostLikely(emotions.subarray(n * EMOTIONS.length, (n + 1) * EMOTIONS.length))),
        named.map((n) => EMOTIONS.indexOf(faces[n].emotion!)),
      )
      : null,
    groups: [...groups].sort(([one], [other]) => one < other ? -1 : 1).map(([group, members]) => ({
      group,
      faces: members.length,
      averages: score(members.map(({ n }) => n)),
    })),
  };
}

/** Groups that a face belongs to, by what its manifest line records: skin group and how far the head is turned. */
function groupsOf({ other }: Face): string[] {
  const groups: string[] = [];
  if (typeof other.skin === "number" || typeof other.skin === "string") {
    groups.push(`skin group ${other.skin}`);
  }
  const yaw = (other.pose as { yaw?: unknown } | undefined)?.yaw;
  if (typeof yaw === "number") {
    const turn = Math.abs(yaw);
    groups.push(`head turned ${turn < 10 ? "under 10" : turn < 20 ? "10 to 20" : "over 20"} deg`);
  }
  return groups;
}

/** The labelled faces of a split, `test` by default; of everybody (`all`) where the manifest knows no splits. */
function testFaces(
  manifest: string,
  wanted: string | undefined,
  target: Target,
  skipBroken: boolean,
): { faces: Face[]; split: Split | "all" } {
  if (wanted !== undefined && !SPLITS.includes(wanted as Split)) {
    throw new UsageError(`--split=${wanted} is no split; splits are ${SPLITS.join(", ")}.`);
  }
  const all = readAllFaces(manifest, skipBroken);
  const hasSplits = all.some((face) => face.split);
  if (wanted && !hasSplits) {
    throw new UsageError(
      `--split=${wanted}: no line of ${manifest} names a split; leave --split out to test on all.`,
    );
  }
  const split = hasSplits ? (wanted ?? "test") as Split : "all";
  const field = target === "intensity" ? "intensity" : "present";
  const faces = all.filter((face) => face[field].size > 0 && (split === "all" || face.split === split));
  if (faces.length === 0) {
    throw new ManifestError(
      `${manifest}: no face${
        split === "all" ? "" : ` of split ${split}`
      } carries action-unit labels ("${field}").`,
    );
  }
  return { faces, split };
}

function mostLikely(row: Float32Array): number {
  return row.indexOf(Math.max(...row));
}

/** Runs the program with its command line. */
export async function evaluate(): Promise<void> {
  await runProgram({
    summary: "deno task evaluate: test an action-unit model on people it has never seen.\n" +
      "With --photos=DIR: on photographs, through find, align and run; its options: --photos=DIR --help.",
    flags: FLAGS,
  }, main);
}

if (import.meta.main) await evaluate();
