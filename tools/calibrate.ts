/**
 * `deno task calibrate`: fits the probabilities and thresholds of an exported model to labelled photographs of people it
 * has not learnt from, and leaves them beside it for `deno task export`.
 * @module
 */
import { fromHere } from "../train/runs/from_here.ts";
import { basename, dirname, join } from "node:path";
import { type FlagList, type Flags, runProgram, UsageError, wholeNumber } from "../train/runs/flags.ts";
import { sha256, writeAtomically } from "../train/runs/whole_file.ts";
import { CALIBRATION_FILE, type CalibrationFile } from "../train/units/calibration_file.ts";
import { calibrateUnits, type Fitted, RULE } from "./photos/calibration.ts";
import { PHOTO_FLAGS } from "./photos/evaluate_photos.ts";
import { halfOf, readPhotos } from "./photos/manifest.ts";
import { findModel, refuseKnown } from "./photos/models.ts";
import { readWith } from "./photos/read_photos.ts";

const FLAGS: FlagList = {
  model: { kind: "text", help: "run of an exported model, by its name or folder" },
  photos: { kind: "text", help: "folder of labelled photographs with a manifest.jsonl" },
  split: {
    kind: "text",
    help: "split to calibrate on (default: test; without splits in the manifest: all lines)",
  },
  half: PHOTO_FLAGS.half,
  workers: PHOTO_FLAGS.workers,
  help: PHOTO_FLAGS.help,
};

/** Runs the calibration and writes `calibration.json`; errors are sentences. */
export async function calibrate({ text }: Flags): Promise<Fitted> {
  for (const name of ["model", "photos"]) {
    if (!text[name]) {
      throw new UsageError(`--${name}=... is missing: deno task calibrate --model=RUN --photos=DIR.`);
    }
  }
  const half = halfOf(text.half);
  const workers = wholeNumber("workers", text.workers ?? String(navigator.hardwareConcurrency), 1, 256);
  const model = findModel(text.model);
  const folder = fromHere(text.photos);
  const { split, photos: all } = readPhotos(folder, { split: text.split, half });
  const photos = all.filter(({ present }) => present.size > 0);
  if (photos.length === 0) {
    throw new UsageError(`No line of split "${split}" in ${folder} has a label ("present").`);
  }
  refuseKnown(model, photos);
  console.log(`${model.name} on ${photos.length} labelled photographs of ${folder}`);

  const readings = await readWith([model], photos, workers, true);
  const fitted = calibrateUnits(model.content.aus.map(({ au }) => au), photos, readings);
  for (const line of linesOf(fitted)) console.log(line);
  const content: CalibrationFile = {
    format: 1,
    model: { file: basename(model.file), sha256: sha256(Deno.readFileSync(model.file)) },
    data: basename(folder),
    split,
    half: half ?? null,
    faces: photos.length,
    people: new Set(photos.map(({ subject }) => subject)).size,
    notFound: readings.filter((reading) => "reason" in reading).length,
    rule: RULE,
    units: fitted.units,
  };
  const path = join(dirname(model.card), CALIBRATION_FILE);
  writeAtomically(path, JSON.stringify(content, null, 1) + "\n");
  console.log(`Written: ${path}. Next: deno task export once more, so that the model card holds it`);
  return fitted;
}

function linesOf({ units, before, after }: Fitted): string[] {
  return [
    "unit  positives  slope  offset  threshold",
    ...units.map(({ au, positives, faces, from, calibration: [slope, offset], threshold }) =>
      [
        `AU${au}`.padEnd(6),
        `${positives} of ${faces}`.padStart(9),
        slope.toFixed(2).padStart(7),
        offset.toFixed(2).padStart(8),
        threshold.toFixed(3).padStart(11),
        from === "its own faces" ? "" : `  by ${from}`,
      ].join("")
    ),
    `Calibration error ${before.error.toFixed(3)} before, ${after.error.toFixed(3)} now; Brier score ${
      before.brier.toFixed(3)
    } and ${
      after.brier.toFixed(3)
    }; on the faces it was fitted to. deno task evaluate --photos tells of others.`,
  ];
}

if (import.meta.main) {
  await runProgram({
    summary:
      "deno task calibrate: fit a model's probabilities and thresholds to photographs of people it has not seen.",
    flags: FLAGS,
  }, async (flags) => void await calibrate(flags));
}
