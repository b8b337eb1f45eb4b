/** `deno task evaluate` on aligned faces: by the training code, without a finder. Trains nothing. */
import { EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import { predict } from "../../train/units/au_model.ts";
import { openBackend } from "../../train/engine/backend.ts";
import { writeAtomically } from "../../train/runs/checkpoint.ts";
import {
  COMMITTED_FACES,
  type Face,
  ManifestError,
  manifestPath,
  type Split,
  SPLITS,
} from "../../train/input/data.ts";
import { fromHere } from "../../train/runs/from_here.ts";
import {
  describeEngine,
  type FlagList,
  type Flags,
  readDevice,
  SHARED_FLAGS,
  UsageError,
} from "../../train/runs/flags.ts";
import { type PointsError, pointsErrorOf } from "../../train/units/detector_points.ts";
import { readAllFaces } from "../../train/units/finetune_inputs.ts";
import { readableRows, viewOptions } from "../../train/units/finetune_run.ts";
import { refuseKnownSubjects } from "../../train/scores/folds.ts";
import { evaluateFaces } from "../../train/scores/evaluation.ts";
import { disposeStored, loadModel } from "../../train/units/model_store.ts";
import { Progress } from "../../train/runs/progress.ts";
import { scoresCsv, tableLines } from "../../train/scores/score_table.ts";
import type { Target } from "../../train/scores/target.ts";
import { ViewLoader } from "../../train/input/views.ts";
import { exists } from "../../train/runs/whole_file.ts";

/** What it can be told. */
export const FACE_FLAGS: FlagList = {
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

/** Tests a model on aligned faces, and writes the scores into its run's folder. */
export async function evaluateOnFaces({ text, switches }: Flags): Promise<void> {
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
  const pointsError = await pointsErrorOf(model, loader);
  if (pointsError) console.log(describePoints(pointsError));
  const stem = join(stored.folder, `evaluation-${split}`);
  writeAtomically(
    `${stem}.json`,
    JSON.stringify({ model: stored.name, manifest, split, ...evaluation, pointsError }, null, 1) + "\n",
  );
  writeAtomically(`${stem}.csv`, scoresCsv([{ fold: split, units: evaluation.units }]));
  console.log(`Written: ${stem}.json and .csv`);
  if (split === "test" && exists(join(stored.folder, "emoco.json"))) {
    console.log("Next: deno task export once more, so that the model card holds these scores");
  }
  disposeStored(stored);
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

function describePoints({ mean, median, points, faces }: PointsError): string {
  const percent = (share: number) => (100 * share).toFixed(1);
  return `its ${points} points are off by ${
    percent(mean)
  } % of the eyes' distance in the mean of ${faces} faces, ` +
    `half of them by less than ${percent(median)} %`;
}
