/**
 * One action unit of one face: from the model's number to what people are told.
 * @module
 */
import { actionUnit } from "./facs.ts";
import type { CardUnit, ModelCard } from "./model_card.ts";

/** FACS's E, the strongest a movement gets. */
export const FULL_INTENSITY = 5;

/** The share from which a unit counts as seen. */
const SEEN = 0.5;

/** One action unit of one face. */
export interface DetectedUnit {
  readonly au: number;
  /** Its English name in FACS. */
  readonly name: string;
  /**
   * How likely it is that the unit is present, 0-1: the model's number, calibrated where the card says how. Of a model of
   * intensity without a calibration, the share of the full one.
   */
  readonly probability: number;
  /** The probability from which the unit counts as present. */
  readonly threshold: number;
  /** probability >= threshold: the only decision there is. null where the unit cannot be seen: it is not judged. */
  readonly present: boolean | null;
  /** On FACS's scale of 0 to 5; absent where the model knows occurrence only, or the unit cannot be seen. */
  readonly intensity?: number;
  /** How likely it is that the unit's place can be seen, 0-1; absent where the model does not know. */
  readonly visible?: number;
}

/**
 * What the model's output says of one action unit: the one place where it is decided.
 * @param output the model's number, 0-1
 * @param target the card's
 * @param visible of the model's output of that name, 0-1, where it has one
 */
export function readUnit(
  unit: CardUnit,
  output: number,
  target: ModelCard["target"],
  visible?: number,
): DetectedUnit {
  const intensity = target === "intensity" ? FULL_INTENSITY * output : undefined;
  return judgeUnit(unit, calibrate(output, unit.calibration), intensity, visible);
}

/** The decision on numbers that were read before. */
export function judgeUnit(
  { au, threshold }: CardUnit,
  probability: number,
  intensity?: number,
  visible?: number,
): DetectedUnit {
  const isJudged = isSeen(visible);
  return {
    au,
    name: actionUnit(au).name,
    probability,
    threshold,
    present: isJudged ? probability >= threshold : null,
    ...isJudged && intensity !== undefined && { intensity },
    ...visible !== undefined && { visible },
  };
}

/** Whether a unit can be seen well enough to be judged; one of which nothing is known can. */
export function isSeen(visible: number | undefined): boolean {
  return visible === undefined || visible >= SEEN;
}

/** sigmoid(slope logit(p) + offset); rises with p, and takes 0 to 0 and 1 to 1. */
export function calibrate(p: number, calibration: CardUnit["calibration"]): number {
  if (!calibration) return p;
  const [slope, offset] = calibration;
  return 1 / (1 + Math.exp(-(slope * Math.log(p / (1 - p)) + offset)));
}
