/** What methods on clips have in common, above all the two that draw one frame of a clip from another's pixels. */
import { type Tensor1D, type Tensor4D, tf } from "../engine/backend.ts";
import { curriculumAt, type CurriculumFeeds } from "../nets/curriculum.ts";
import type { FlowDecoder } from "../nets/flow_decoder.ts";
import type { Head } from "../nets/heads.ts";
import { featureCount } from "../nets/resnet.ts";
import { demandsOn } from "../runs/settings.ts";
import {
  type Clock,
  cosineClock,
  type Plan,
  type RunSettings,
  scalarFeed,
  type ViewFeeds,
} from "./method.ts";

/** Settings of FAb-Net and TCAE. */
export interface ClipSettings {
  /** Length of a frame's vector (both papers: 256). */
  embeddingSize: number;
  /** Channels of the decoders' last hidden stage (both papers: 32). */
  decoderChannels: number;
}

/** Their feeds: view Q is the target, view K the source. */
export type ClipFeeds = ViewFeeds & CurriculumFeeds;

/** What a method's presets begin with on clips: frames that are cut out alike, vectors of 256, no weight decay. */
export const ON_CLIPS = {
  views: "clip",
  cropScale: [0.8, 1], // the published code: a square of about 200 in 224 pixels
  embeddingSize: 256,
  weightDecay: 0,
} as const;

/** Of the people of clips, who are few, a tenth would not do to probe with. */
export const FEW = 0.2;

/** And where one frame is drawn from another. */
export const DRAWN = {
  paper: { ...ON_CLIPS, decoderChannels: 32, imageSize: 256 },
  quick: {
    ...ON_CLIPS,
    decoderChannels: 8, // 32 times the width of the backbone
    heldBack: FEW,
  },
} as const;

/** A layer from features to a frame's vector. */
export function vectorHead(name: string, config: RunSettings & { embeddingSize: number }): Head {
  return { name, inputs: featureCount(config), layers: [{ outputs: config.embeddingSize }] };
}

/** A decoder from the vectors of two frames to a map of the picture's size. */
export function pairDecoder(
  name: string,
  { embeddingSize, imageSize, decoderChannels }: RunSettings & ClipSettings,
  outputs: number,
): FlowDecoder {
  return { name, inputs: 2 * embeddingSize, side: imageSize, channels: decoderChannels, outputs };
}

/** Mean absolute difference of pictures, one a sample: [B, S, S, 3] to [B]. */
export function photometric(drawn: Tensor4D, picture: Tensor4D): Tensor1D {
  return tf.mean(tf.abs(tf.sub(drawn, picture)), [1, 2, 3]);
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
