/** Progress on the terminal: one live line, or plain lines where the output is piped. */

/** Shows how far a program is and how long it will still take. */
export class Progress {
  readonly #live: boolean;
  #shown = 0;
  /** From where the pace is measured: the first unit's preparations would spoil it. */
  #from?: { done: number; time: number };

  /**
   * @param total units of work in all
   * @param speaks false for one of several processes that leaves it to another to say how far they are
   */
  constructor(readonly total: number, readonly speaks = true) {
    this.#live = speaks && Deno.stdout.isTerminal();
  }

  /** Shows the state after `done` units. Piped, a line comes when `always` is set or ten seconds have passed. */
  show(done: number, text: string, always = false): void {
    if (!this.speaks) return;
    const now = performance.now();
    this.#from ??= { done, time: now };
    if (this.#live ? now - this.#shown < 100 && done < this.total : !always && now - this.#shown < 10_000) {
      return;
    }
    this.#shown = now;
    const left = this.timeLeft(done);
    const width = this.#live ? (Deno.consoleSize().columns || 80) - 1 : Infinity;
    // Where it is narrow, the text is cut, never the time left.
    const line = left ? `${text.slice(0, Math.max(0, width - left.length - 2))}  ${left}` : text;
    write(this.#live ? `\r\x1b[K${line.slice(0, width)}` : `${line}\n`);
  }

  /** Prints a line that stays, above the live one. */
  print(line: string): void {
    if (this.speaks) write(this.#live ? `\r\x1b[K${line}\n` : `${line}\n`);
  }

  /** Ends the live line. */
  end(): void {
    if (this.#live) write("\r\x1b[K");
  }

  /** "2m 05s left", from the pace since the first unit that was shown; empty as long as there is none. */
  timeLeft(done: number): string {
    const { done: first, time } = this.#from ?? { done, time: 0 };
    if (done <= first) return "";
    return `${duration((performance.now() - time) / (done - first) * (this.total - done))} left`;
  }
}

/** Milliseconds as "1h 02m", "2m 05s" or "8s". */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds >= 3600) return `${Math.floor(seconds / 3600)}h ${two(Math.floor(seconds / 60) % 60)}m`;
  if (seconds >= 60) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${seconds}s`;
}

function write(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}
