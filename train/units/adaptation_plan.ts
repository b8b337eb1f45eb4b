/** An adaptation before its first step: what it starts from, how long it is, and which faces its batches hold. */
import { Walk } from "../input/walk.ts";
import type { Share } from "../scores/target.ts";
import type { AdaptConfig } from "./adapt_config.ts";
import type { AuModel } from "./au_model.ts";
import { type HeadWeights, NO_HEADS } from "./face_heads.ts";
import type { KnownFaces } from "./finetune_feeds.ts";
import { answerRows, type Answers } from "./teacher.ts";

/** One adaptation by a teacher. */
export interface Adaptation {
  name: string;
  folder: string;
  /** What the run's checkpoint holds as its config. */
  config: AdaptConfig & object;
  /** The finished model to start from; it stays as it is. */
  model: AuModel;
  /** Weights of the heads' losses; those of heads that the model lacks are 0. */
  weights: HeadWeights;
  /** How many of the loader's faces are unlabelled; labelled ones stand behind them. */
  unlabelled: number;
  /** Units' labels and all else that is known of the labelled ones, where there are any. */
  rehearsed?: { rows: Share[][]; known: KnownFaces };
  subjects: { pretraining: string[]; actionUnits: string[]; adaptation: string[] };
  resumes: boolean;
  eager: boolean;
}

/** Weights of the heads that a model has: those of its training, 1 for an emotion head that stood beside it frozen. */
export function headWeights(model: AuModel, trained: Partial<HeadWeights>): HeadWeights {
  const weights = { ...NO_HEADS };
  for (const part of model.parts ?? []) weights[`${part}Weight`] = trained[`${part}Weight`]!;
  if (model.heads?.["visible.weight"]) weights.visibleWeight = trained.visibleWeight!;
  if (model.emotionHead) weights.emotionWeight = trained.emotionWeight || 1;
  return weights;
}

/** Steps of a round, and how many unlabelled faces each of their batches holds. */
export function planRounds(
  { config, unlabelled, rehearsed }: Adaptation,
): { perRound: number; fresh: number } {
  const { batchSize, epochs, rehearsal } = config;
  const again = rehearsed ? Math.min(batchSize - 1, Math.max(1, Math.round(rehearsal * batchSize))) : 0;
  const fresh = batchSize - again;
  return { fresh, perRound: Math.max(1, Math.floor(epochs * unlabelled / fresh)) };
}

/** The walk: the first faces of every batch unlabelled, the others labelled, each kind in an order of its own. */
export function walkOverBoth(
  { config, unlabelled, rehearsed }: Adaptation,
  fresh: number,
): Pick<Walk, "at"> {
  const first = new Walk(unlabelled, config.seed), again = config.batchSize - fresh;
  if (!rehearsed) return first;
  const second = new Walk(rehearsed.rows.length, config.seed + 1);
  return {
    at(position) {
      const step = Math.floor(position / config.batchSize), place = position % config.batchSize;
      if (place < fresh) return first.at(step * fresh + place);
      const { index, epoch } = second.at(step * again + place - fresh);
      return { index: unlabelled + index, epoch };
    },
  };
}

/** Answers and labels, in the order of the loader's faces. */
export function withRehearsed(
  answers: Answers,
  { rehearsed }: Adaptation,
): { rows: Share[][]; known: KnownFaces } {
  const rows = answerRows(answers);
  if (!rehearsed) return { rows, known: answers };
  const joined = (one: Float32Array, other: Float32Array) => {
    const all = new Float32Array(one.length + other.length);
    all.set(one);
    all.set(other, one.length);
    return all;
  };
  const { known } = rehearsed;
  return {
    rows: [...rows, ...rehearsed.rows],
    known: {
      emotions: joined(answers.emotions, known.emotions),
      geometry: [...answers.geometry, ...known.geometry],
      visible: joined(answers.visible, known.visible),
      units: answers.units,
    },
  };
}
