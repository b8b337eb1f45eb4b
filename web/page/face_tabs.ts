/**
 * Which of several faces is shown.
 * @module
 */
import { make } from "./elements.ts";
import { faceColor } from "./face_colors.ts";
import type { TrackedFace } from "./recording.ts";

/** A row of buttons, one a face; hidden where there are fewer than two. */
export class FaceTabs {
  #chosen = 0;
  /** As the buttons show them now. */
  #ids = "";
  #pressed = 0;

  constructor(private readonly group: HTMLElement, private readonly onChoose: () => void) {}

  /** The number of the face that is shown; 0 before the first. */
  get chosen(): number {
    return this.#chosen;
  }

  /** The face to show: the chosen one while it is there, else the largest, which then stays chosen. */
  choose(faces: readonly TrackedFace[]): TrackedFace | undefined {
    const face = faces.find(({ id }) => id === this.#chosen) ?? faces.at(0);
    if (face) this.#chosen = face.id;
    this.#show(faces.map(({ id }) => id).sort((one, other) => one - other));
    return face;
  }

  #show(ids: readonly number[]): void {
    const shown = ids.join();
    if (this.#ids === shown && this.#pressed === this.#chosen) return;
    if (this.#ids !== shown) {
      this.group.hidden = ids.length < 2;
      this.group.replaceChildren(...ids.map((id) => this.#button(id)));
    }
    this.#ids = shown;
    this.#pressed = this.#chosen;
    for (const button of this.group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(Number(button.value) === this.#chosen));
    }
  }

  #button(id: number): HTMLButtonElement {
    const button = make("button", { text: `Face ${id}`, attributes: { type: "button", value: `${id}` } });
    button.style.setProperty("--face", faceColor(id));
    button.onclick = () => {
      this.#chosen = id;
      this.onChoose();
    };
    return button;
  }
}
