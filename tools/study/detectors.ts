/**
 * The supervised detectors of the paper's tables on rendered faces, 3 folds, none pretrained; on photographs too where
 * `--photos` names some.
 *
 * They stand in `train/detectors`; a checkout without that room is told so.
 */
import { fileURLToPath } from "node:url";
import { UsageError } from "../../train/runs/flags.ts";
import { exists } from "../../train/runs/whole_file.ts";
import { barChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import { mean } from "../../train/scores/metrics.ts";
import type { Part } from "./part.ts";
import type { StudyResults } from "./results.ts";
import { randomEncoder, scored, seedsOf, type StudyResult } from "./run.ts";
import { photographColumns, photographHead } from "./photographs.ts";
import { measured, seconds, spread, table, updates } from "./text.ts";

/** `--detector` and the name in tables; what is reconstructed and not read is *after* its paper. */
export const DETECTORS = [
  ["linear", "ResNet-18"],
  ["alexnet", "AlexNet"],
  ["drml", "DRML"],
  ["eac", "after EAC-Net"],
  ["jaa", "JAA-Net"],
  ["dsin", "after DSIN"],
  ["srerl", "after SRERL"],
] as const;

const ROOM = fileURLToPath(new URL("../../train/detectors/index.ts", import.meta.url));

export const detectors: Part = {
  name: "detectors",
  about: "the supervised detectors of Tables I-III, 1 seed",
  plan: (asked) =>
    seedsOf(asked, 1).flatMap((seed) =>
      DETECTORS.map(([detector, title]) => {
        const settings = detector === "linear" ? [] : [`--detector=${detector}`, "--preset=quick"];
        const run = scored(asked, title, randomEncoder(seed), "finetune", { settings });
        return { ...run, name: `${run.name}-${detector}`, counts: true };
      })
    ),
  demand() {
    if (exists(ROOM)) return;
    throw new UsageError(
      "--only=detectors: the supervised detectors (train/detectors) are not in this checkout.",
    );
  },
  draw,
};

/** Millions of weights and of multiply-adds; empty where nobody counted. */
function costs(runs: readonly StudyResult[]): string[] {
  const cost = runs.find((run) => run.cost)?.cost;
  if (!cost) return ["", ""];
  return [`${(cost.parameters / 1e6).toFixed(2)} M`, `${(cost.multiplyAdds / 1e6).toFixed(0)} M`];
}

function draw(results: StudyResults) {
  const known = DETECTORS.map(([, title]) => ({
    title,
    runs: results.runs.filter(({ row }) => row === title),
  }))
    .filter(({ runs }) => runs.length > 0);
  const rows = known.map(({ title, runs }) => [
    title,
    spread(measured(runs.map(({ f1 }) => f1))),
    spread(measured(runs.map(({ auc }) => auc))),
    ...photographColumns(results, runs),
    ...costs(runs),
    updates(runs.map((run) => run.updates.finetuning)),
    seconds(runs.map((run) => run.seconds.finetuning)),
  ]);
  const title = "Supervised detectors";
  const of = (pick: "f1" | "auc") => known.map(({ runs }) => mean(measured(runs.map((run) => run[pick]))));
  const chart = barChart(title, known.map((one) => one.title), [
    { name: "F1", values: of("f1") },
    { name: "AUC", values: of("auc") },
  ]);
  const { preset, finetuneEpochs, probeFaces } = results.setting;
  const text =
    `Preset \`${preset}\`, all from random weights, ${finetuneEpochs} epochs on the ${probeFaces} faces of \`au\` and ` +
    "`test`, 3 folds by subject; per cent, means of the folds; updates of all folds and of the model that is kept. " +
    "*After*: reconstructed from what could be read.\n\n" +
    table([
      "detector",
      "F1",
      "AUC",
      ...photographHead(results),
      "parameters",
      "multiply-adds",
      "updates",
      "seconds",
    ], rows);
  return { text, charts: [{ file: "detectors.svg", title, svg: standaloneSvg(chart) }] };
}
