/** `report.html` of a pretraining run: what was learnt, how it went, and pictures to judge it by. Opens offline. */
import { actionUnit, EMOTIONS } from "@emoco/web/facs";
import { join } from "node:path";
import sharp from "sharp";
import { drawView, MEAN, renderView, STD } from "./augment.ts";
import { writeAtomically } from "./checkpoint.ts";
import { paper, type PretrainConfig } from "./config.ts";
import type { Face } from "./data.ts";
import type { ProbeResult } from "./online_probe.ts";
import { PURPOSE, randomStream } from "./random.ts";
import { htmlPage, htmlTable } from "./report_page.ts";
import type { Metric } from "./run_folder.ts";
import { barChart, escapeHtml, lineChart } from "./svg_chart.ts";

/** What a report is made of. */
export interface PretrainReport {
  name: string;
  engine: string;
  config: PretrainConfig;
  metrics: readonly Metric[];
  /** Faces that were trained on, for the sample of views. */
  kept: readonly Face[];
  /** Held-back faces, in the order of `probe.neighbours`. */
  queries: readonly Face[];
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
  const last = steps.at(-1);
  const chance = 1 / EMOTIONS.length;

  const figures: [string, string][] = [
    [percent(probe.knnEmotionAccuracy), `emotion by nearest neighbours (chance ${percent(chance)})`],
    [
      Number.isNaN(probe.probeF1) ? "no labels" : probe.probeF1.toFixed(3),
      "mean F1 of the linear action-unit probe",
    ],
    [
      Number.isNaN(probe.probeAuc) ? "no labels" : probe.probeAuc.toFixed(3),
      "mean AUC of the same probe (chance 0.500)",
    ],
    [String(last?.step ?? 0), `steps of ${config.batchSize} faces`],
  ];
  const curves = [
    lineChart("Losses", [
      { name: "emotion, Eq. 2", points: series(steps, "emotionLoss") },
      { name: "contrastive, Eq. 5", points: series(steps, "contrastiveLoss") },
    ], { xLabel: "step" }),
    lineChart("On subjects held back from training", [
      { name: "emotion kNN", points: series(probes, "knnEmotionAccuracy") },
      { name: "probe F1", points: series(probes, "probeF1") },
      { name: "probe AUC", points: series(probes, "probeAuc") },
    ], { xLabel: "step", yRange: [0, 1] }),
  ];
  const bars = probe.units.length === 0 ? "" : barChart(
    "Linear probe by action unit",
    probe.units.map(({ au }) => `AU${au} ${actionUnit(au).name}`),
    [
      { name: "F1", values: probe.units.map((unit) => unit.f1) },
      { name: "AUC", values: probe.units.map((unit) => unit.auc) },
    ],
  );
  const departures = Object.entries(config)
    .filter(([key, value]) =>
      key in paper && JSON.stringify(value) !== JSON.stringify(paper[key as keyof PretrainConfig])
    )
    .map(([key, value]) => [key, String(value), String(paper[key as keyof PretrainConfig])]);

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
    "<p>Faces and two views of each as the run draws them: a query and its key.</p>",
    await viewRows(report),
    "<h2>Settings that differ from the paper's</h2>",
    departures.length ? htmlTable(["setting", "this run", "paper"], departures) : "<p>None.</p>",
  ];
  writeAtomically(join(folder, "report.html"), htmlPage(`EmoCo pretraining: ${name}`, body.join("\n")));
}

async function neighbourRows({ queries, probe }: PretrainReport): Promise<string> {
  // One query of each emotion, as far as there is one.
  const chosen = EMOTIONS.map((emotion) => queries.findIndex((face) => face.emotion === emotion)).filter((
    i,
  ) => i >= 0);
  const rows = await Promise.all(chosen.map(async (i) => {
    const nearest = await Promise.all(
      probe.neighbours[i].slice(0, 6).map((face) =>
        picture(face, face.emotion === queries[i].emotion ? "same" : "other")
      ),
    );
    return `<div class="faces">${await picture(queries[i], "query")}<span class="arrow">&rarr;</span>${
      nearest.join("")
    }</div>`;
  }));
  return rows.join("\n");
}

async function viewRows({ kept, config }: PretrainReport): Promise<string> {
  const chosen = Array.from({ length: Math.min(6, kept.length) }, (_, i) => Math.floor(i * kept.length / 6));
  const groups = await Promise.all(chosen.map(async (index) => {
    const { data, info } = await sharp(kept[index].image).toColourspace("srgb").removeAlpha().raw()
      .toBuffer({ resolveWithObject: true });
    const image = { width: info.width, height: info.height, data: new Uint8Array(data) };
    const size = config.imageSize;
    const views = await Promise.all([0, 1].map(async (view) => {
      const values = new Float32Array(size * size * 3);
      const random = randomStream(config.seed, PURPOSE.view, 0, index, view);
      renderView(image, drawView(random, image, { ...config, size }), size, values, 0);
      const bytes = Uint8Array.from(
        values,
        (value, i) => Math.round(255 * (value * STD[i % 3] + MEAN[i % 3])),
      );
      const png = await sharp(bytes, { raw: { width: size, height: size, channels: 3 } }).png().toBuffer();
      return `<img src="data:image/png;base64,${png.toString("base64")}" alt="view ${view + 1}">`;
    }));
    return `<div class="triple">${await picture(kept[index], "")}${views.join("")}</div>`;
  }));
  return `<div class="faces">${groups.join("")}</div>`;
}

async function picture(face: Face, className: string): Promise<string> {
  const jpeg = await sharp(face.image).resize(96, 96).jpeg({ quality: 85 }).toBuffer();
  const units = [...face.present].filter(([, present]) => present).map(([au]) => au).join(" ");
  const text = `${face.emotion ?? "unlabelled"}${units ? `, AU ${units}` : ""}`;
  return `<figure class="${className}"><img src="data:image/jpeg;base64,${
    jpeg.toString("base64")
  }" alt="${text}">` +
    `<figcaption>${face.emotion ?? ""}<br>${units}</figcaption></figure>`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
