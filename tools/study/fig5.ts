/**
 * Fig. 5: features of people whom nobody has trained on, by emotion and by AU6 within happy, of emotion only and of EmoCo.
 *
 * Both encoders show the same faces by the same projection. A projection makes gaps of its own, so that what is compared
 * are numbers: the silhouettes of the features themselves.
 */
import { barChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import type { Part } from "./part.ts";
import { encoderName, seedsOf, type StudyRun } from "./run.ts";
import { encoderOf } from "./table4.ts";
import { spread, table } from "./text.ts";

/** The picture of a seed, in the folder of results. */
export const PICTURE = "fig5-features.svg";

const NAMES = { above: "emotion only", below: "EmoCo" } as const;

export const fig5: Part = {
  name: "fig5",
  about: "Fig. 5: features of emotion only and EmoCo, with silhouettes, 3 seeds",
  plan: (asked) =>
    seedsOf(asked, 3).map((seed): StudyRun => {
      const encoder = encoderOf("emoco", seed);
      return {
        name: `${encoderName(asked, encoder)}-features`,
        row: NAMES.below,
        seed,
        protocol: "features",
        encoder,
        above: encoderOf("emotion", seed),
      };
    }),
  draw({ setting, runs }) {
    const rows = ([["above", 0], ["below", 1]] as const).map(([place, i]) => {
      const lying = runs.map(({ silhouettes }) => silhouettes![i]);
      const three = (value: number) => value.toFixed(3);
      return {
        name: NAMES[place],
        byEmotion: lying.map((one) => one.byEmotion),
        byUnit: lying.map((one) => one.byUnit),
        cells: [
          NAMES[place],
          spread(lying.map((one) => one.byEmotion), three),
          spread(lying.map((one) => one.byUnit), three),
        ],
      };
    });
    const title = "Silhouettes of the features (first seed)";
    const chart = barChart(title, rows.map(({ name }) => name), [
      { name: "emotion", values: rows.map(({ byEmotion }) => byEmotion[0]) },
      { name: "AU6", values: rows.map(({ byUnit }) => byUnit[0]) },
    ]);
    const text =
      `Encoders of \`${
        [setting.preset, ...setting.settings].join(" ")
      }\` with ${setting.epochs} epochs; faces of ` +
      "people whom neither has seen. Silhouettes (-1 to 1; cosine distance, in the features, not in the picture): " +
      "the mean and in brackets each seed.\n\n" +
      table(["encoder", "by emotion", "by AU6 within happy"], rows.map(({ cells }) => cells));
    const picture = { file: PICTURE, title: "Features by emotion, and by AU6 within happy", width: 860 };
    return {
      text,
      charts: [picture, { file: "fig5-silhouettes.svg", title, svg: standaloneSvg(chart) }],
    };
  },
};
