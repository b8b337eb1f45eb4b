/**
 * EmoCo beside every rival under the same conditions: faces, updates, batch, trunk, head, folds.
 *
 * Each method, EmoCo too, is pretrained at half, one and two times its own learning rate with the first seed; the online
 * probe on the people that the pretraining held back chooses. Only the chosen rate is scored by folds, at the last epoch,
 * with every seed. On stills the methods on two views meet; on clips all eleven do.
 */
import { settingsOf } from "../../train/config.ts";
import { Clips } from "../../train/input/clips.ts";
import { manifestPath, readManifest } from "../../train/input/data.ts";
import { type MethodName, METHODS } from "../../train/methods/index.ts";
import { mean } from "../../train/scores/metrics.ts";
import { UsageError } from "../../train/runs/flags.ts";
import { barChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import type { Part } from "./part.ts";
import type { StudyResults } from "./results.ts";
import {
  type Asked,
  type Encoder,
  encoderName,
  randomEncoder,
  scored,
  seedsOf,
  type StudyResult,
  type StudyRun,
} from "./run.ts";
import { photographColumns, photographHead } from "./photographs.ts";
import { conditions, leads, measured, seconds, spread, table, updates } from "./text.ts";

/** Learning rates as multiples of a method's own. */
export const RATES = [1, 0.5, 2];

/** Methods that need frames in order. */
const ON_CLIPS: readonly MethodName[] = ["fabnet", "tcae", "temporal-ranking"];

const titleOf = (method: MethodName | "random") =>
  method === "random" ? "random encoder" : METHODS[method].title;

/**
 * Of each method that is compared, the learning rate of its preset, and how many times more epochs it needs for as many
 * updates: filled before a plan is made, since both come with TensorFlow.
 */
const own = new Map<MethodName, { rate: number; epochs: number }>();

export const rivals: Part = {
  name: "rivals",
  about: "every self-supervised rival at the best of three learning rates, 3 seeds; on clips all eleven",
  plan(asked, done) {
    const methods = methodsOf(asked);
    const tried = methods.flatMap((method) => RATES.map((rate) => rateRun(asked, method, rate)));
    const seeds = seedsOf(asked, 3);
    const final = seeds.flatMap((seed) => [
      ...methods.flatMap((method) => {
        const rate = bestRate(method, done);
        return rate === undefined
          ? []
          : [scored(asked, titleOf(method), encoderAt(asked, method, rate, seed), "linear", { at: rate })];
      }),
      scored(asked, titleOf("random"), randomEncoder(seed), "linear"),
    ]);
    return [...tried, ...final];
  },
  demand({ methods = [], clips }) {
    for (const method of methods) {
      if (!Object.hasOwn(METHODS, method)) {
        throw new UsageError(
          `--methods=${methods}: "${method}" is none; methods are ${Object.keys(METHODS).join(", ")}.`,
        );
      }
      if (!clips && ON_CLIPS.includes(method as MethodName)) {
        throw new UsageError(
          `--methods=${methods}: ${method} needs clips; make some with deno task faces --clips, and give them by --data.`,
        );
      }
    }
  },
  async prepare(asked) {
    const faces = readManifest(manifestPath(asked.data)).filter(({ split }) => split === "pretrain");
    const stills = faces.filter(({ emotion }) => emotion).length;
    for (const method of methodsOf(asked)) {
      const { presets: { quick }, clip } = await settingsOf(method);
      const epochs = clip ? stills / new Clips(faces, clip(quick), 0).anchors.length : 1;
      own.set(method, { rate: quick.baseLearningRate, epochs });
    }
  },
  draw,
};

function methodsOf({ clips, methods }: Asked): MethodName[] {
  const able = (Object.keys(METHODS) as MethodName[]).filter((method) => clips || !ON_CLIPS.includes(method));
  return methods ? able.filter((method) => methods.includes(method)) : able;
}

function encoderAt(asked: Asked, method: MethodName, rate: number, seed: number): Encoder {
  const { rate: base, epochs: times } = own.get(method)!;
  // As many updates as all others: a method with fewer clips than there are frames goes through them more often.
  const epochs = Math.max(1, Math.round(asked.epochs * times));
  return {
    label: rate === 1 ? method : `${method}-rate${rate}`,
    method,
    settings: [
      ...(rate === 1 ? [] : [`--baseLearningRate=${Number((base * rate).toPrecision(6))}`]),
      ...(epochs === asked.epochs ? [] : [`--epochs=${epochs}`]),
    ],
    seed,
  };
}

function rateRun(asked: Asked, method: MethodName, rate: number): StudyRun {
  const encoder = encoderAt(asked, method, rate, 0);
  return {
    name: `${encoderName(asked, encoder)}-rate`,
    row: titleOf(method),
    seed: 0,
    at: rate,
    protocol: "rate",
    encoder,
  };
}

/** The rate whose encoder reads action units best on the held-back people; none before all are tried. */
export function bestRate(method: MethodName, done: readonly StudyResult[]): number | undefined {
  const tried = done.filter(({ row, protocol }) => protocol === "rate" && row === titleOf(method));
  if (tried.length < RATES.length) return undefined;
  return tried.reduce((best, other) => (other.heldBackF1 ?? 0) > (best.heldBackF1 ?? 0) ? other : best).at;
}

function draw(results: StudyResults) {
  const rows = [...new Set(results.runs.map(({ row }) => row))];
  const finals = (row: string) => results.runs.filter((run) => run.row === row && run.protocol === "linear");
  const cost = (row: string) => measured(finals(row).map((run) => run.seconds.pretraining));
  const ours = cost("EmoCo");
  const known = rows.filter((row) => finals(row).length > 0)
    .map((row) => ({ row, runs: finals(row), f1: mean(measured(finals(row).map(({ f1 }) => f1))) }))
    .sort((one, other) => other.f1 - one.f1);
  const lines = known.map(({ row, runs }) => [
    row,
    spread(measured(runs.map(({ f1 }) => f1))),
    spread(measured(runs.map(({ auc }) => auc))),
    row === "EmoCo" ? "" : leads(anyRate(finals("EmoCo")), anyRate(runs)),
    spread(measured([mean(measured(runs.map((run) => run.knnEmotionAccuracy)))])),
    ...photographColumns(results, runs),
    runs[0].at === undefined ? "" : `× ${runs[0].at}`,
    updates(runs.map((run) => run.updates.pretraining)),
    seconds(runs.map((run) => run.seconds.pretraining)),
    cost(row).length && ours.length ? (mean(cost(row)) / mean(ours)).toFixed(1) : "",
  ]);
  const tried = rows.filter((row) => results.runs.some((run) => run.row === row && run.protocol === "rate"))
    .map((row) => [
      row,
      ...[...RATES].sort((one, other) => one - other).map((rate) =>
        spread(measured(
          results.runs.filter((run) => run.row === row && run.protocol === "rate" && run.at === rate)
            .map((run) => run.heldBackF1),
        ))
      ),
    ]);
  const title = "Linear probe of every method (mean of seeds)";
  const chart = known.length
    ? barChart(title, known.map(({ row }) => row), [
      { name: "F1", values: known.map(({ f1 }) => f1) },
      { name: "AUC", values: known.map(({ runs }) => mean(measured(runs.map(({ auc }) => auc)))) },
    ])
    : "";
  const head = [
    "method",
    "F1",
    "AUC",
    "EmoCo leads by",
    "emotion kNN",
    ...photographHead(results),
    "rate",
    "updates",
    "seconds",
    "times EmoCo's",
  ];
  const text = [
    `${
      conditions(results.setting)
    } by frozen features, 3 folds by subject, last epoch; per cent, the mean and in ` +
    "brackets each seed; EmoCo's lead is seed by seed. Every method has the rate (as a multiple of its preset's) whose " +
    "online probe was best on held-back people of the pretraining; seconds are those of the pretraining's steps.",
    ...(lines.length ? [table(head, lines)] : []),
    "F1 of the online probe on held-back people, by rate:",
    table(["method", "× 0.5", "× 1", "× 2"], tried),
  ].join("\n\n");
  const file = results.setting.clips ? "rivals-clips.svg" : "rivals.svg";
  return { text, charts: [{ file, title, svg: chart && standaloneSvg(chart) }] };
}

/** Methods are compared whatever rates they chose. */
function anyRate(runs: readonly StudyResult[]): StudyResult[] {
  return runs.map(({ at: _, ...run }) => run);
}
