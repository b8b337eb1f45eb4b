/** Fig. 4: F1 against lambda, the weight of the emotion loss, with the intra-class normalisation N and without. */
import { mean } from "../../train/scores/metrics.ts";
import { lineChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import { quick } from "../../train/config.ts";
import type { Chart, Part } from "./part.ts";
import type { StudyResults } from "./results.ts";
import { scored, seedsOf, type StudyRun } from "./run.ts";
import { encoderOf } from "./table4.ts";
import { conditions, leads, measured, seconds, spread, table } from "./text.ts";

/** Lambdas; the paper draws them from its default of 1 to both sides. */
export const LAMBDAS = [0.25, 0.5, 1, 2, 4, 8];

/** Lines of the figure; results of before also hold emotion only. */
const LINES = [["EmoCo", "emoco"], ["EmoCo without N", "emocoL2"]] as const;

const PROTOCOLS = [["linear", "linear"], ["finetune", "finetuned"]] as const;

export const fig4: Part = {
  name: "fig4",
  about: "Fig. 4: F1 against lambda 0.25 to 8, with N and without, 2 seeds",
  plan: (asked) =>
    seedsOf(asked, 2).flatMap((seed) =>
      PROTOCOLS.flatMap(([protocol]) =>
        LINES.flatMap(([row, label]) =>
          LAMBDAS.map((lambda): StudyRun => {
            const encoder = encoderOf(label, seed);
            // The preset's lambda is the encoder that other parts have trained as well.
            const own = lambda === quick.emotionWeight ? encoder : {
              ...encoder,
              label: `${label}-lambda${lambda}`,
              settings: [...encoder.settings, `--emotionWeight=${lambda}`],
            };
            return scored(asked, row, own, protocol, { at: lambda });
          })
        )
      )
    ),
  draw,
};

function draw(results: StudyResults): { text: string; charts: Chart[] } {
  const { runs, setting } = results;
  const names = [...new Set([...LINES.map(([row]) => row as string), ...runs.map(({ row }) => row)])];
  const lambdas = [...new Set(runs.map(({ at }) => at!))].sort((one, other) => one - other);
  const at = (row: string, protocol: string, lambda: number) =>
    runs.filter((run) => run.row === row && run.protocol === protocol && run.at === lambda);
  const known = PROTOCOLS.flatMap(([protocol, title]) =>
    names.filter((row) => runs.some((run) => run.row === row && run.protocol === protocol))
      .map((row) => ({ protocol, title, row }))
  );
  const compared = PROTOCOLS.filter(([protocol]) =>
    LINES.every(([row]) => known.some((line) => line.row === row && line.protocol === protocol))
  );
  const head = [
    "lambda",
    ...known.map(({ title, row }) => `${row}, ${title}`),
    ...compared.map(([, title]) => `N is worth, ${title}`),
    "seconds",
  ];
  const rows = lambdas.map((lambda) => [
    String(lambda),
    ...known.map(({ protocol, row }) => spread(measured(at(row, protocol, lambda).map(({ f1 }) => f1)))),
    ...compared.map(([protocol]) =>
      leads(at("EmoCo", protocol, lambda), at("EmoCo without N", protocol, lambda))
    ),
    seconds(runs.filter((run) => run.at === lambda).map((run) => run.seconds.pretraining)),
  ]);
  const charts = PROTOCOLS.map(([protocol, title]): Chart => {
    const name = `F1 against lambda, ${title} (mean of seeds)`;
    const series = known.filter((line) => line.protocol === protocol).map(({ row }) => ({
      name: row,
      points: lambdas.flatMap((lambda) => {
        const scores = measured(at(row, protocol, lambda).map(({ f1 }) => f1));
        return scores.length ? [[lambda, mean(scores)] as const] : [];
      }),
    }));
    const chart = series.length ? lineChart(name, series, { xLabel: "lambda", width: 560, height: 300 }) : "";
    return { file: `fig4-${protocol}.svg`, title: name, svg: chart && standaloneSvg(chart) };
  });
  const text =
    `${conditions(setting)}, 3 folds by subject; F1 in per cent, the mean and in brackets each seed.\n\n` +
    table(head, rows);
  return { text, charts };
}
