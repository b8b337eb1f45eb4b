/**
 * The paper's claim on photographs: the same finetuning and the same linear probe from EmoCo, emotion only, MoCo and a
 * random encoder, learnt on rendered people and scored on photographs through find, align and run.
 *
 * Units are learnt on split `au`; people of `test` tell how the same model reads rendered faces. Choices belong to the
 * even lines of the photographs, so both halves stand beside the whole.
 */
import { UsageError } from "../../train/runs/flags.ts";
import { mean } from "../../train/scores/metrics.ts";
import { barChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import type { Chart, Part } from "./part.ts";
import type { StudyResults } from "./results.ts";
import { type Asked, scored, seedsOf, type StudyResult, type StudyRun } from "./run.ts";
import { encoderOf, ROWS } from "./table4.ts";
import { conditions, leads, measured, seconds, spread, table, updates } from "./text.ts";

const LABELS = ["emoco", "emotion", "moco", "random"];

const PROTOCOLS = [["linear", "linear probe"], ["finetune", "finetuned"]] as const;

export const photographs: Part = {
  name: "photographs",
  about: "EmoCo, emotion only, MoCo and random, scored on photographs (--photos=DIR), 3 seeds",
  plan: (asked: Asked) =>
    seedsOf(asked, 3).flatMap((seed) =>
      PROTOCOLS.flatMap(([protocol]) =>
        LABELS.map((label): StudyRun => {
          const { title } = ROWS.find((row) => row.label === label)!;
          const run = scored(asked, title, encoderOf(label, seed), protocol, {
            split: "au",
            // A model for photographs must forget the renderer: tone, blur, noise and compression vary as well.
            settings: ["--folds=0", ...(protocol === "finetune" ? ["--views=adverse"] : [])],
          });
          return { ...run, name: `${run.name}-photographs` };
        })
      )
    ),
  demand({ photos }) {
    if (!photos) throw new UsageError("--only=photographs needs --photos=DIR, a folder of photographs.");
  },
  draw,
};

/** Head of the columns on photographs, where a part has them. */
export function photographHead({ setting }: StudyResults): string[] {
  return setting.photographs === undefined
    ? []
    : ["photographs: AUC", "even half", "odd half", "F1 at the card's thresholds"];
}

/** The columns of runs of one row. */
export function photographColumns({ setting }: StudyResults, runs: readonly StudyResult[]): string[] {
  if (setting.photographs === undefined) return [];
  const parts = ["all", "even", "odd"] as const;
  return [
    ...parts.map((part) => spread(measured(runs.map((run) => run.photographs?.[part].auc)))),
    spread(measured(runs.map((run) => run.photographs?.all.f1))),
  ];
}

function draw(results: StudyResults): { text: string; charts: Chart[] } {
  const of = (label: string, protocol: string) =>
    results.runs.filter((run) =>
      run.row === ROWS.find((row) => row.label === label)!.title && run.protocol === protocol
    );
  const auc = (run: StudyResult) => run.photographs?.all.auc;
  const rows = PROTOCOLS.flatMap(([protocol, title]) =>
    LABELS.filter((label) => of(label, protocol).length > 0).map((label) => {
      const runs = of(label, protocol);
      return [
        runs[0].row,
        title,
        ...photographColumns(results, runs),
        label === "emoco" ? "" : leads(of("emoco", protocol), runs, auc),
        spread(measured(runs.map((run) => run.auc))),
        updates(runs.map((run) => run.updates.pretraining + run.updates.finetuning)),
        seconds(runs.map((run) => run.seconds.pretraining)),
        seconds(runs.map((run) => run.seconds.finetuning)),
      ];
    })
  );
  const missed = results.runs.map((run) => run.photographs?.all.notFound ?? 0);
  const title = "Mean AUC on photographs (mean of seeds)";
  const known = LABELS.filter((label) => PROTOCOLS.some(([protocol]) => of(label, protocol).length > 0));
  const chart = barChart(
    title,
    known.map((label) => ROWS.find((row) => row.label === label)!.title),
    PROTOCOLS.map(([protocol, name]) => ({
      name: name.split(" ")[0],
      values: known.map((label) => mean(measured(of(label, protocol).map(auc)))),
    })),
  );
  const text = [
    `${conditions(results.setting)}: learnt on \`au\`, AUC on rendered people by \`test\`. On the ` +
    `${results.setting.photographs} photographs of \`test\`, whole path (${
      Math.max(0, ...missed)
    } faces not found ` +
    "at most, which count as the lowest score); per cent, the mean and in brackets each seed.",
    table([
      "encoder",
      "units by",
      ...photographHead(results),
      "EmoCo leads by (AUC)",
      "rendered AUC",
      "updates",
      "seconds to pretrain",
      "seconds to learn units",
    ], rows),
  ].join("\n\n");
  return { text, charts: [{ file: "photographs.svg", title, svg: standaloneSvg(chart) }] };
}
