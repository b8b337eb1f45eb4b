/** `report.html` of action-unit training: scores, curves, and the worst mistakes as pictures. Opens offline. */
import type { SavedFinetuneConfig } from "./saved_config.ts";
import { detectorOf } from "../detectors/index.ts";
import { actionUnit } from "@emoco/web/facs";
import { join } from "node:path";
import type { Face } from "../input/data.ts";
import { faceFigure } from "./face_figure.ts";
import { FoldBook, type FoldPrediction } from "./fold_book.ts";
import { confusion, f1Score, type Label, mean, positiveRate, precisionRecall } from "../scores/metrics.ts";
import { htmlPage, htmlTable } from "../runs/report_page.ts";
import { type Metric, readMetrics } from "../runs/run_folder.ts";
import { averageFolds, meanUnits } from "../scores/score_table.ts";
import { FULL_INTENSITY, presence, type Target, targetRows, THRESHOLDS } from "../scores/target.ts";
import { barChart, escapeHtml, lineChart } from "../runs/svg_chart.ts";
import { writeAtomically } from "../runs/whole_file.ts";

/** What a report is made of, beside what the run's folder holds. */
export interface FinetuneReport {
  name: string;
  engine: string;
  config: SavedFinetuneConfig;
  faces: readonly Face[];
}

