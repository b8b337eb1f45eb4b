/** Numbers and tables of the study as Markdown. */
import { mean } from "../../train/scores/metrics.ts";
import type { Setting } from "./results.ts";
import type { StudyResult } from "./run.ts";

/** A share in per cent, one digit. */
export function percent(share: number): string {
  return (100 * share).toFixed(1);
}

/** Mean of the seeds, and in brackets each. */
export function spread(values: readonly number[], show: (value: number) => string = percent): string {
  if (values.length === 0) return "";
  return values.length === 1 ? show(values[0]) : `${show(mean(values))} (${values.map(show).join(", ")})`;
}

/** Numbers that were measured. */
export function measured(values: readonly (number | null | undefined)[]): number[] {
  return values.filter((value): value is number => typeof value === "number" && !Number.isNaN(value));
}

/** How far `ours` is ahead of `theirs`, seed by seed: the mean, and in brackets each; seeds of one alone are left out. */
export function leads(
  ours: readonly StudyResult[],
  theirs: readonly StudyResult[],
  of: (result: StudyResult) => number | null | undefined = ({ f1 }) => f1,
): string {
  const differences = ours.flatMap((mine) => {
    const other = theirs.find(({ seed, at }) => seed === mine.seed && at === mine.at);
    const [a, b] = [of(mine), other && of(other)];
    return typeof a === "number" && typeof b === "number" ? [a - b] : [];
  });
  return spread(differences, (value) => `${value < 0 ? "" : "+"}${percent(value)}`);
}

/** Mean seconds, whole; empty where nobody measured them. */
export function seconds(values: readonly (number | null)[]): string {
  const known = measured(values);
  return known.length ? mean(known).toFixed(0) : "";
}

/** Updates, once or from least to most; empty where there were none, or nobody counted them. */
export function updates(values: readonly number[]): string {
  const known = values.filter((value) => value > 0);
  if (!known.length) return "";
  const least = Math.min(...known), most = Math.max(...known);
  return least === most ? `${least}` : `${least} to ${most}`;
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

/** The sentence that every part begins with: preset, epochs and faces. */
export function conditions({ preset, settings, epochs, pretrainFaces, probeFaces }: Setting): string {
  return `Preset \`${
    [preset, ...settings].join(" ")
  }\` with ${epochs} epochs on the ${pretrainFaces} faces of ` +
    `\`pretrain\`, then action units on the ${probeFaces} faces of \`au\` and \`test\``;
}
