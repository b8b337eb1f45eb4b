/**
 * `deno task evaluate --photos=DIR`: models on photographs, through the whole path.
 * @module
 */
import { join, resolve } from "node:path";
import { claimNames } from "../files/claim.ts";
import { fromHere } from "../../train/runs/from_here.ts";
import { type FlagList, type Flags, wholeNumber } from "../../train/runs/flags.ts";
import { writeWhole } from "../faces/write_whole.ts";
import { evaluateCovered } from "./covered.ts";
import { evaluatePhotos, type PhotoEvaluation } from "./evaluation.ts";
import { type Choice, halfOf, ManifestError, readPhotos } from "./manifest.ts";
import { findModel, refuseKnown } from "./models.ts";
import { readWith } from "./read_photos.ts";
import { type PhotoReport, reportHtml } from "./report.ts";
import { linesOf, readingsCsv, scoresCsv } from "./tables.ts";

/** Flags of an evaluation on photographs. */
export const PHOTO_FLAGS: FlagList = {
  photos: {
    kind: "text",
    help: "folder of photographs with a manifest.jsonl: the whole path is tested on them",
  },
  model: {
    kind: "text",
    help:
      "card, ONNX file, folder or run of an exported model, several with commas (default: web/model/emoco.json)",
  },
  split: {
    kind: "text",
    help: "split to test on (default: test; without splits in the manifest: everything)",
  },
  half: {
    kind: "text",
    help: "even or odd: every second line of the split; choices are made on the even ones",
  },
  by: { kind: "text", help: "fields of the manifest that part the photographs, with commas, as from.set" },
  covered: {
    kind: "switch",
    help:
      "cover and turn the faces instead: are they read as they stand, does the model know what it cannot see",
  },
  samples: { kind: "text", help: "draws of people for the intervals (default: 1000)" },
  seed: { kind: "text", help: "of these draws (default: 1)" },
  workers: { kind: "text", help: "pictures read at once (default: as many as there are cores)" },
  out: { kind: "text", help: "folder of the results (default: runs/photographs/<model>)" },
  help: { kind: "switch", help: "this text" },
};

/** What an evaluation leaves. */
const WRITTEN = ["photographs.json", "scores.csv", "readings.csv", "report.html"];

/** Runs the evaluation; errors are sentences. */
export async function evaluateOnPhotos(flags: Flags): Promise<PhotoEvaluation[]> {
  const { text, switches } = flags;
  if (switches.has("covered")) {
    await evaluateCovered(flags);
    return [];
  }
  const choice: Choice = { split: text.split, half: halfOf(text.half) };
  const bootstrap = {
    samples: wholeNumber("samples", text.samples ?? "1000", 10, 100_000),
    seed: wholeNumber("seed", text.seed ?? "1", 0, 2 ** 31 - 1),
  };
  const workers = wholeNumber("workers", text.workers ?? String(navigator.hardwareConcurrency), 1, 256);
  const models = (text.model?.split(",") ?? [undefined]).map(findModel);
  const folder = fromHere(text.photos);
  const { split, every, photos } = readPhotos(folder, choice);
  if (!photos.some(({ present, emotion }) => present.size > 0 || emotion)) {
    throw new ManifestError(
      `No line of split "${split}" in ${folder} has a label ("present") or names an emotion.`,
    );
  }
  for (const model of models) refuseKnown(model, photos);
  const what = `${choice.half ? `the ${choice.half} half of ` : ""}${
    split === "all" ? "all lines" : `split ${split}`
  }`;
  console.log(
    `${models.map(({ name }) => name).join(", ")} on ${photos.length} photographs, ${what} of ${folder}`,
  );

  const out = text.out === undefined ? resolve("runs", "photographs") : fromHere(text.out);
  const places = models.map(({ name }) =>
    text.out !== undefined && models.length === 1
      ? out
      : join(out, `${name}${choice.half ? `-${choice.half}` : ""}`)
  );
  if (text.out !== undefined) { for (const place of places) claimNames("--out", place, WRITTEN); }
  const readings = await readWith(models, photos, workers);
  const evaluations: PhotoEvaluation[] = [];
  for (const [m, model] of models.entries()) {
    const by = text.by?.split(",") ?? [];
    const evaluation = evaluatePhotos(model, m, readings, { every, photos, by, bootstrap });
    if (models.length > 1) console.log(`\n${model.name}`);
    for (const line of linesOf(evaluation)) console.log(line);
    for (const { image, reason } of evaluation.notFound) console.log(`not found: ${image}: ${reason}`);
    const to = places[m];
    await write(to, { model, m, photos, readings, evaluation, what }, {
      photos: folder,
      ...choice,
      split,
      bootstrap,
    });
    console.log(`Written: ${join(to, "photographs.json")}, scores.csv, readings.csv and report.html`);
    evaluations.push(evaluation);
  }
  return evaluations;
}

async function write(to: string, report: PhotoReport, asked: object): Promise<void> {
  const { model, m, photos, readings, evaluation } = report;
  await Deno.mkdir(to, { recursive: true });
  const { name, version, target } = model.content;
  const json = {
    model: { name, version, target, card: model.card, file: model.file },
    ...asked,
    ...evaluation,
  };
  await writeWhole(join(to, "photographs.json"), JSON.stringify(json, null, 1) + "\n");
  await writeWhole(join(to, "scores.csv"), scoresCsv(evaluation));
  await writeWhole(join(to, "readings.csv"), readingsCsv(model, m, photos, readings));
  await writeWhole(join(to, "report.html"), await reportHtml(report));
}
