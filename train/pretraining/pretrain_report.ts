/** `report.html` of a pretraining run: what was learnt, how it went, and pictures to judge it by. Opens offline. */
import { ACTION_UNITS, EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import sharp from "sharp";
import { drawView, MEAN, renderView, STD } from "../input/augment.ts";
import { type RunConfig, settingsOf } from "../config.ts";
import { loadMethod, METHODS } from "../methods/index.ts";
import type { Face } from "../input/data.ts";
import { faceFigure, inlineJpeg } from "../units/face_figure.ts";
import type { ProbeResult } from "./online_probe.ts";
import { decodePicture } from "../input/picture.ts";
import { PURPOSE, randomStream } from "../runs/random.ts";
import { htmlPage, htmlTable } from "../runs/report_page.ts";
import type { Metric } from "../runs/run_folder.ts";
import { barChart, escapeHtml, lineChart } from "../runs/svg_chart.ts";
import { writeAtomically } from "../runs/whole_file.ts";

/** What a report is made of. */
export interface PretrainReport {
  name: string;
  engine: string;
  config: RunConfig;
  /** Steps of the whole run. */
  steps: number;
  metrics: readonly Metric[];
  /** Faces that were trained on, for the sample of views. */
  kept: readonly Face[];
  /** The newest probe. */
  probe: ProbeResult;
}

/** Writes `report.html` into the run's folder. */
export async function writePretrainReport(folder: string, report: PretrainReport): Promise<void> {
  const { name, engine, config, metrics, probe } = report;
  const steps = metrics.filter((metric) => metric.type === "step");
  const probes = metrics.filter((metric) => metric.type === "evaluation");
  const series = (list: readonly Metric[], field: string) =>
    list.map((metric) => [metric.step, (metric[field] as number | null) ?? NaN] as const);
  const done = probes.at(-1)?.step ?? 0;
  const chance = 1 / EMOTIONS.length;
  /** What a measure was before the first step: features of random weights are no zero. */
  const before = (field: string, text: (value: number) => string) => {
    const value = probes[0]?.[field];
    return done > 0 && probes[0]?.step === 0 && typeof value === "number" ? `; ${text(value)} untrained` : "";
  };
  const decimals = (value: number) => value.toFixed(3);

  const knowsEmotions = !Number.isNaN(probe.knnEmotionAccuracy);
  const figures: [string, string][] = [
    [
      knowsEmotions ? percent(probe.knnEmotionAccuracy) : "no labels",
      `emotion by nearest neighbours (chance ${percent(chance)}${before("knnEmotionAccuracy", percent)})`,
    ],
    [
      Number.isNaN(probe.probeF1) ? "no labels" : probe.probeF1.toFixed(3),
      `mean F1 of the linear action-unit probe${before("probeF1", decimals)}`,
    ],
    [
      Number.isNaN(probe.probeAuc) ? "no labels" : probe.probeAuc.toFixed(3),
      `mean AUC of the same probe (chance 0.500${before("probeAuc", decimals)})`,
    ],
    [String(done), `of ${report.steps} steps of ${config.batchSize} faces, ${config.epochs} epochs`],
  ];
  const title = METHODS[config.method ?? "emoco"].title;
  const { terms } = await loadMethod(config.method ?? "emoco");
  const parts = terms.filter(({ kind }) => kind === "loss");
  const curves = [
    lineChart(
      "Losses",
      (parts.length ? parts : [{ name: "loss", meaning: "loss" }])
        .map(({ name, meaning }) => ({ name: meaning, points: series(steps, name) })),
      { xLabel: "step" },
    ),
    ...terms.filter(({ kind }) => kind === "measure").map(({ name, meaning }) =>
      lineChart(`${meaning[0].toUpperCase()}${meaning.slice(1)}`, [{
        name: meaning,
        points: series(steps, name),
      }], { xLabel: "step" })
    ),
    lineChart("On subjects held back from training", [
      ...knowsEmotions ? [{ name: "emotion kNN", points: series(probes, "knnEmotionAccuracy") }] : [],
      { name: "probe F1", points: series(probes, "probeF1") },
      { name: "probe AUC", points: series(probes, "probeAuc") },
    ], {
      xLabel: "step",
      yRange: [0, 1],
      ...knowsEmotions && { level: { y: chance, name: "chance of kNN" } },
    }),
  ];
  const bars = probe.units.length === 0 ? "" : barChart(
    "Linear probe by action unit",
    probe.units.map(({ au }) => `AU${au} ${ACTION_UNITS.find((unit) => unit.au === au)?.name ?? ""}`),
    [
      { name: "F1", values: probe.units.map((unit) => unit.f1) },
      { name: "AUC", values: probe.units.map((unit) => unit.auc) },
    ],
  );
  const paper = new Map<string, unknown>(
    Object.entries((await settingsOf(config.method ?? "emoco")).presets.paper),
  );
  const departures = Object.entries(config)
    .filter(([key, value]) => paper.has(key) && JSON.stringify(value) !== JSON.stringify(paper.get(key)))
    .map(([key, value]) => [key, String(value), String(paper.get(key))]);

  const body = [
    `<p>${
      escapeHtml(engine)
    }. ${report.kept.length} faces trained on; every measure below is on subjects held back.</p>`,
    `<div class="figures">${
      figures.map(([value, text]) => `<div><b>${value}</b>${escapeHtml(text)}</div>`).join("")
    }</div>`,
    `<div class="charts">${curves.join("")}${bars}</div>`,
    "<h2>What the encoder finds alike</h2>",
    "<p>A held-back face, then its nearest neighbours among the faces trained on. Alike should mean the same " +
    "expression, whoever wears it; a green frame marks the same emotion.</p>",
    await neighbourRows(report),
    "<h2>What the encoder sees</h2>",
    "<p>A face of each emotion, then two views of it as the run draws them in its first epoch" +
    `${config.views === "clip" ? ", all frames of a clip alike" : ": a query and its key"}.</p>`,
    await viewRows(report),
    "<h2>Settings that differ from the paper's</h2>",
    departures.length ? htmlTable(["setting", "this run", "paper"], departures) : "<p>None.</p>",
  ];
  writeAtomically(join(folder, "report.html"), htmlPage(`${title} pretraining: ${name}`, body.join("\n")));
}

async function neighbourRows({ probe: { queries, neighbours } }: PretrainReport): Promise<string> {
  // One query of each emotion, as far as there is one.
  const chosen = EMOTIONS.map((emotion) => queries.findIndex((face) => face.emotion === emotion));
  const rows = await Promise.all(
    chosen.filter((i) => i >= 0).map(async (i) => {
      const nearest = await Promise.all(
        neighbours[i].slice(0, 8).map((face) =>
          faceFigure(face, undefined, face.emotion === queries[i].emotion ? "same" : "")
        ),
      );
      return `<div class="faces">${await faceFigure(queries[i])}<span class="arrow">&rarr;</span>${
        nearest.join("")
      }</div>`;
    }),
  );
  return rows.join("\n");
}

async function viewRows({ kept, config }: PretrainReport): Promise<string> {
  const size = config.imageSize;
  const groups = await Promise.all(EMOTIONS.map(async (emotion) => {
    for (const [index, face] of kept.entries()) {
      if (face.emotion !== emotion) continue;
      const image = await decodePicture(face.image).catch(() => undefined);
      if (!image) continue; // broken, and left out of the run as well
      const views = await Promise.all([0, 1].map((view) => {
        const values = new Float32Array(size * size * 3);
        const random = randomStream(config.seed, PURPOSE.view, 0, index, view);
        renderView(image, drawView(random, image, { ...config, size }), size, values, 0);
        const bytes = Uint8Array.from(
          values,
          (value, i) => Math.round(255 * (value * STD[i % 3] + MEAN[i % 3])),
        );
        return inlineJpeg(
          sharp(bytes, { raw: { width: size, height: size, channels: 3 } }),
          view ? "key" : "query",
        );
      }));
      return `<div class="triple">${await faceFigure(face)}${views.join("")}</div>`;
    }
    return "";
  }));
  return `<div class="faces">${groups.join("")}</div>`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
