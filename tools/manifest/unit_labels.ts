/**
 * Labels of action units from the text of a cell.
 * @module
 */
import { ACTION_UNITS } from "@emoco/web/facs";

/** What sets write where nobody coded a unit or it could not be seen. */
const UNLABELLED = new Set([
  "",
  "9",
  "99",
  "999",
  "-1",
  "-9",
  "-99",
  "-999",
  "nan",
  "na",
  "n/a",
  "null",
  "none",
]);

/** A label; `null` is unlabelled, and `undefined` means nothing that the sets describe. */
export type Label = number | null | undefined;

/** Occurrence, 0 or 1. */
export function readOccurrence(text = ""): Label {
  return readNumber(text, (value) => value === 0 || value === 1);
}

/** Intensity, 0 (absent) to 5 (E, maximal). */
export function readIntensity(text = ""): Label {
  return readNumber(text, (value) => value >= 0 && value <= 5);
}

function readNumber(text: string, isValid: (value: number) => boolean): Label {
  const value = Number(text);
  if (text !== "" && isValid(value)) return value;
  return UNLABELLED.has(text.toLowerCase()) || text !== "" && UNLABELLED.has(String(value))
    ? null
    : undefined;
}

/** Intensity 2 (B, slight) and more counts as present, as everybody who reports on DISFA has it. */
export function occurrenceOf(intensity: number | null): number | null {
  return intensity === null ? null : Number(intensity >= 2);
}

/** Whether the project knows the unit, so that a model of it can be named. */
export function isKnownUnit(au: number): boolean {
  return ACTION_UNITS.some((unit) => unit.au === au);
}
