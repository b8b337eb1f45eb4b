/** Ctrl-C (or SIGTERM) asks a training loop to save and stop; a second one ends the program at once. */
export class Interrupt implements Disposable {
  /** Whether somebody asked to stop. */
  asked = false;
  readonly #listener = () => {
    if (this.asked) Deno.exit(130);
    this.asked = true;
  };

  constructor() {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, this.#listener);
  }

  [Symbol.dispose](): void {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, this.#listener);
  }
}
