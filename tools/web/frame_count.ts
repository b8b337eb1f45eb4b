/** The frames that a page analyses, as it tells them: to ask it each time would leave the asker's scripts in its heap. */
import type { Page } from "playwright-core";

/** Milliseconds without a frame after which no more is waited for. */
const STANDSTILL = 120_000;

/** Runs in the page: a frame writes the first bar once. */
const TELL = `
  {
    let seen = 0;
    new MutationObserver(() => tell(String(++seen)))
      .observe(document.querySelector("[role=meter]"), { attributeFilter: ["aria-valuenow"] });
    const line = document.querySelector("[data-status]");
    new MutationObserver(() => line.dataset.status === "error" && tell(line.textContent))
      .observe(line, { attributeFilter: ["data-status"] });
  }
`;

/** A running count. */
export class FrameCount {
  #frames = 0;
  #error?: string;

  private constructor() {}

  /** Frames since the start. */
  get frames(): number {
    return this.#frames;
  }

  /** Begins to count in a page that has shown its bars. */
  static async start(page: Page): Promise<FrameCount> {
    const session = await page.context().newCDPSession(page), count = new FrameCount();
    session.on("Runtime.bindingCalled", ({ payload }) => {
      if (/^\d+$/.test(payload)) count.#frames = Number(payload);
      else count.#error = payload;
    });
    await session.send("Runtime.enable");
    await session.send("Runtime.addBinding", { name: "tell" });
    await session.send("Runtime.evaluate", { expression: TELL });
    return count;
  }

  /**
   * Waits for so many frames since the start.
   * @throws {Error} when the page stands still or reports an error
   */
  async until(frames: number, say: (done: number) => void = () => {}): Promise<void> {
    let last = -1, lastTime = performance.now();
    while (this.#frames < frames) {
      if (this.#error !== undefined) {
        throw new Error(`After ${this.#frames} frames the page says: ${this.#error}`);
      }
      if (this.#frames > last) [last, lastTime] = [this.#frames, performance.now()];
      else if (performance.now() - lastTime > STANDSTILL) {
        throw new Error(`The page stands still after ${this.#frames} frames.`);
      }
      say(this.#frames);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
