/**
 * A bar for every action unit of the model: number, name, what moves, threshold and peak.
 * @module
 */
import type { DetectedUnit } from "../detected_unit.ts";
import { actionUnit } from "../facs.ts";
import type { ModelCard } from "../model_card.ts";
import { make } from "./elements.ts";

interface Row {
  readonly item: HTMLElement;
  readonly meter: HTMLElement;
  readonly fill: HTMLElement;
  readonly peak: HTMLElement;
  readonly value: HTMLElement;
  readonly threshold: number;
}

/** The list of bars. Pressing a row charts its action unit. */
export class UnitBars {
  #rows: Row[] = [];

  /** @param onPress told the place of a row in the card's order when it is pressed */
  constructor(private readonly list: HTMLElement, private readonly onPress: (unit: number) => void) {}

  /** Makes the rows for a model. */
  setCard({ aus }: ModelCard): void {
    this.#rows = aus.map(({ au, threshold }, unit) => {
      const { name, movement, muscle } = actionUnit(au);
      const item = make("li", { className: "unit" });
      const button = make("button", { attributes: { type: "button", "aria-pressed": "false" } });
      button.append(make("b", { text: `AU${au}` }), " ", make("span", { text: name }));
      button.title = `${movement} Muscle: ${muscle}. Press to chart it.`;
      button.onclick = () => this.onPress(unit);
      const meter = make("div", {
        className: "meter",
        attributes: {
          role: "meter",
          "aria-label": `AU${au} ${name}`,
          "aria-valuemin": "0",
          "aria-valuemax": "1",
          "aria-valuenow": "0",
          "aria-valuetext": "not measured",
        },
      });
      const fill = make("i", { className: "fill" }), tick = make("i", { className: "tick" });
      const peak = make("i", { className: "peak" });
      tick.style.left = `${100 * threshold}%`;
      meter.append(fill, peak, tick);
      const value = make("span", { className: "value", attributes: { "aria-hidden": "true" } });
      item.append(button, make("p", { className: "movement", text: movement }), meter, value);
      return { item, meter, fill, peak, value, threshold };
    });
    this.list.replaceChildren(...this.#rows.map(({ item }) => item));
    this.show();
  }

  /**
   * Shows one face; nobody when called without.
   * @param units of the card, in its order
   * @param peaks the highest probabilities so far; none for a still picture
   */
  show(units?: readonly DetectedUnit[], peaks: readonly number[] = []): void {
    this.#rows.forEach(({ item, meter, fill, peak, value, threshold }, i) => {
      const unit = units?.[i], now = unit?.present === null ? undefined : unit?.probability;
      const isPresent = now !== undefined && now >= threshold;
      item.classList.toggle("present", isPresent);
      fill.style.transform = `scaleX(${now ?? 0})`;
      peak.style.left = `${100 * (peaks[i] ?? 0)}%`;
      peak.hidden = peaks[i] === undefined;
      const text = unit ? textOf(unit) : "";
      value.textContent = text.replace(" of ", "/");
      meter.setAttribute("aria-valuenow", String(Number((now ?? 0).toFixed(4))));
      meter.setAttribute(
        "aria-valuetext",
        now === undefined ? text || "not measured" : `${text}, ${isPresent ? "present" : "absent"}`,
      );
    });
  }

  /** A still picture is not charted. */
  setStill(isStill: boolean): void {
    this.list.classList.toggle("is-still", isStill);
  }

  /** Marks the rows that are charted, each with its colour. */
  setCharted(colors: ReadonlyMap<number, string>): void {
    this.#rows.forEach(({ item }, unit) => {
      item.querySelector("button")?.setAttribute("aria-pressed", String(colors.has(unit)));
      item.style.setProperty("--series", colors.get(unit) ?? "transparent");
    });
  }
}

/** The intensity where the model knows it, else the probability; words where the unit is not judged. */
function textOf({ present, probability, intensity }: DetectedUnit): string {
  if (present === null) return "hidden";
  return intensity === undefined ? probability.toFixed(2) : `${intensity.toFixed(1)} of 5`;
}
