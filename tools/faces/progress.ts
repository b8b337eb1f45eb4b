/** One line that says how far a long job is and how long it will still take. */
export class Progress {
  readonly #start = performance.now();
  #shown = this.#start;
  #done = 0;

  constructor(readonly what: string, readonly total: number) {}

  /** One piece more is done. */
  step(): void {
    this.#done++;
    const now = performance.now(), live = Deno.stderr.isTerminal();
    // A terminal gets a live line, a log one line a minute.
    if (now - this.#shown < (live ? 200 : 60_000)) return;
    this.#shown = now;
    const left = (now - this.#start) / this.#done * (this.total - this.#done);
    const text = `${this.#done} of ${this.total} ${this.what}, ${clock(left)} left`;
    Deno.stderr.writeSync(new TextEncoder().encode(live ? `\r${text}  ` : `${text}\n`));
  }

  /** All is done. */
  end(): void {
    const text = `${this.#done} ${this.what} in ${clock(performance.now() - this.#start)}`;
    Deno.stderr.writeSync(
      new TextEncoder().encode(`${Deno.stderr.isTerminal() ? "\r" : ""}${text}            \n`),
    );
  }
}

function clock(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
