/**
 * What was found in a photo, as lines for a terminal.
 * @module
 */
import type { DecodedPicture } from "@emoco/serve/decode";
import type { DetectedFace, Detection } from "@emoco/web/detector";
import { FACE_WARNINGS } from "../../web/face_warnings.ts";

const BAR = 20;

/** The photo's lines: size, times, what is to be said of the file, and a table of action units for each face. */
export function tableOf(
  name: string,
  { width, height, faces, timings }: Detection,
  decode: number,
  { warnings = [], original, ...taken }: Pick<DecodedPicture, "warnings" | "original" | "width" | "height">,
): string {
  const ms = Object.entries({ decode, ...timings }).map(([stage, time]) => `${stage} ${time.toFixed(0)}`);
  const count = faces.length === 0 ? "no face" : faces.length === 1 ? "1 face" : `${faces.length} faces`;
  const lines = [`${name}: ${width} x ${height}, ${count} (${ms.join(", ")} ms)`];
  if (original) {
    lines.push(`It was made smaller, to ${taken.width} x ${taken.height}, before it was looked at.`);
  }
  if (warnings.includes("damaged")) {
    lines.push("Warning: the file is damaged, some of its pixels are not what they were.");
  }
  faces.forEach((face, i) => lines.push("", ...faceLines(face, i + 1)));
  return lines.join("\n");
}

function faceLines({ box, score, aus, emotions, warnings = [] }: DetectedFace, number: number): string[] {
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map(Math.round);
  const lines = [`Face ${number}: ${width} x ${height} at ${x}, ${y}, score ${score.toFixed(2)}`];
  for (const code of warnings) {
    lines.push(`  Warning, ${code}: ${FACE_WARNINGS[code]}; its units are uncertain.`);
  }
  if (emotions) {
    const sorted = Object.entries(emotions).sort(([, one], [, other]) => other - one);
    lines.push(`  ${sorted.map(([name, value]) => `${name} ${value.toFixed(2)}`).join("  ")}`);
  }
  const longest = Math.max(...aus.map(({ name }) => name.length));
  for (const { au, name, probability, threshold, present, intensity } of aus) {
    const filled = Math.round(probability * BAR), mark = Math.min(BAR - 1, Math.floor(threshold * BAR));
    const bar = Array.from({ length: BAR }, (_, i) => i < filled ? "█" : i === mark ? "│" : "·").join("");
    lines.push(
      `  ${`AU${au}`.padEnd(5)} ${name.padEnd(longest)}  ${bar}  ${
        intensity?.toFixed(1) ?? probability.toFixed(2)
      }${present ? "  present" : ""}`,
    );
  }
  return lines;
}
