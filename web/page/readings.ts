/**
 * What was measured, on screen: marks over the frame, bars, emotions and the chart of the chosen face.
 * @module
 */
import type { ModelCard } from "../model_card.ts";
import { EmotionBars } from "./emotion_bars.ts";
import { find } from "./elements.ts";
import { FaceTabs } from "./face_tabs.ts";
import { HeadPanel } from "./head_panel.ts";
import type { Analysed } from "./messages.ts";
import type { TrackedFace } from "./recording.ts";
import { Session } from "./session.ts";
import { Stage } from "./stage.ts";
import { TimeSeries } from "./time_series.ts";
import { UnitBars } from "./unit_bars.ts";

/** Action units that are charted from the start: brows, cheeks, lips. */
const CHARTED = [4, 6, 12, 25];

/** Faces at a time of the session, and how they are shown. */
interface Shown {
  readonly faces: readonly TrackedFace[];
  /** Seconds. */
  readonly time: number;
  /** A picture: no peaks, no chart. */
  readonly isStill: boolean;
  /** The chart shows the whole recording. */
  readonly isWhole: boolean;
}

/** The parts of the page that show measurements. */
export class Readings {
  readonly stage: Stage;
  session?: Session;
  isSmoothed = false;
  readonly #bars: UnitBars;
  readonly #emotions: EmotionBars;
  readonly #head: HeadPanel;
  readonly #tabs: FaceTabs;
  readonly #series: TimeSeries;
  readonly #history: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #welcome: HTMLElement;
  /** What is on screen. */
  #shown: Shown = { faces: [], time: 0, isStill: true, isWhole: false };

  constructor(page: Document) {
    this.#canvas = find(page, "#stage canvas", HTMLCanvasElement);
    this.#welcome = find(page, "#welcome", HTMLElement);
    this.#history = find(page, ".history", HTMLElement);
    this.stage = new Stage(this.#canvas);
    this.#series = new TimeSeries(find(page, "#chart", HTMLElement));
    this.#emotions = new EmotionBars(find(page, "#emotions", HTMLElement));
    this.#head = new HeadPanel(find(page, "#head", HTMLElement));
    this.#tabs = new FaceTabs(find(page, "#faces", HTMLElement), () => this.#showFaces(this.#shown));
    this.#bars = new UnitBars(find(page, "#units", HTMLElement), (unit) => {
      this.#series.toggle(unit);
      this.#bars.setCharted(this.#series.colors);
    });
  }

  /** Makes bars and chart for a model. */
  setCard(card: ModelCard): void {
    this.#bars.setCard(card);
    this.#bars.setStill(true);
    this.#emotions.setCard(card);
    this.#head.setCard(card);
    const charted = CHARTED.map((au) => card.aus.findIndex((unit) => unit.au === au)).filter((i) => i >= 0);
    this.#series.setUnits(card, charted);
    this.#bars.setCharted(this.#series.colors);
    this.session = undefined;
  }

  /** Begins with a new source. */
  begin(source: string, card: ModelCard, isStill: boolean): Session {
    this.session = new Session(source, card);
    this.stage.clear();
    this.#series.clear();
    this.#history.hidden = isStill;
    this.#bars.setStill(isStill);
    this.#showFaces({ faces: [], time: 0, isStill, isWhole: false });
    return this.session;
  }

  /** Shows a frame before it is analysed. */
  preview(frame: CanvasImageSource, width: number, height: number, isMirrored = false): void {
    this.#open();
    this.stage.preview(frame, width, height, isMirrored);
  }

  /** Records an analysed frame and shows it. */
  add(
    { frame, detection }: Analysed,
    number: number,
    time: number,
    { isStill = false, isMirrored = false, isWhole = false } = {},
  ): readonly TrackedFace[] {
    const faces = this.session?.add(number, time, detection.faces) ?? [];
    this.#open();
    this.stage.show(frame, faces, isMirrored);
    this.#showFaces({ faces, time, isStill, isWhole });
    return faces;
  }

  /** Shows a frame of the recording again. */
  replay(frame: ImageBitmap, time: number): void {
    const faces = this.session?.recording.at(time) ?? [];
    this.stage.show(frame, faces);
    this.#showFaces({ faces, time, isStill: false, isWhole: true });
  }

  #open(): void {
    this.#welcome.hidden = true;
    this.#canvas.hidden = false;
  }

  #showFaces(shown: Shown): void {
    this.#shown = shown;
    const { faces, time, isStill, isWhole } = shown, { session } = this, face = this.#tabs.choose(faces);
    if (face && session) {
      const units = session.shownUnits(face, time, this.isSmoothed && !isStill);
      this.#bars.show(units, isStill ? [] : session.peaksOf(face.id));
    } else this.#bars.show();
    this.#emotions.show(face?.emotions);
    this.#head.show(face);
    if (session && !isStill) this.#series.show(session.recording, this.#tabs.chosen, isWhole);
  }
}
