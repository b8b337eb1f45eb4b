/**
 * A camera read in three lines, on any page:
 *
 * ```ts ignore
 * import { readCamera } from "@emoco/web/camera";
 *
 * for await (const { faces } of readCamera(document.querySelector("video")!)) {
 *   console.log(faces.map(({ id, aus }) => ({ id, smile: aus.find(({ au }) => au === 12)?.probability })));
 * }
 * ```
 *
 * @module
 */
import type { DetectedFace, DetectedUnit, Detection } from "./detector.ts";
import type { ModelCard } from "./model_card.ts";
import { Camera } from "./page/camera.ts";
import { type FrameKind, Reader, type ReaderOptions } from "./reader.ts";

export { type DetectedFace, type DetectedUnit, type Detection, type FrameKind, type ModelCard, Reader };
export type { ReaderOptions };

/** A face that keeps its number from frame to frame. */
export interface ReadFace extends DetectedFace {
  /** From 1 on. */
  readonly id: number;
}

/** What a frame shows. */
export interface Reading extends Omit<Detection, "faces"> {
  /** Seconds, when the frame was taken; only differences mean something. */
  readonly time: number;
  /** Largest first. */
  readonly faces: readonly ReadFace[];
}

/** How a camera is read. */
export interface ReadCameraOptions extends ReaderOptions {
  /** Number of the device, as `navigator.mediaDevices.enumerateDevices()` has it; the one towards the user unless given. */
  readonly camera?: string;
  /** Ends the readings. */
  readonly signal?: AbortSignal;
}

/**
 * Shows the camera in a video element and reads it, always the newest frame, until the loop is left, the signal aborts or
 * the camera goes away; then camera and worker are let go.
 * @throws {Error} with a sentence for the user when the camera is refused, or the models cannot be loaded
 */
export async function* readCamera(
  video: HTMLVideoElement,
  options: ReadCameraOptions = {},
): AsyncGenerator<Reading, void, void> {
  const { signal } = options;
  signal?.throwIfAborted();
  const camera = await Camera.open(options.camera, video);
  let reader: Reader | undefined;
  /** Of the newest frame that was not read; undefined where there is none. */
  let newest: number | undefined, wake = () => {}, isOver = false;
  const end = () => {
    isOver = true;
    wake();
  };
  signal?.addEventListener("abort", end);
  try {
    reader = await Reader.open(options);
    camera.watch((seconds) => {
      newest = seconds;
      wake();
    }, end);
    for (let isFirst = true; !isOver && !signal?.aborted; isFirst = false) {
      if (newest === undefined) await new Promise<void>((resolve) => wake = resolve);
      if (newest === undefined) break;
      const time: number = newest;
      newest = undefined;
      const { faces, ...detection } = await reader.read(video, { isStill: false, isFirst, time });
      yield { ...detection, time, faces: faces.map((face) => ({ ...face, id: face.id ?? 0 })) };
    }
  } finally {
    signal?.removeEventListener("abort", end);
    camera.close();
    reader?.close();
  }
}
