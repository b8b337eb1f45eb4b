/**
 * The one line that says how things stand.
 * @module
 */

/** What the line can say in a word. */
export type StatusKind = "loading" | "ready" | "no-face" | "error";

/** Writes the status line; screen readers read it out when it changes. */
export class StatusLine {
  #kind?: StatusKind;
  #sentence?: string;

  constructor(private readonly element: HTMLElement) {}

  /** Says how things stand; the same words twice are said once. */
  show(kind: StatusKind, sentence: string): void {
    if (kind !== this.#kind) this.element.dataset.status = kind;
    if (sentence !== this.#sentence) this.element.textContent = sentence;
    this.#kind = kind;
    this.#sentence = sentence;
  }
}
