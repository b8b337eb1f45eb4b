/**
 * The controls under a video: pause, seek, and how far the analysis is.
 * @module
 */
import { find } from "./elements.ts";
import type { VideoRun } from "./video_run.ts";

/** The controls. */
export class Transport {
  readonly #play: HTMLButtonElement;
  readonly #seek: HTMLInputElement;
  readonly #clock: HTMLOutputElement;
  readonly #analysed: HTMLProgressElement;
  #run?: VideoRun;

  constructor(private readonly root: HTMLElement) {
    this.#play = find(root, "#play", HTMLButtonElement);
    this.#seek = find(root, "#seek", HTMLInputElement);
    this.#clock = find(root, "#clock", HTMLOutputElement);
    this.#analysed = find(root, "#analysed", HTMLProgressElement);
    this.#play.onclick = () => this.#run?.toggle();
    this.#seek.oninput = () => this.#run?.seek(Number(this.#seek.value));
  }

  /** Steers a video; hidden when called without. */
  attach(run?: VideoRun): void {
    this.#run = run;
    this.root.hidden = !run;
    if (run) this.update();
  }

  /** Shows how the video stands. */
  update(): void {
    const run = this.#run;
    if (!run) return;
    const { duration } = run.video;
    this.#play.textContent = !run.isPaused ? "Pause" : run.isDone ? "Play" : "Go on";
    this.#seek.max = String(duration);
    this.#seek.value = String(run.time);
    this.#seek.setAttribute("aria-valuetext", `${clock(run.time)} of ${clock(duration)}`);
    this.#clock.textContent = `${clock(run.time)} / ${clock(duration)}`;
    this.#analysed.value = duration > 0 ? run.analysed / duration : 1;
  }
}

/** Minutes and seconds. */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