/** Writes `report.html` into the run's folder. */
export async function writeFinetuneReport(
  folder: string,
  { name, engine, config, faces }: FinetuneReport,
): Promise<void> {
  const { aus } = config;
  const book = new FoldBook(folder, aus, true);
  const results = book.results.map(({ units }) => units);
  const losses = lossCurves(readMetrics(folder));
  if (results.length === 0) {
    const text = `${engine}. ${learner(config)}From ${config.from}, fitted on ${faces.length} faces of ` +
      `${new Set(faces.map((face) => face.subject)).size} people without folds: test it on others ` +
      "(deno task evaluate).";
    const body = `<p>${escapeHtml(text)}</p><div class="charts">${losses}</div>`;
    return writeAtomically(join(folder, "report.html"), htmlPage(`EmoCo action units: ${name}`, body));
  }
  const units = meanUnits(results);
  const averages = averageFolds(results);
  const spread = results.map((fold) => averageFolds([fold]).f1);
  const faceAt = new Map(faces.map((face) => [face.line, face]));
  const percent = (value: number) => Number.isNaN(value) ? "-" : (100 * value).toFixed(1);
  const { target } = config, isIntensity = target === "intensity";
  const plain = (value: number | undefined) =>
    value === undefined || Number.isNaN(value) ? "-" : value.toFixed(2);

  const figures = [
    ...(isIntensity
      ? [
        [plain(averages.icc), `mean ICC(3,1) of intensity over ${aus.length} action units`],
        [plain(averages.mae), "mean absolute error, in grades of 0 to 5"],
      ]
      : []),
    [
      percent(averages.f1),
      `mean F1 over ${aus.length} action units and ${results.length} folds, in per cent`,
    ],
    [percent(averages.auc), "mean AUC, in per cent (chance 50.0)"],
    [
      `${percent(Math.min(...spread))} to ${percent(Math.max(...spread))}`,
      "F1 of the worst and the best fold",
    ],
    [String(faces.length), `faces of ${new Set(faces.map((face) => face.subject)).size} people`],
  ];
  const rows = units.map((unit) => [
    `AU${unit.au} ${actionUnit(unit.au).name}`,
    percent(unit.f1),
    percent(unit.auc),
    percent(unit.positiveRate),
    ...(isIntensity ? [unit.icc, unit.pcc, unit.mae].map(plain) : []),
    ...[unit.truePositives, unit.falsePositives, unit.falseNegatives, unit.count].map(String),
  ]);
  rows.push([
    "mean",
    percent(averages.f1),
    percent(averages.auc),
    percent(averages.positiveRate),
    ...(isIntensity ? [averages.icc, averages.pcc, averages.mae].map(plain) : []),
    "",
    "",
    "",
    "",
  ]);
  const intensityHead = isIntensity ? ["ICC(3,1)", "PCC", "MAE"] : [];
  const head = [
    "action unit",
    "F1",
    "AUC",
    "positive",
    ...intensityHead,
    "hits",
    "false alarms",
    "misses",
    "labelled",
  ];
  const bars = barChart("By action unit", units.map(({ au }) => `AU${au} ${actionUnit(au).name}`), [
    { name: "F1", values: units.map((unit) => unit.f1) },
    { name: "AUC", values: units.map((unit) => unit.auc) },
    ...(isIntensity ? [{ name: "ICC(3,1)", values: units.map((unit) => unit.icc!) }] : []),
  ]);
  const tested = book.predictions.map(({ line }) => faceAt.get(line)!);
  const present = presence(targetRows(tested, aus, target), target);
  const curves = aus.map((au, a) => {
    const scores = book.predictions.map(({ probabilities }) => probabilities[a]);
    const labels = present.map((row) => row[a]);
    const { points, averagePrecision } = precisionRecall(scores, labels);
    const title = `AU${au}  AP ${Number.isNaN(averagePrecision) ? "-" : averagePrecision.toFixed(2)}`;
    return lineChart(title, [{ name: title, points }], {
      xLabel: "recall",
      yRange: [0, 1],
      level: { y: positiveRate(labels), name: "" },
      width: 230,
      height: 170,
    });
  });
  const body = [
    `<p>${
      escapeHtml(`${engine}. ${learner(config)}From ${config.from}`)
    }, protocol ${config.protocol}; every score is on people who were in ` +
    `no training part of their fold, at ${
      isIntensity ? "intensity 1.5, which rounds to 2" : "probability 0.5"
    }.</p>`,
    `<div class="figures">${
      figures.map(([value, text]) => `<div><b>${value}</b>${escapeHtml(text)}</div>`).join("")
    }</div>`,
    `<div class="charts">${bars}${epochCurve(readMetrics(folder))}${
      thresholdCurve(aus, book.predictions, present, THRESHOLDS[target])
    }${losses}</div>`,
    htmlTable(head, rows, true),
    "<h2>Precision over recall</h2>",
    "<p>All folds together; AP is the area under each curve. Guessing gives the dashed line, the unit's positive rate.</p>",
    `<div class="small-charts">${curves.join("")}</div>`,
    "<h2>The worst mistakes</h2>",
    "<p>For each action unit, the faces on which the model was surest of the wrong answer.</p>",
    await mistakes(aus, book.predictions, faceAt, target),
  ];
  writeAtomically(join(folder, "report.html"), htmlPage(`EmoCo action units: ${name}`, body.join("\n")));
}

/** Losses over steps, of the whole and of every head (finetuning only). */
function lossCurves(metrics: readonly Metric[]): string {
  const steps = metrics.filter((metric) => metric.type === "step");
  const names = Object.keys(steps[0] ?? {}).filter((key) => key === "loss" || key.endsWith("Loss"));
  return names.map((name) => {
    const points = steps.map((metric) => [metric.step, metric[name] as number] as const);
    return lineChart(name.replace(/Loss$/, " loss"), [{ name, points }], { xLabel: "step" });
  }).join("");
}

/** Mean F1 over epochs, one line a fold (finetuning only). */
function epochCurve(metrics: readonly Metric[]): string {
  const evaluations = metrics.filter((metric) => metric.type === "evaluation");
  if (evaluations.length === 0) return "";
  const byFit = Map.groupBy(evaluations, (metric) => metric.fit as number);
  const series = [...byFit].map(([fit, list]) => ({
    name: `fold ${fit + 1}`,
    points: list.map((metric) => [metric.epoch as number, metric.f1 as number] as const),
  }));
  return lineChart("Mean F1 over epochs", series, { xLabel: "epoch", yRange: [0, 1] });
}

