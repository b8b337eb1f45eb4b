/**
 * What was measured on photographs, as lines for a terminal and as CSV.
 * @module
 */
import type { Photo } from "./manifest.ts";
import type { TestedModel } from "./models.ts";
import type { PhotoEvaluation } from "./evaluation.ts";
import type { Estimate } from "./ranking.ts";
import { LEAST_POSITIVES, type Scores } from "./scores.ts";
import type { Reading } from "./worker.ts";

/** "80.6", in per cent; "-" where there is nothing. */
export function percent(value: number): string {
  return Number.isNaN(value) ? "-" : (100 * value).toFixed(1);
}

/** "80.6 (78.1 to 83.0)", in per cent. */
export function withInterval({ value, low, high }: Estimate): string {
  return Number.isNaN(low) ? percent(value) : `${percent(value)} (${percent(low)} to ${percent(high)})`;
}

/** The units of the mean as columns, the mean last, in per cent; below it means with intervals, parts and emotions. */
export function linesOf({ scores, parts, emotions, reliability, rivalMissing }: PhotoEvaluation): string[] {
  const lines = [...unitTable(scores), ...meanLines(scores)];
  if (rivalMissing > 0 && rivalMissing < scores.faces) {
    lines.push(`${rivalMissing} lines carry no reading of the rival, so it is left out.`);
  }
  if (reliability) {
    const { error, brier } = reliability.all;
    lines.push(`calibration error ${error.toFixed(3)}, Brier score ${brier.toFixed(3)}`);
  }
  if (emotions) {
    const each = emotions.emotions.map(({ emotion, recall, faces }) =>
      `${emotion} ${percent(recall)} of ${faces}`
    );
    lines.push(
      `emotion: mean recall ${
        withInterval(emotions.meanRecall)
      } over those of ${LEAST_POSITIVES} pictures or more, ` +
        `${percent(emotions.meanRecallOfAll.value)} over all: ${each.join(", ")}`,
    );
  }
  for (const { field, part, scores: inside } of parts) {
    const each = inside.readers.map(({ reader, means }) => `${reader} ${withInterval(means.auc)}`);
    const what = inside.meanUnits.length
      ? `AUC over AU ${inside.meanUnits.join(" ")}: ${each.join(", ")}`
      : `no unit has ${LEAST_POSITIVES} positives`;
    lines.push(`${field} ${part}, ${inside.faces} faces: ${what}`);
  }
  return lines;
}

function unitTable({ readers, meanUnits }: Scores): string[] {
  const width = Math.max(...readers.map(({ reader }) => reader.length)) + 22;
  const line = (name: string, cells: readonly string[], last: string) =>
    name.padEnd(width) + cells.map((cell) => cell.padStart(6)).join("") + last.padStart(8);
  const ours = readers[0].units.filter(({ au }) => meanUnits.includes(au));
  return [
    line("AU", ours.map(({ au }) => String(au)), "mean"),
    line("positives", ours.map(({ positives }) => String(positives)), ""),
    ...readers.flatMap(({ reader, units, means }) => {
      const row = (name: string, key: "auc" | "f1" | "bestF1") => {
        const values = ours.map(({ au }) => units.find((unit) => unit.au === au)?.[key]?.value ?? NaN);
        return means[key] ? [line(`${reader}, ${name}`, values.map(percent), percent(means[key].value))] : [];
      };
      return [...row("AUC", "auc"), ...row("F1", "f1"), ...row("best F1", "bestF1")];
    }),
  ];
}

function meanLines({ readers, leads, meanUnits }: Scores): string[] {
  return [
    ...readers.map(({ reader, means: { auc, f1, bestF1 } }) =>
      `${reader}: mean AUC ${withInterval(auc)}, ${f1 ? `F1 ${withInterval(f1)}, ` : ""}best F1 ${
        withInterval(bestF1)
      }, 95 % by people`
    ),
    ...leads.map(({ over, meanAuc, units, ahead }) => {
      const compared = meanUnits.filter((au) => units.some((unit) => unit.au === au)).length;
      return `AUC less ${over}'s ${withInterval(meanAuc)}; ahead on ${ahead.length} of ${compared} units` +
        (ahead.length ? `: ${ahead.join(", ")}` : "");
    }),
  ];
}

/** The measures as CSV: one line a part, reader and unit, and one for the means; shares between 0 and 1. */
export function scoresCsv({ scores, parts }: PhotoEvaluation): string {
  const cell = (value: number | undefined) => value === undefined || Number.isNaN(value) ? "" : String(value);
  const three = (one: Estimate | undefined) => [cell(one?.value), cell(one?.low), cell(one?.high)];
  const head =
    "part,reader,au,positives,negatives,auc,auc_low,auc_high,threshold,f1,f1_low,f1_high,best_f1,best_f1_low," +
    "best_f1_high,best_threshold";
  const rows = [
    { name: "all", scores },
    ...parts.map((one) => ({ name: `${one.field}=${one.part}`, ...one })),
  ]
    .flatMap(({ name, scores: { readers } }) =>
      readers.flatMap(({ reader, units, means }) => [
        ...units.map((unit) => [
          ...[name, reader].map(quote),
          ...[unit.au, unit.positives, unit.negatives].map(String),
          ...three(unit.auc),
          cell(unit.threshold),
          ...three(unit.f1),
          ...three(unit.bestF1),
          cell(unit.bestThreshold),
        ]),
        [
          ...[name, reader].map(quote),
          ...["mean", "", ""],
          ...three(means.auc),
          "",
          ...three(means.f1),
          ...three(means.bestF1),
          "",
        ],
      ])
    );
  return [head, ...rows.map((row) => row.join(","))].join("\n") + "\n";
}

/** What the model said of each photograph as CSV, a line a photograph; empty where no face was found. */
export function readingsCsv(
  { content: card }: TestedModel,
  m: number,
  photos: readonly Photo[],
  readings: readonly Reading[],
): string {
  const emotions = card.emotions ?? [];
  const units = card.aus.map(({ au }) => `AU${String(au).padStart(2, "0")}`);
  const rows = photos.map(({ image, subject }, i) => {
    const reading = readings[i];
    if ("reason" in reading) {
      return [quote(image), quote(subject), "0", ...Array(1 + units.length + emotions.length).fill("")];
    }
    const face = reading.models[m];
    return [
      quote(image),
      quote(subject),
      reading.faces,
      face.score,
      ...face.aus.map(({ probability }) => probability),
      ...emotions.map((emotion) => face.emotions![emotion]),
    ];
  });
  return [["image", "subject", "faces", "score", ...units, ...emotions], ...rows].map((row) =>
    row.join(",") + "\n"
  )
    .join("");
}

/** A cell as RFC 4180 wants it. */
function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
