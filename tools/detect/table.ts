/**
 * What was found in a photo, as lines for a terminal.
 * @module
 */
import type { DecodedPicture } from "@emoco/serve/decode";
import type { DetectedFace, Detection, FaceWarning } from "@emoco/web/detector";

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

function faceLines(face: DetectedFace, number: number): string[] {
  const { box, score, aus, emotions } = face;
  const [x, y, width, height] = [box.x, box.y, box.width, box.height].map(Math.round);
  const lines = [`Face ${number}: ${width} x ${height} at ${x}, ${y}, score ${score.toFixed(2)}`];
  if (emotions) {
    const sorted = Object.entries(emotions).sort(([, one], [, other]) => other - one);
    lines.push(`  ${sorted.map(([name, value]) => `${name} ${value.toFixed(2)}`).join("  ")}`);
  }
  lines.push(...headLines(face));
  const longest = Math.max(...aus.map(({ name }) => name.length));
  for (const { au, name, probability, threshold, present, intensity } of aus) {
    if (present === null) {
      lines.push(`  ${`AU${au}`.padEnd(5)} ${name.padEnd(longest)}  cannot be seen`);
      continue;
    }
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

const WARNINGS: Readonly<Record<FaceWarning, string>> = {
  "cut-off": "the picture's edge cuts the face",
  "turned-away": "the face is turned far away",
  "covered": "something hides parts of the face",
};

/** What is known of head and eyes beside the action units. */
function headLines({ pose, gaze, openness, warnings }: DetectedFace): string[] {
  const degrees = (value: number) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(0)}\u00b0`;
  const share = (value: number) => value.toFixed(2);
  const lines: string[] = [];
  if (pose) {
    lines.push(`head yaw ${degrees(pose.yaw)} pitch ${degrees(pose.pitch)} roll ${degrees(pose.roll)}`);
  }
  if (gaze) {
    const eye = ([yaw, pitch]: readonly [number, number]) => `yaw ${degrees(yaw)} pitch ${degrees(pitch)}`;
    lines.push(`left eye looks ${eye(gaze.left)}, right eye ${eye(gaze.right)}`);
  }
  if (openness) {
    const { leftEye, rightEye, mouth } = openness;
    lines.push(
      `open: left eye ${share(leftEye)}, right eye ${share(rightEye)}, mouth ${share(mouth)} eye distances`,
    );
  }
  if (warnings) lines.push(`Warning: ${warnings.map((code) => WARNINGS[code]).join("; ")}.`);
  return lines.map((line) => `  ${line}`);
}
