/** What SimCLR and SupCon have in common: views of a batch against all others of it; they differ in who is a positive. */
import { type Tensor2D, tf } from "../engine/backend.ts";
import { gatherDifferentiably, type Ranks } from "../engine/collective.ts";
import { descend, type Trained } from "../nets/descent.ts";
import { unitRows } from "../nets/encoder.ts";
import type { Head } from "../nets/heads.ts";
import { inBatchLoss } from "../nets/in_batch_loss.ts";
import { demandsOn } from "../runs/settings.ts";
import type { RunSettings, StepResult, Term, ViewFeeds } from "./method.ts";
import { descentOf, resultOf, runBackbone, runHeadOf } from "./two_views.ts";

/** Settings of both. */
export interface InBatchSettings {
  /** Units inside the projection head g (both papers: 2048, as many as ResNet-50 has features). */
  projectionSize: number;
  /** Length of an embedding, D (both papers: 128). */
  embeddingSize: number;
  /** Temperature tau (SimCLR: 0.1 at 4,096 faces, 0.5 at 256; SupCon: 0.1). */
  temperature: number;
}

type Config = RunSettings & InBatchSettings;

/** @throws {ConfigError} naming the setting that cannot be */
export function checkInBatch(config: Config): void {
  const { demand, atLeast } = demandsOn(config);
  atLeast(["projectionSize"], 1);
  atLeast(["embeddingSize"], 2);
  demand(config.temperature > 0, `temperature is ${config.temperature}; it must be above 0.`);
}

/** The two halves of the loss. @param positives what an anchor is pulled to */
export function pullAndPush(positives: string): Term[] {
  return [
    { name: "pull", short: "pul", meaning: `pull to ${positives}`, kind: "loss" },
    { name: "push", short: "psh", meaning: "push from the batch", kind: "loss" },
  ];
}

/**
 * The step of both.
 * @param head g
 * @param masks who each of the 2B anchors is, and who are its positives, among the views of all ranks, [2B, N * 2B]
 */
export function contrastInBatch(
  state: Trained,
  feeds: ViewFeeds,
  config: Config,
  head: Head,
  masks: { self: Tensor2D; positives: Tensor2D },
  ranks?: Ranks,
): StepResult {
  const both = tf.concat([feeds.viewQ, feeds.viewK]); // one pass of 2B, so batch norm spans both views
  return resultOf(descend(state, (now, kept) => {
    const h = runBackbone(now, both, config, ranks, kept()); // h = f(x), [2B, F]
    const z = unitRows(runHeadOf(head, now, h, ranks)); // z = g(h) at unit length, [2B, D]
    const { temperature } = config;
    const { loss, ...terms } = inBatchLoss(z, gatherDifferentiably(z, ranks), { ...masks, temperature });
    return { loss, terms };
  }, descentOf(feeds, config, ranks)));
}
