/** What methods that draw one frame of a clip from another have in common: their settings and their clock. */
import { curriculumAt } from "../nets/curriculum.ts";
import { demandsOn } from "../runs/settings.ts";
import { type Clock, cosineClock, type Plan, type RunSettings, scalarFeed } from "./method.ts";

/** Settings of FAb-Net and TCAE. */
export interface ClipSettings {
  /** Length of a frame's vector (both papers: 256). */
  embeddingSize: number;
  /** Channels of the decoders' last hidden stage (both papers: 32). */
  decoderChannels: number;
}

/** @throws {ConfigError} naming the setting that cannot be */
export function checkClipSettings(config: RunSettings & ClipSettings): void {
  const { demand, atLeast } = demandsOn(config);
  checkClipViews(config);
  atLeast(["embeddingSize", "decoderChannels"], 1);
  demand(
    config.imageSize % 16 === 0,
    `imageSize is ${config.imageSize}; a decoder that doubles its map takes a multiple of 16.`,
  );
}

/** @throws {ConfigError} views that would show the frames of a clip each in other colours */
export function checkClipViews({ views, sampling }: RunSettings): void {
  const { demand } = demandsOn({});
  demand(views === "clip", `views is "${views}"; on clips it must be clip, which cuts all frames out alike.`);
  demand(sampling === "natural", `sampling is "${sampling}"; clips are gone through as they are: natural.`);
}

/** Cosine learning rate, and the curriculum's shares. */
export function curriculumClock(config: RunSettings, plan: Plan): Clock {
  return cosineClock(config, plan, (step) => {
    const { from, to } = curriculumAt(step, plan.steps);
    return { from: scalarFeed(from), to: scalarFeed(to) };
  });
}
