/** What a run goes through: its faces, two views each, or the clips that they make. */
import { Clips, framesOf } from "../input/clips.ts";
import type { Face } from "../input/data.ts";
import type { ViewBatch, ViewLoader } from "../input/views.ts";
import { Walk, walkOver } from "../input/walk.ts";
import type { PretrainMethod, RunSettings } from "../methods/method.ts";

/** The samples of a run. */
export interface Samples {
  /** Samples of an epoch. */
  readonly count: number;
  /** Pictures of each. */
  readonly pictures: number;
  readonly walk: Walk;
  /** The face, or first frame, that a place of the walk stands for. */
  faceOf(index: number): number;
  batches(loader: ViewLoader, walk: Pick<Walk, "at">, first: number, last: number): AsyncGenerator<ViewBatch>;
}

/**
 * The samples that a method takes of the faces it is trained on.
 * @throws {ManifestError} faces that make no clips, for a method on clips
 */
export function samplesOf(
  faces: readonly Face[],
  method: Pick<PretrainMethod, "clip">,
  config: RunSettings,
): Samples {
  if (!method.clip) {
    return {
      count: faces.length,
      pictures: 2,
      walk: walkOver(faces, config),
      faceOf: (index) => index,
      batches: (loader, walk, first, last) => loader.randomViews(walk, first, last),
    };
  }
  const shape = method.clip(config);
  const clips = new Clips(faces, shape, config.seed);
  return {
    count: clips.anchors.length,
    pictures: framesOf(shape),
    walk: new Walk(clips.anchors.length, config.seed),
    faceOf: (index) => clips.anchors[index],
    batches: (loader, walk, first, last) => loader.clips(walk, clips, first, last),
  };
}
