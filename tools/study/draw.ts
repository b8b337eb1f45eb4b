/** Draws the study's results: charts beside them, and a table, which those of the project have in the README. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mean } from "../../train/scores/metrics.ts";
import { lineChart, standaloneSvg } from "../../train/runs/svg_chart.ts";
import { writeAtomically } from "../../train/runs/whole_file.ts";
import { type Method, METHODS } from "./plan.ts";
import { COMMITTED_RESULTS, type StudyResult, type StudyResults } from "./results.ts";

const README = fileURLToPath(new URL("../../README.md", import.meta.url));
const MARKS = ["<!-- study: written by deno task study -->", "<!-- /study -->"] as const;

/** Methods from best to worst by what the paper claims. */
const ORDER: readonly Method[] = ["emoco", "emocoL2", "emotion", "moco", "random"];

/**
 * Writes the charts that the results allow, and table and charts as text: into the README, or into `study.md` of another
 * folder.
 */
export function drawStudy(folder: string, results: StudyResults): void {
  const isCommitted = folder === COMMITTED_RESULTS, pictures: string[] = [];
  const draw = (file: string, title: string, xLabel: string, series: Parameters<typeof lineChart>[1]) => {
    const chart = series.length ? lineChart(title, series, { xLabel, width: 560, height: 300 }) : "";
    if (!chart) return;
    writeAtomically(join(folder, file), standaloneSvg(chart));
    pictures.push(`<img alt="${title}" src="${isCommitted ? "tools/study/" : ""}${file}" width="420">`);
  };
  const { runs } = results;
  const methods = runs.filter((run) => run.group === "methods");
  const of = (method: Method) => methods.filter((run) => run.method === method);
  const known = ORDER.filter((method) => of(method).length > 0);
  draw(
    "updates.svg",
    "Online probe F1 against updates (mean of seeds)",
    "updates",
    known.filter((method) => of(method).some((run) => run.curve.length)).map((method) => ({
      name: METHODS[method].title,
      points: of(method)[0].curve.map(({ step }, i) =>
        [step, mean(of(method).map((run) => run.curve[i]?.f1 ?? NaN))] as const
      ),
    })),
  );
  const atLambda = (method: Method) =>
    [
      ...runs.filter((run) => run.group === "lambda" && run.method === method),
      ...of(method).filter((run) => run.seed === 0),
    ].sort((one, other) => one.emotionWeight - other.emotionWeight).map((run) =>
      [run.emotionWeight, run.f1] as const
    );
  draw(
    "lambda.svg",
    "Probe F1 against lambda (seed 0)",
    "lambda",
    (["emoco", "emotion"] as const).filter((method) => atLambda(method).length > 1)
      .map((method) => ({ name: METHODS[method].title, points: atLambda(method) })),
  );
  draw(
    "finetune.svg",
    "Finetuning: F1 on the test fold against epochs (mean of folds)",
    "epoch",
    runs.filter((run) => run.group === "finetune").map((run) => ({
      name: run.method === "random" ? "from random weights" : `from ${METHODS[run.method].title}`,
      points: [...Map.groupBy(run.epochs, ({ epoch }) => epoch)]
        .map(([epoch, list]) => [epoch, mean(list.map(({ f1 }) => f1))] as const),
    })),
  );
  const text = [tableOf(results, known, of), ...finetuned(runs), pictures.join("\n")].join("\n\n");
  if (isCommitted) intoReadme(text);
  else writeAtomically(join(folder, "study.md"), `${text}\n`);
}

/** How finetuning ended, in a sentence; none where it was not run. */
function finetuned(runs: readonly StudyResult[]): string[] {
  const ends = runs.filter(({ group }) => group === "finetune").map(({ method, f1, auc, epochs }) => {
    const from = method === "random" ? "random weights" : `${METHODS[method].title}'s encoder`;
    const last = Math.max(...epochs.map(({ epoch }) => epoch));
    return `from ${from} F1 ${(100 * f1).toFixed(1)} and AUC ${(100 * auc).toFixed(1)} after ${last} epochs`;
  });
  return ends.length ? [`Finetuning the whole network on the same folds: ${ends.join("; ")}.`] : [];
}

function intoReadme(text: string): void {
  const readme = Deno.readTextFileSync(README);
  const [from, to] = MARKS.map((mark) => readme.indexOf(mark));
  if (from < 0 || to < from) throw new Error(`README.md lacks the marks ${MARKS.join(" and ")}.`);
  writeAtomically(README, `${readme.slice(0, from + MARKS[0].length)}\n\n${text}\n\n${readme.slice(to)}`);
}

function tableOf(
  { setting }: StudyResults,
  known: readonly Method[],
  of: (method: Method) => StudyResult[],
): string {
  const percent = (value: number) => (100 * value).toFixed(1);
  const spread = (values: number[]) =>
    values.length < 2 ? percent(values[0]) : `${percent(mean(values))} (${values.map(percent).join(", ")})`;
  const lead = (method: Method) => {
    const pairs = of("emoco").flatMap((ours) => {
      const theirs = of(method).find((run) => run.seed === ours.seed);
      return theirs ? [ours.f1 - theirs.f1] : [];
    });
    return method === "emoco" || pairs.length === 0
      ? ""
      : pairs.map((value) => `${value < 0 ? "" : "+"}${percent(value)}`).join(", ");
  };
  const rows = known.map((method) => {
    const runs = of(method);
    const knn = runs.map((run) => run.knnEmotionAccuracy).filter((value) => value !== null);
    const cells = [
      METHODS[method].title,
      spread(runs.map((run) => run.f1)),
      spread(runs.map((run) => run.auc)),
      knn.length ? percent(mean(knn)) : "",
      lead(method),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    `Preset \`${
      [setting.preset, ...setting.settings ?? []].join(" ")
    }\` with ${setting.epochs} epochs (${setting.updates} updates) on the ${setting.pretrainFaces} faces of ` +
    `\`pretrain\`; linear probe, 3 folds by subject over the ${setting.probeFaces} faces of \`au\` and \`test\`; ` +
    "means in per cent, single seeds in brackets; the last column is EmoCo's F1 minus the rival's, seed by seed.",
    "",
    "| encoder | F1 | AUC | emotion kNN | EmoCo leads by |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}
