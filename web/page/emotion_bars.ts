/**
 * The emotions that the model's emotion classifier sees, where the model has one.
 * @module
 */
import type { DetectedFace } from "../detector.ts";
import type { Emotion } from "../facs.ts";
import type { ModelCard } from "../model_card.ts";
import { make } from "./elements.ts";

/** The list of emotions. */
export class EmotionBars {
  #rows: { fill: HTMLElement; value: HTMLElement; name: Emotion }[] = [];

  /** @param section hidden where the model knows no emotions; holds a list */
  constructor(private readonly section: HTMLElement) {}

  /** Makes the rows for a model. */
  setCard({ emotions }: ModelCard): void {
    this.section.hidden = !emotions;
    this.#rows = (emotions ?? []).map((name) => ({
      name,
      fill: make("i", { className: "fill" }),
      value: make("span", { className: "value" }),
    }));
    this.section.querySelector("ul")?.replaceChildren(...this.#rows.map(({ name, fill, value }) => {
      const item = make("li"), bar = make("span", { className: "bar" });
      bar.append(fill);
      item.append(make("span", { text: name }), bar, value);
      return item;
    }));
  }

  /** Shows one face; nobody when called without. */
  show(emotions: DetectedFace["emotions"] = {}): void {
    for (const { name, fill, value } of this.#rows) {
      const now = emotions[name];
      fill.style.transform = `scaleX(${now ?? 0})`;
      value.textContent = now === undefined ? "" : `${Math.round(100 * now)} %`;
    }
  }
}
