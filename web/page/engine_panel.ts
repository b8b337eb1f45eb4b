/**
 * Engine, model, speed: what does the work and how long each stage takes.
 * @module
 */
import type { ModelCard } from "../model_card.ts";
import { find, make } from "./elements.ts";
import type { Analysed, Opened } from "./messages.ts";

/** Frames over which speed is averaged. */
const FRAMES = 30;
/** Milliseconds between two writings of the numbers, so that they can be read. */
const PAUSE = 500;

/** The foot of the page. */
export class EnginePanel {
  readonly #engine: HTMLElement;
  readonly #model: HTMLElement;
  readonly #speed: HTMLElement;
  readonly #stages: HTMLElement;
  readonly #card: HTMLElement;
  #ends: number[] = [];
  #writtenAt = -Infinity;

  constructor(page: Document) {
    this.#engine = find(page, "[data-engine]", HTMLElement);
    this.#model = find(page, "#model", HTMLElement);
    this.#speed = find(page, "#speed", HTMLElement);
    this.#stages = find(page, "#stages", HTMLElement);
    this.#card = find(page, "#card > div", HTMLElement);
  }

  /** Shows what was opened. */
  show({ engine, threads, precision, card, note }: Opened): void {
    this.#engine.dataset.engine = this.#engine.textContent = engine;
    this.#engine.title = [
      engine === "wasm"
        ? `on the processor with ${threads} thread${threads === 1 ? "" : "s"}`
        : "on the graphics processor",
      note ?? "",
    ].filter(Boolean).join(". ");
    this.#model.textContent = `${card.name} ${card.version}, ${precision}`;
    this.#card.replaceChildren(...describe(card));
  }

  /** Begins to count anew. */
  reset(): void {
    this.#ends = [];
    this.#writtenAt = -Infinity;
    this.#speed.textContent = "–";
  }

  /** Takes in a frame that was analysed. */
  count({ detection: { timings: { find, align, run } }, read }: Analysed, isStill: boolean): void {
    const now = performance.now();
    this.#ends = [...this.#ends.slice(1 - FRAMES), now];
    if (now - this.#writtenAt < PAUSE) return;
    this.#writtenAt = now;
    const seconds = (now - this.#ends[0]) / 1000;
    this.#speed.textContent = isStill || seconds === 0
      ? "–"
      : `${((this.#ends.length - 1) / seconds).toFixed(1)} frames/s`;
    const stages = [["pixels", read], ["faces", find], ["align", align], ["units", run]] as const;
    this.#stages.textContent = stages.map(([name, time]) => `${name} ${time.toFixed(0)}`).join(" + ") + " ms";
  }
}

function* describe({ name, version, aus, training, metrics, licence, limits }: ModelCard): Generator<Node> {
  yield make("p", { text: `${name} ${version}. Trained on: ${training.data}. Licence: ${licence}.` });
  yield make("p", { text: limits });
  const test = metrics.test as { units?: { au: number; f1: number; auc: number }[] } | undefined;
  const scores = new Map(test?.units?.map((unit) => [unit.au, unit]));
  const table = make("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  for (const text of ["Action unit", "Threshold", "F1 in test", "AUC in test"]) {
    head.append(make("th", { text, attributes: { scope: "col" } }));
  }
  for (const { au, threshold } of aus) {
    const row = body.insertRow(), score = scores.get(au);
    for (const text of [`AU${au}`, threshold.toFixed(2), percent(score?.f1), percent(score?.auc)]) {
      row.insertCell().textContent = text;
    }
  }
  yield table;
}

function percent(value: unknown): string {
  return typeof value === "number" ? `${(100 * value).toFixed(0)} %` : "–";
}
