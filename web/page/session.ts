/**
 * What is known of one source from its first frame on: who is who, what was measured, peaks, smoothed values.
 * @module
 */
import type { DetectedFace, DetectedUnit } from "../detector.ts";
import { FaceTracker } from "../face_tracker.ts";
import type { ModelCard } from "../model_card.ts";
import { Recording, type TrackedFace } from "./recording.ts";
import { Smoothing } from "./smoothing.ts";

/** A session of one source. */
export class Session {
  readonly recording: Recording;
  readonly #tracker = new FaceTracker();
  readonly #smoothing = new Smoothing();
  readonly #peaks = new Map<number, number[]>();
  #faces: readonly TrackedFace[] = [];

  /**
   * @param source "camera", or the name of a file
   * @param card of the model that measures
   */
  constructor(readonly source: string, readonly card: ModelCard) {
    this.recording = new Recording(card);
  }

  /** The faces of the newest frame. */
  get faces(): readonly TrackedFace[] {
    return this.#faces;
  }

  /** Takes in a frame: numbers its faces and records them. */
  add(frame: number, time: number, found: readonly DetectedFace[]): readonly TrackedFace[] {
    // The worker numbers the faces of a video; those of a picture are numbered here.
    const ids = found.every(({ id }) => id !== undefined)
      ? found.map(({ id }) => id!)
      : this.#tracker.follow(found.map(({ box }) => box), time);
    this.#faces = found.map((face, i) => ({ ...face, id: ids[i] }));
    this.recording.add(frame, time, this.#faces);
    for (let i = 0; i < ids.length; i++) this.#raisePeaks(this.#faces[i]);
    return this.#faces;
  }

  /** The highest that each action unit of a face has reached, in the card's order. */
  peaksOf(face: number): readonly number[] {
    return this.#peaks.get(face) ?? [];
  }

  /** A face's action units as they are shown. */
  shownUnits({ id, aus }: TrackedFace, time: number, isSmoothed: boolean): readonly DetectedUnit[] {
    if (!isSmoothed) return aus;
    const values = aus.flatMap(({ probability, intensity = NaN }) => [probability, intensity]);
    const smoothed = this.#smoothing.follow(id, values, time);
    return aus.map((unit, i) => ({
      ...unit,
      probability: smoothed[2 * i],
      ...unit.intensity !== undefined && { intensity: smoothed[2 * i + 1] },
    }));
  }

  #raisePeaks({ id, aus }: TrackedFace): void {
    const peaks = this.#peaks.get(id) ?? aus.map(() => 0);
    for (let i = 0; i < aus.length; i++) {
      if (aus[i].present !== null) peaks[i] = Math.max(peaks[i], aus[i].probability);
    }
    this.#peaks.set(id, peaks);
  }
}
