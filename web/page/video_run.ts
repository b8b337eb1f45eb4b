/**
 * The analysis of a video file from its first frame to its last, with pause and seek; then it can be played.
 * @module
 */
import type { VideoFile, VideoFrameAt } from "./video_file.ts";

/** What a run tells the page. */
export interface VideoRunEvents {
  /** Analyses a frame and shows it. */
  analyse(frame: number, at: VideoFrameAt): Promise<void>;
  /** Shows a frame with what was found in it before. */
  show(at: VideoFrameAt): void;
  /** The state has changed. */
  change(): void;
}

/** A video that is analysed, looked through, or played. */
export class VideoRun {
  /** Frames that were analysed. */
  frame = 0;
  /** Seconds up to which the video was analysed. */
  analysed = 0;
  /** Seconds of the frame on screen. */
  time = 0;
  /** Whether every frame was analysed. */
  isDone = false;
  /** Whether it stands still. */
  isPaused = false;
  /** Seconds that the analysis has taken. */
  spent = 0;
  #isClosed = false;
  #wake = Promise.withResolvers<void>();
  #seeking?: Promise<void>;
  #wanted = 0;

  constructor(readonly video: VideoFile, private readonly events: VideoRunEvents) {}

  /** Analyses the video; ends when that is done, or when the run is closed. */
  async analyse(): Promise<void> {
    for await (const at of this.video.read()) {
      while (this.isPaused && !this.#isClosed) await this.#wake.promise;
      if (this.#isClosed) {
        at.image.close();
        return;
      }
      const start = performance.now();
      await this.events.analyse(this.frame++, at);
      this.spent += (performance.now() - start) / 1000;
      this.time = this.analysed = at.time;
      this.events.change();
    }
    if (this.#isClosed) return;
    if (this.frame === 0) throw new Error("The video has no frame that can be decoded.");
    this.isDone = this.isPaused = true;
    this.analysed = this.video.duration;
    this.events.change();
  }

  /** Halts or goes on: with the analysis, or with playing once that is done. */
  toggle(): void {
    this.isPaused = !this.isPaused;
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
    if (this.isDone && !this.isPaused) this.#play().catch(() => {}); // ends with the run
    this.events.change();
  }

  /** Halts and shows the frame of a time; of several in quick succession only the last. */
  seek(time: number): void {
    if (!this.isPaused) this.toggle();
    this.#wanted = time;
    this.#seeking ??= this.#seek().finally(() => this.#seeking = undefined);
  }

  /** Ends the run and frees the video. */
  close(): void {
    this.#isClosed = true;
    this.#wake.resolve();
    this.video.close();
  }

  /** Seconds that the analysis will still take. */
  get secondsLeft(): number {
    return this.analysed > 0 ? this.spent / this.analysed * (this.video.duration - this.analysed) : 0;
  }

  async #seek(): Promise<void> {
    for (let time = NaN; time !== this.#wanted && !this.#isClosed;) {
      time = this.#wanted;
      const at = await this.video.at(time);
      if (!at) continue;
      if (this.#isClosed) return at.image.close();
      this.time = at.time;
      this.events.show(at);
      this.events.change();
    }
  }

  async #play(): Promise<void> {
    const first = this.time >= this.video.duration - 1.5 / this.video.frameRate ? 0 : this.time;
    const began = performance.now() / 1000 - first;
    for await (const at of this.video.read(first)) {
      const wait = at.time - (performance.now() / 1000 - began);
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * wait));
      if (this.isPaused || this.#isClosed) return at.image.close();
      this.time = at.time;
      this.events.show(at);
      this.events.change();
    }
    this.toggle();
  }
}
