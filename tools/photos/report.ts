/**
 * `report.html` of a model on photographs: scores beside the rival's, curves, parts, and the worst mistakes as pictures.
 * One file, which opens offline. The same readings give the same bytes.
 * @module
 */
import { actionUnit } from "@emoco/web/facs";
import { htmlPage, htmlTable } from "../../train/runs/report_page.ts";
import { barChart, escapeHtml, lineChart } from "../../train/runs/svg_chart.ts";
import { NO_FACE } from "./emotions.ts";
import type { PhotoEvaluation } from "./evaluation.ts";
import type { Photo } from "./manifest.ts";
import { mistakesHtml, notFoundHtml } from "./mistakes.ts";
import type { TestedModel } from "./models.ts";
import { type Estimate, Ranking } from "./ranking.ts";
import type { Reliability } from "./reliability.ts";
import { rivalScores } from "./rival.ts";
import { LEAST_POSITIVES } from "./scores.ts";
import { percent, withInterval } from "./tables.ts";
import type { Reading } from "./worker.ts";

/** Keeps an interval on one line. */
const NO_BREAK = "\u00a0";

/** What a report is made of. */
export interface PhotoReport {
  readonly model: TestedModel;
  /** Which of the models in the readings it is. */
  readonly m: number;
  readonly photos: readonly Photo[];
  readonly readings: readonly Reading[];
  readonly evaluation: PhotoEvaluation;
  /** What was tested on, as "the even half of split test". */
  readonly what: string;
}

/** The page. */
export async function reportHtml(report: PhotoReport): Promise<string> {
  const { model, evaluation, photos, readings, m, what } = report;
  const { scores, notFound } = evaluation;
  const parts = [
    `<p>${escapeHtml(model.name)} on ${scores.faces} photographs of ${scores.subjects} people (${
      escapeHtml(what)
    }), through the whole path: find, align, run. A face that was not found counts as the lowest score. Means are over ` +
    `the units with ${LEAST_POSITIVES} positives or more; intervals hold 95 % of draws of people with replacement.</p>`,
    figuresHtml(evaluation),
    bars(evaluation),
    unitTable(evaluation),
    ...rocCurves(report),
    ...reliabilityHtml(evaluation),
    ...partsHtml(evaluation),
    ...emotionsHtml(evaluation),
    "<h2>The worst mistakes</h2>",
    "<p>For each action unit the faces on which the model was surest of the wrong answer, cropped as it saw them.</p>",
    await mistakesHtml(model, m, photos, readings),
    ...(notFound.length > 0 ? ["<h2>Not found</h2>", await notFoundHtml(photos, readings)] : []),
  ];
  return htmlPage(`Photographs: ${model.name}`, parts.join("\n"));
}

