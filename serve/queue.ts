/**
 * The queue in front of the detector: so many requests run, so many wait, the rest are refused at once.
 * @module
 */

/** A place in the queue, held by one request or one stream. */
export interface Place {
  /**
   * Runs the job when its turn comes. When the signal aborts first, rejects with its reason: a job that has not begun
   * never will, one that runs keeps its slot until it is over.
   */
  run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Gives the place back. */
  leave(): void;
}

/** Bounds the work at hand; first come, first served. */
export class WorkQueue {
  #held = 0;
  #running = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    /** Jobs at one time. */
    readonly concurrency: number,
    /** Requests that may wait beside those. */
    readonly length: number,
  ) {}

  /** Requests that hold a place. */
  get held(): number {
    return this.#held;
  }

  /** Jobs that run. */
  get running(): number {
    return this.#running;
  }

  get isFull(): boolean {
    return this.#held >= this.concurrency + this.length;
  }

  /** Takes a place; undefined when there is none. */
  enter(): Place | undefined {
    if (this.isFull) return undefined;
    this.#held++;
    let isHeld = true;
    return {
      run: (job, signal) => this.#run(job, signal),
      leave: () => {
        if (isHeld) this.#held--;
        isHeld = false;
      },
    };
  }

  #run<T>(job: () => Promise<T>, signal: AbortSignal): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.delete(begin);
        reject(signal.reason);
      };
      const begin = () => {
        this.#running++;
        job().then(resolve, reject).finally(() => {
          signal.removeEventListener("abort", giveUp);
          this.#running--;
          this.#next();
        });
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener("abort", giveUp);
      this.#waiting.add(begin);
      this.#next();
    });
  }

  #next(): void {
    const [begin] = this.#waiting;
    if (!begin || this.#running >= this.concurrency) return;
    this.#waiting.delete(begin);
    begin();
  }
}
