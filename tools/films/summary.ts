/**
 * `summary.csv`: one line a film and person.
 * @module
 */
import type { ModelCard } from "@emoco/web/model-card";
import { unitName } from "./row.ts";
import type { FilmStatistics } from "./statistics.ts";

/** The heading. */
export function summaryHead({ aus }: Pick<ModelCard, "aus">): string {
  return [
    ...["file", "face", "seconds", "frames", "first", "last", "blinks_per_minute"],
    ...aus.flatMap(({ au }) =>
      ["share", "episodes", "mean", "peak", "peak_time"].map((name) => `${unitName(au)}_${name}`)
    ),
  ].join(",");
}

/** The lines of a film. A film in which nobody was found has one with those left empty. */
export function summaryLines(
  file: string,
  { aus }: Pick<ModelCard, "aus">,
  { persons, frames }: FilmStatistics,
): string[] {
  const name = /[",\r\n]/.test(file) ? `"${file.replaceAll('"', '""')}"` : file;
  const number = (value: number | undefined, digits: number) =>
    value === undefined || !Number.isFinite(value) ? "" : String(Number(value.toFixed(digits)));
  if (persons.length === 0) return [[name, "", 0, frames, ...new Array(3 + 5 * aus.length)].join(",")];
  return persons.map((person) =>
    [
      name,
      person.face,
      number(person.seconds, 3),
      person.frames,
      number(person.first, 3),
      number(person.last, 3),
      number(person.blinks, 1),
      ...person.units.flatMap(({ seen, present, episodes, mean, peak, peakTime }) => [
        number(seen > 0 ? present / seen : NaN, 4),
        seen > 0 ? episodes : "",
        number(mean, 3),
        number(peak, 3),
        number(peakTime, 3),
      ]),
    ].join(",")
  );
}
