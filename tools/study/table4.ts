/**
 * Table IV: what EmoCo loses without each of its components, by frozen features and finetuned.
 *
 * The rows are the paper's. Without L_emo nothing trains the prototypes that N is about, so that row is, as the paper
 * says of it, multi-queue MoCo; MoCo itself and a random encoder stand below for comparison.
 */
import { mean } from "../../train/scores/metrics.ts";
import { lineChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import type { Chart, Part } from "./part.ts";
import type { StudyResults } from "./results.ts";
import { type Encoder, randomEncoder, scored, seedsOf, type StudyResult } from "./run.ts";
import { conditions, leads, measured, seconds, spread, table, updates } from "./text.ts";

/** A row: which components it has, and the settings that leave the others out. */
interface Row {
  title: string;
  label: string;
  /** MQ, L_cont, L_emo, N; absent for the random encoder. */
  has?: readonly [boolean, boolean, boolean, boolean];
  settings: readonly string[];
}

/** Rows from all components to none. */
export const ROWS: readonly Row[] = [
  { title: "EmoCo", label: "emoco", has: [true, true, true, true], settings: [] },
  {
    title: "EmoCo without MQ",
    label: "emocoSingle",
    has: [false, true, true, true],
    settings: ["--queues=single"],
  },
  {
    title: "EmoCo without N",
    label: "emocoL2",
    has: [true, true, true, false],
    settings: ["--normalization=l2"],
  },
  {
    title: "emotion only",
    label: "emotion",
    has: [true, false, true, false],
    settings: ["--losses=emotion"],
  },
  {
    title: "multi-queue MoCo",
    label: "mocoMulti",
    has: [true, true, false, false],
    settings: ["--normalization=l2", "--losses=contrastive"],
  },
  {
    title: "MoCo",
    label: "moco",
    has: [false, true, false, false],
    settings: [], // `--method=moco` is the three switches by a name, so that the rivals share its runs
  },
  { title: "random encoder", label: "random", settings: [] },
];

/** Encoder of a row by its label, as other parts compare it too. */
export function encoderOf(label: string, seed: number): Encoder {
  if (label === "random") return randomEncoder(seed);
  const row = ROWS.find((row) => row.label === label)!;
  const method = label === "moco" ? "moco" : "emoco";
  return { label, method, settings: row.settings, seed };
}

export const table4: Part = {
  name: "table4",
  about: "Table IV: each component of EmoCo left out, 3 seeds",
  plan: (asked) =>
    seedsOf(asked, 3).flatMap((seed) =>
      (["linear", "finetune"] as const).flatMap((protocol) =>
        ROWS.map(({ title, label }) => scored(asked, title, encoderOf(label, seed), protocol))
      )
    ),
  draw,
};

function draw(results: StudyResults): { text: string; charts: Chart[] } {
  const of = (title: string, protocol: string) =>
    results.runs.filter((run) => run.row === title && run.protocol === protocol);
  const known = ROWS.filter(({ title }) => results.runs.some(({ row }) => row === title));
  const finetuned = results.runs.some(({ protocol }) => protocol === "finetune");
  const rows = known.map(({ title, has }) => {
    const [linear, tuned] = [of(title, "linear"), of(title, "finetune")];
    const scores = (runs: readonly StudyResult[], protocol: string) => [
      spread(measured(runs.map(({ f1 }) => f1))),
      spread(measured(runs.map(({ auc }) => auc))),
      title === "EmoCo" ? "" : leads(of("EmoCo", protocol), runs),
    ];
    return [
      title,
      ...(has ?? [false, false, false, false]).map((present) => present ? "✓" : ""),
      ...scores(linear, "linear"),
      ...(finetuned ? scores(tuned, "finetune") : []),
      spread(measured([linear.length ? mean(measured(linear.map((run) => run.knnEmotionAccuracy))) : null])),
      updates([...linear, ...tuned].map((run) => run.updates.pretraining)),
      seconds(linear.map((run) => run.seconds.pretraining)),
    ];
  });
  const protocol = (name: string) => [`${name} F1`, `${name} AUC`, "EmoCo leads by"];
  const head = ["encoder", "MQ", "L_cont", "L_emo", "N", ...protocol("linear")];
  if (finetuned) head.push(...protocol("finetuned"));
  const text = [
    `${
      conditions(results.setting)
    }, 3 folds by subject; means in per cent, single seeds in brackets; EmoCo's lead ` +
    "is its F1 minus the row's, seed by seed; seconds are those of the pretraining's steps.",
    table([...head, "emotion kNN", "updates", "seconds"], rows),
    ...ends(results),
  ].join("\n\n");
  return { text, charts: [onlineProbe(results), finetuning(results)] };
}

/** What finetuning took, in a sentence. */
function ends({ runs, setting }: StudyResults): string[] {
  const tuned = runs.filter(({ protocol }) => protocol === "finetune");
  if (!tuned.length) return [];
  const steps = updates(tuned.map((run) => run.updates.finetuning));
  const took = measured(tuned.map((run) => run.seconds.finetuning));
  return [
    `Finetuned: the whole network for ${setting.finetuneEpochs} epochs` +
    (steps && `, ${steps} updates in all folds and the model that is kept`) +
    (took.length ? `, ${mean(took).toFixed(0)} seconds in the mean.` : "."),
  ];
}

/** The online probe of every pretraining that leaves a curve. */
function onlineProbe({ runs }: StudyResults): Chart {
  const title = "Online probe F1 against updates (mean of seeds)";
  const series = ROWS.flatMap(({ title: name }) => {
    const curves = runs.filter((run) => run.row === name && run.protocol === "linear" && run.curve.length);
    if (!curves.length) return [];
    const points = curves[0].curve.map(({ step }, i) =>
      [step, mean(curves.map(({ curve }) => curve[i]?.f1 ?? NaN))] as const
    );
    return [{ name, points }];
  });
  const chart = series.length ? lineChart(title, series, { xLabel: "updates", width: 760, height: 340 }) : "";
  return { file: "table4-updates.svg", title, svg: chart && standaloneSvg(chart) };
}

/** F1 on the test folds, epoch by epoch. */
function finetuning({ runs }: StudyResults): Chart {
  const title = "Finetuning: F1 on the test fold against epochs (mean of folds and seeds)";
  const series = ROWS.flatMap(({ title: name }) => {
    const epochs = runs.filter((run) => run.row === name && run.protocol === "finetune").flatMap((run) =>
      run.epochs
    );
    const points = [...Map.groupBy(epochs, ({ epoch }) => epoch)]
      .map(([epoch, list]) => [epoch, mean(list.map(({ f1 }) => f1))] as const);
    return points.length ? [{ name, points }] : [];
  });
  const chart = series.length ? lineChart(title, series, { xLabel: "epoch", width: 760, height: 340 }) : "";
  return { file: "table4-finetune.svg", title, svg: chart && standaloneSvg(chart) };
}
