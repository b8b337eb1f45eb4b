/**
 * Where the head points, where the eyes look, how far eyes and mouth stand open; what makes the readings less sure.
 * @module
 */
import type { DetectedFace, FaceWarning } from "../detector.ts";
import type { ModelCard } from "../model_card.ts";
import { make } from "./elements.ts";

const WARNINGS: Readonly<Record<FaceWarning, string>> = {
  "cut-off": "The edge of the picture cuts this face.",
  "turned-away": "This face is turned far away.",
  "covered": "Something hides parts of this face.",
};

/** The panel; hidden where the model knows none of it. */
export class HeadPanel {
  readonly #rows: { name: string; value: HTMLElement; read: (face: DetectedFace) => string }[] = [];
  readonly #warning: HTMLElement = make("p", { className: "warning" });

  /** @param section holds a `dl` */
  constructor(private readonly section: HTMLElement) {
    section.append(this.#warning);
  }

  /** Makes the rows for a model. */
  setCard({ outputs = [] }: ModelCard): void {
    this.#rows.length = 0;
    const row = (name: string, read: (face: DetectedFace) => string | undefined) =>
      this.#rows.push({
        name,
        value: make("dd", { text: "\u2013" }),
        read: (face) => read(face) ?? "\u2013",
      });
    if (outputs.includes("pose")) {
      row("Turned", ({ pose }) => pose && side(pose.yaw, "left", "right"));
      row("Raised", ({ pose }) => pose && side(pose.pitch, "up", "down"));
      row("Tilted", ({ pose }) => pose && side(pose.roll, "left", "right"));
    }
    if (outputs.includes("gaze")) {
      row("Looks", ({ gaze }) => {
        if (!gaze) return undefined;
        const [yaw, pitch] = [0, 1].map((i) => (gaze.left[i] + gaze.right[i]) / 2);
        return `${side(yaw, "left", "right")}, ${side(pitch, "up", "down")}`;
      });
    }
    if (outputs.includes("openness")) {
      row("Eyes open", ({ openness }) => openness && percent((openness.leftEye + openness.rightEye) / 2));
      row("Mouth open", ({ openness }) => openness && percent(openness.mouth));
    }
    this.section.hidden = this.#rows.length === 0;
    this.section.querySelector("dl")?.replaceChildren(...this.#rows.map(({ name, value }) => {
      const group = make("div");
      group.append(make("dt", { text: name }), value);
      return group;
    }));
  }

  /** Shows one face; nobody when called without. */
  show(face?: DetectedFace): void {
    for (const { value, read } of this.#rows) value.textContent = face ? read(face) : "\u2013";
    this.#warning.textContent = (face?.warnings ?? []).map((code) => WARNINGS[code]).join(" ");
  }
}

/** Degrees to the subject's side. */
function side(degrees: number, positive: string, negative: string): string {
  const rounded = Math.round(Math.abs(degrees));
  return rounded === 0 ? "0\u00b0" : `${rounded}\u00b0 ${degrees > 0 ? positive : negative}`;
}

/** A share of the eyes' distance. */
function percent(share: number): string {
  return `${Math.round(100 * Math.max(0, share))} %`;
}