/** Mean F1 against the threshold, all folds together: what another one than the model's would have given. */
function thresholdCurve(
  aus: readonly number[],
  predictions: readonly FoldPrediction[],
  labels: readonly (readonly Label[])[],
  used: number,
): string {
  const outputs = Float32Array.from(predictions.flatMap(({ probabilities }) => probabilities));
  const points = Array.from({ length: 19 }, (_, i) => (i + 1) / 20).map((threshold) => {
    const f1 = aus.map((_, a) => {
      const scores = labels.map((_, n) => outputs[n * aus.length + a]);
      return f1Score(confusion(scores, labels.map((row) => row[a]), threshold));
    });
    return [threshold, mean(f1)] as const;
  });
  return lineChart(`Mean F1 over the threshold (used: ${used})`, [{ name: "all folds together", points }], {
    xLabel: "threshold",
    yRange: [0, 1],
  });
}

async function mistakes(
  aus: readonly number[],
  predictions: readonly FoldPrediction[],
  faceAt: ReadonlyMap<number, Face>,
  target: Target,
): Promise<string> {
  if (target === "intensity") return await gravestGrades(aus, predictions, faceAt);
  const rows = await Promise.all(aus.map(async (au, a) => {
    const wrong = predictions
      .map(({ line, probabilities }) => ({ face: faceAt.get(line)!, probability: probabilities[a] }))
      .filter(({ face, probability }) => face.present.has(au) && face.present.get(au) !== probability >= 0.5)
      .sort((one, other) => Math.abs(other.probability - 0.5) - Math.abs(one.probability - 0.5))
      .slice(0, 8);
    const pictures = await Promise.all(
      wrong.map(({ face, probability }) =>
        faceFigure(face, [face.present.get(au) ? "missed" : "false alarm", `p = ${probability.toFixed(2)}`])
      ),
    );
    if (pictures.length === 0) return "";
    return `<h3>AU${au} ${escapeHtml(actionUnit(au).name)}</h3><div class="faces">${pictures.join("")}</div>`;
  }));
  const share = mean(predictions.flatMap(({ line, probabilities }) =>
    aus.flatMap((au, a) => {
      const present = faceAt.get(line)!.present.get(au);
      return present === undefined ? [] : [Number(present !== probabilities[a] >= 0.5)];
    })
  ));
  return `<p>${(100 * share).toFixed(1)} % of all answers were wrong.</p>${rows.join("\n")}`;
}

/** Of every unit the faces whose intensity the model got furthest from the grade. */
async function gravestGrades(
  aus: readonly number[],
  predictions: readonly FoldPrediction[],
  faceAt: ReadonlyMap<number, Face>,
): Promise<string> {
  const rows = await Promise.all(aus.map(async (au, a) => {
    const furthest = predictions
      .map(({ line, probabilities }) => ({
        face: faceAt.get(line)!,
        answer: FULL_INTENSITY * probabilities[a],
      }))
      .flatMap(({ face, answer }) => {
        const grade = face.intensity.get(au);
        return grade === undefined ? [] : [{ face, answer, grade }];
      })
      .sort((one, other) => Math.abs(other.answer - other.grade) - Math.abs(one.answer - one.grade))
      .slice(0, 8);
    const pictures = await Promise.all(
      furthest.map(({ face, answer, grade }) =>
        faceFigure(face, [`graded ${grade}`, `answer ${answer.toFixed(1)}`])
      ),
    );
    return `<h3>AU${au} ${escapeHtml(actionUnit(au).name)}</h3><div class="faces">${pictures.join("")}</div>`;
  }));
  return rows.join("\n");
}

/** The supervised detector of a run, and what is not as in its paper; nothing of one layer on the encoder. */
function learner({ detector, preset }: SavedFinetuneConfig): string {
  if (!detector || detector === "linear") return "";
  const { title, departures } = detectorOf(detector);
  return `${title}, ${preset}; not as there: ${departures}. `;
}