function figuresHtml({ scores: { readers, leads, meanUnits }, notFound, several }: PhotoEvaluation): string {
  const [ours, ...rivals] = readers.map(({ reader, means }) => ({ reader, means }));
  const figure = (value: string, text: string) => `<div><b>${value}</b>${escapeHtml(text)}</div>`;
  return `<div class="figures">${
    [
      figure(percent(ours.means.auc.value), `mean AUC in per cent, ${withInterval(ours.means.auc)}`),
      ...rivals.map(({ reader, means }) =>
        figure(percent(means.auc.value), `${reader}'s, ${withInterval(means.auc)}`)
      ),
      ...leads.map(({ ahead, over, units }) =>
        figure(
          `${ahead.length} of ${units.filter(({ au }) => meanUnits.includes(au)).length}`,
          `units of the mean ahead of ${over}`,
        )
      ),
      figure(
        percent(ours.means.f1!.value),
        `mean F1 at the card's thresholds, ${withInterval(ours.means.f1!)}`,
      ),
      figure(percent(ours.means.bestF1.value), "mean F1 at the best threshold of each unit on these faces"),
      figure(String(notFound.length), `faces not found; ${several} pictures show several faces`),
    ].join("")
  }</div>`;
}

function bars({ scores: { readers, meanUnits } }: PhotoEvaluation): string {
  const names = meanUnits.map((au) => `AU${au} ${actionUnit(au).name}`);
  const series = readers.map(({ reader, units }, i) => ({
    name: i === 0 ? "ours" : reader,
    values: meanUnits.map((au) => units.find((unit) => unit.au === au)?.auc.value ?? NaN),
  }));
  return names.length === 0
    ? ""
    : `<div class="charts">${barChart("AUC by action unit", names, series)}</div>`;
}

function unitTable({ scores: { readers: [ours, ...rivals], leads, meanUnits } }: PhotoEvaluation): string {
  const head = [
    "action unit",
    "positives",
    "AUC",
    ...rivals.flatMap(({ reader }) => [`${reader} AUC`, "AUC less its"]),
    "F1",
    "threshold",
    "best F1",
    "at",
    ...rivals.map(({ reader }) => `${reader} best F1`),
  ];
  const rows = ours.units.filter(({ positives }) => positives > 0).map((unit) => {
    const theirs = rivals.map(({ units }, r) => ({
      rival: units.find(({ au }) => au === unit.au),
      lead: leads[r].units.find(({ au }) => au === unit.au),
    }));
    const interval = (one: Estimate | undefined) => one ? withInterval(one).replaceAll(" ", NO_BREAK) : "-";
    return [
      `AU${unit.au}${meanUnits.includes(unit.au) ? "" : `${NO_BREAK}*`}`,
      `${unit.positives} of ${unit.positives + unit.negatives}`,
      interval(unit.auc),
      ...theirs.flatMap(({ rival, lead }) => [interval(rival?.auc), interval(lead?.auc)]),
      interval(unit.f1),
      unit.threshold!.toFixed(2),
      percent(unit.bestF1.value),
      Number.isNaN(unit.bestThreshold) ? "-" : unit.bestThreshold.toFixed(2),
      ...theirs.map(({ rival }) => rival ? percent(rival.bestF1.value) : "-"),
    ];
  });
  return `${htmlTable(head, rows, true)}<p>* shown by too few to be in the mean.</p>`;
}

function rocCurves({ model: { content: card }, m, photos, readings, evaluation }: PhotoReport): string[] {
  const { readers: [ours, ...rivals], meanUnits } = evaluation.scores;
  const subjects = photos.map((_, i) => i);
  const charts = meanUnits.map((au) => {
    const a = card.aus.findIndex((unit) => unit.au === au),
      labels = photos.map(({ present }) => present.get(au));
    const scores = readings.map((one) => "reason" in one ? -Infinity : one.models[m].aus[a].probability);
    const theirs = rivals.length > 0 ? rivalScores(photos, au) : undefined;
    const series = [{ name: "ours", points: new Ranking(scores, labels, subjects).curve() }];
    if (theirs) {
      series.push({ name: rivals[0].reader, points: new Ranking(theirs, labels, subjects).curve() });
    }
    const auc = ours.units.find((unit) => unit.au === au)!.auc.value;
    return lineChart(`AU${au}  AUC ${percent(auc)}`, series, {
      xLabel: "false alarms",
      yRange: [0, 1],
      width: 230,
      height: 190,
    });
  });
  return charts.length === 0 ? [] : [
    "<h2>ROC curves</h2>",
    `<p>Hits over false alarms.</p><div class="small-charts">${charts.join("")}</div>`,
  ];
}

function reliabilityHtml({ reliability }: PhotoEvaluation): string[] {
  if (!reliability) return [];
  const chart = (title: string, { bins }: Reliability, size: { width: number; height: number }) =>
    lineChart(title, [
      { name: "found", points: bins.map(({ probability, share }) => [probability, share] as const) },
      { name: "as it says", points: [[0, 0], [1, 1]] },
    ], { xLabel: "probability", yRange: [0, 1], ...size });
  const { all, units } = reliability;
  return [
    "<h2>Are the probabilities what they say?</h2>",
    `<p>Share of faces that show a unit over the probability that the model gave, in tenths; ${all.count} labelled ` +
    `answers. Expected calibration error ${all.error.toFixed(3)}, Brier score ${
      all.brier.toFixed(3)
    }. Cells that the ` +
    "readers could not decide are left out.</p>",
    `<div class="charts">${chart("All units of the mean", all, { width: 460, height: 300 })}</div>`,
    `<div class="small-charts">${
      Object.entries(units).map(([au, one]) =>
        chart(`AU${au}  error ${one.error.toFixed(2)}`, one, { width: 230, height: 190 })
      ).join("")
    }</div>`,
  ];
}

function partsHtml({ parts }: PhotoEvaluation): string[] {
  if (parts.length === 0) return [];
  const readers = parts[0].scores.readers.map(({ reader }) => reader);
  const rows = parts.map(({ field, part, scores }) => [
    `${field} ${part}`,
    String(scores.faces),
    String(scores.subjects),
    scores.meanUnits.join(" ") || "none",
    ...scores.readers.map(({ means }) => withInterval(means.auc)),
    percent(scores.readers[0].means.f1!.value),
  ]);
  return [
    "<h2>Parts</h2>",
    `<p>Means are over the units with ${LEAST_POSITIVES} positives or more in the part, so they compare readers within a ` +
    "part, not parts with each other.</p>",
    htmlTable(["part", "faces", "people", "AU", ...readers.map((name) => `${name} AUC`), "F1"], rows, true),
  ];
}

function emotionsHtml({ emotions }: PhotoEvaluation): string[] {
  if (!emotions) return [];
  const answers = [...new Set(emotions.emotions.flatMap((one) => Object.keys(one.answers)))]
    .sort((one, other) => Number(one === NO_FACE) - Number(other === NO_FACE) || (one < other ? -1 : 1));
  const rows = emotions.emotions.map(({ emotion, faces, recall, answers: counts }) => [
    emotion,
    String(faces),
    percent(recall),
    ...answers.map((answer) => String(counts[answer] ?? 0)),
  ]);
  return [
    "<h2>Emotion</h2>",
    `<p>What pictures were asked for, a loose label, and the model's likeliest answer. Mean recall ${
      withInterval(emotions.meanRecall)
    } over the emotions of ${LEAST_POSITIVES} pictures or more, ${
      percent(emotions.meanRecallOfAll.value)
    } over all.</p>`,
    htmlTable(["asked for", "pictures", "recall", ...answers], rows, true),
  ];
}
