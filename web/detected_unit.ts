/**
 * One action unit of one face: from the model's number to what people are told.
 * @module
 */
import { actionUnit } from "./facs.ts";
import type { ModelCard } from "./model_card.ts";

/** FACS's E, the strongest a movement gets. */
export const FULL_INTENSITY = 5;

/** One action unit of one face. */
export interface DetectedUnit {
  readonly au: number;
  /** Its English name in FACS. */
  readonly name: string;
  /** The model's probability, 0-1; of a model of intensity, the share of the full one. */
  readonly probability: number;
  /** The probability from which the unit counts as present. */
  readonly threshold: number;
  /** probability >= threshold: the only decision there is. */
  readonly present: boolean;
  /** 5 times the probability, on FACS's scale of 0 to 5; absent where the model knows occurrence only. */
  readonly intensity?: number;
}

/**
 * What the model's output says of one action unit: the one place where it is decided.
 * @param probability the model's output, 0-1
 * @param target the card's
 */
export function readUnit(
  { au, threshold }: ModelCard["aus"][number],
  probability: number,
  target: ModelCard["target"],
): DetectedUnit {
  const unit = { au, name: actionUnit(au).name, probability, threshold, present: probability >= threshold };
  return target === "intensity" ? { ...unit, intensity: FULL_INTENSITY * probability } : unit;
}
