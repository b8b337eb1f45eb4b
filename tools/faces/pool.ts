/** Workers that draw portraits on all cores. */
import type { Portrait } from "./draw.ts";
import type { Head } from "./head.ts";
import type { Picture } from "./render.ts";

/** A group of portraits that one worker draws, best of one subject, whose head it then builds once. */
export type Group<T> = readonly { readonly portrait: Portrait; readonly tag: T }[];

/** Draws groups on `count` workers; pictures do not depend on how many there are. */
export class RenderPool {
  readonly #workers: Worker[];

  constructor(head: Head, count: number) {
    this.#workers = Array.from({ length: count }, () => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      worker.postMessage({ head });
      return worker;
    });
  }

  #draw(worker: Worker, portrait: Portrait): Promise<Picture> {
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Picture>) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`a render worker failed: ${event.message}`));
      };
      worker.postMessage({ portrait });
    });
  }

  /** Draws everything; `done` gets each picture with its tag, in no certain order. */
  async run<T>(groups: Iterable<Group<T>>, done: (picture: Picture, tag: T) => Promise<void>): Promise<void> {
    const queue = groups[Symbol.iterator]();
    await Promise.all(this.#workers.map(async (worker) => {
      let saving: Promise<void> = Promise.resolve();
      for (let next = queue.next(); !next.done; next = queue.next()) {
        for (const { portrait, tag } of next.value) {
          const picture = await this.#draw(worker, portrait);
          // The last picture is saved while the next one is drawn, and no more than one waits.
          await saving;
          saving = done(picture, tag);
        }
      }
      await saving;
    }));
  }

  /** Ends the workers. */
  close(): void {
    for (const worker of this.#workers) worker.terminate();
  }
}
