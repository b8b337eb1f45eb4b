/** Scores of a finished model on people it has never seen: over all of them, and over groups. */
import { EMOTIONS } from "@emoco/web/facs";
import type { Face } from "../input/data.ts";
import { accuracy, type UnitScores } from "./metrics.ts";
import { averageFolds, type Averages } from "./score_table.ts";
import { scoreTarget, type Target, targetRows } from "./target.ts";

/** Scores of one test: over all faces, and over groups of them. */
export interface Evaluation {
  faces: number;
  subjects: number;
  averages: Averages;
  units: UnitScores[];
  emotionAccuracy: number | null;
  /** By skin group, head pose and other recorded properties: name, faces, means. */
  groups: { group: string; faces: number; averages: Averages }[];
}

/** All measures of the given predictions, row by row in the order of the faces. */
export function evaluateFaces(
  faces: readonly Face[],
  aus: readonly number[],
  { probabilities, emotions }: { probabilities: Float32Array; emotions?: Float32Array },
  target: Target = "occurrence",
): Evaluation {
  const labels = targetRows(faces, aus, target);
  const units = scoreTarget(target, aus, probabilities, labels);
  const score = (chosen: number[]) => {
    const rows = Float32Array.from(
      chosen.flatMap((n) => [...probabilities.subarray(n * aus.length, (n + 1) * aus.length)]),
    );
    return averageFolds([scoreTarget(target, aus, rows, chosen.map((n) => labels[n]))]);
  };
  const groups = Map.groupBy(
    faces.flatMap((face, n) => groupsOf(face).map((group) => ({ group, n }))),
    ({ group }) => group,
  );
  const named = faces.flatMap((face, n) => face.emotion ? [n] : []);
  return {
    faces: faces.length,
    subjects: new Set(faces.map((face) => face.subject)).size,
    averages: averageFolds([units]),
    units,
    emotionAccuracy: emotions && named.length
      ? accuracy(
        named.map((n) => mostLikely(emotions.subarray(n * EMOTIONS.length, (n + 1) * EMOTIONS.length))),
        named.map((n) => EMOTIONS.indexOf(faces[n].emotion!)),
      )
      : null,
    groups: [...groups].sort(([one], [other]) => one < other ? -1 : 1).map(([group, members]) => ({
      group,
      faces: members.length,
      averages: score(members.map(({ n }) => n)),
    })),
  };
}

/** Groups that a face belongs to, by what its manifest line records: skin group and how far the head is turned. */
function groupsOf({ other }: Face): string[] {
  const groups: string[] = [];
  if (typeof other.skin === "number" || typeof other.skin === "string") {
    groups.push(`skin group ${other.skin}`);
  }
  const yaw = (other.pose as { yaw?: unknown } | undefined)?.yaw;
  if (typeof yaw === "number") {
    const turn = Math.abs(yaw);
    groups.push(`head turned ${turn < 10 ? "under 10" : turn < 20 ? "10 to 20" : "over 20"} deg`);
  }
  return groups;
}

function mostLikely(row: Float32Array): number {
  return row.indexOf(Math.max(...row));
}
