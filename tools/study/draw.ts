/** Draws a part's results: charts beside them, and its text, into the README's place for it or into a file. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeAtomically } from "../../train/runs/whole_file.ts";
import type { Part } from "./part.ts";
import { claimNames } from "../files/claim.ts";
import { COMMITTED_RESULTS, type StudyResults } from "./results.ts";

const README = fileURLToPath(new URL("../../README.md", import.meta.url));

/** What stands around a part's text in the README. */
export function marksOf(name: string): readonly [string, string] {
  return [`<!-- study ${name}: written by deno task study -->`, `<!-- /study ${name} -->`];
}

/**
 * Writes the charts that the results allow, and text with links to them: into the README for the results that come with
 * the project, else into `<name>.md` beside them.
 * @returns what the README lacks, in a sentence; absent where everything is written
 */
export function drawPart(
  folder: string,
  name: string,
  part: Part,
  results: StudyResults,
): string | undefined {
  if (!results.runs.length) return;
  const isCommitted = folder === COMMITTED_RESULTS;
  const { text, charts } = part.draw(results);
  if (!isCommitted) claimNames("--out", folder, [`${name}.md`, ...charts.map(({ file }) => file)]);
  const place = isCommitted ? "tools/study/" : "";
  const pictures = charts.filter(({ svg }) => svg !== "").map(({ file, title, svg, width = 420 }) => {
    if (svg) writeAtomically(join(folder, file), svg);
    return `<img alt="${title}" src="${place}${file}" width="${width}">`;
  });
  const block = [text, pictures.join("\n")].filter(Boolean).join("\n\n");
  if (isCommitted) return intoReadme(name, block);
  writeAtomically(join(folder, `${name}.md`), `${block}\n`);
}

function intoReadme(name: string, block: string): string | undefined {
  const marks = marksOf(name);
  const readme = Deno.readTextFileSync(README);
  const text = putBetween(readme, marks, block);
  if (text === undefined) {
    return `README.md has no place for ${name}: put ${
      marks.join(" and ")
    } where it belongs, then deno task study --draw.`;
  }
  writeAtomically(README, text);
}

/** The text with what stands between the marks replaced; absent where it lacks them. */
export function putBetween(
  text: string,
  [open, close]: readonly [string, string],
  block: string,
): string | undefined {
  const [from, to] = [open, close].map((mark) => text.indexOf(mark));
  if (from < 0 || to < from) return undefined;
  return `${text.slice(0, from + open.length)}\n\n${block}\n\n${text.slice(to)}`;
}
