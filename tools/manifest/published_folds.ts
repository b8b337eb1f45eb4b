/**
 * Whether all the people are there on whom the field tests.
 * @module
 */
import { BENCHMARKS } from "../../train/scores/protocols.ts";

/** A sentence on the people of a set beside those of its published folds; nothing where there are no such folds. */
export function compareWithFolds(set: string, subjects: ReadonlySet<string>): string | undefined {
  const folds = Object.entries(BENCHMARKS).find(([name]) => name === set)?.[1].folds;
  if (!folds) return undefined;
  const people = folds.flat().sort(), missing = people.filter((name) => !subjects.has(name));
  const others = [...subjects].filter((name) => !people.includes(name)).sort();
  return `${
    people.length - missing.length
  } of the ${people.length} people of the published folds have faces` +
    (missing.length > 0 ? `; missing: ${missing.join(" ")}` : "") +
    (others.length > 0 ? `; in no fold: ${others.join(" ")}` : "") + ".";
}
