/**
 * The chosen action units of one face over time.
 * @module
 */
import uPlot from "uplot";
import { FULL_INTENSITY } from "../detected_unit.ts";
import type { ModelCard } from "../model_card.ts";
import type { Recording } from "./recording.ts";

/** Seconds that are in view while frames come in. */
const WINDOW = 30;
/** Most action units at one time; the colours of style.css's --series-1 to --series-4. */
const MOST_UNITS = 4;
/** Most of the time that goes into drawing: an hour of video takes longer to draw than a frame to analyse. */
const MOST_TIME = 0.1;

/** Seconds that two ticks of the axis may be apart: those that people count in. */
const INCREMENTS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

/** What is to be drawn. */
interface Shown {
  readonly recording: Recording;
  /** How many the recording had. */
  readonly frames: number;
  readonly face: number;
  readonly isWhole: boolean;
}

/** The chart. */
export class TimeSeries {
  readonly #charted: number[] = [];
  #chart?: uPlot;
  /** When the next drawing may begin, in milliseconds. */
  #nextAt = 0;
  #waiting?: number;
  #last?: Shown;
  #names: readonly string[] = [];
  /** What a probability of 1 is called on the axis. */
  #full = 1;

  constructor(private readonly element: HTMLElement) {
    new ResizeObserver(() => this.#chart?.setSize(this.#size)).observe(element);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
  }

  /** Starts anew with a model's action units; charts those at the places given. */
  setUnits({ aus, target }: ModelCard, charted: readonly number[]): void {
    this.#names = aus.map(({ au }) => `AU${au}`);
    this.#full = target === "intensity" ? FULL_INTENSITY : 1;
    this.#charted.splice(0, Infinity, ...charted.slice(0, MOST_UNITS));
    this.#last = undefined;
    this.#rebuild();
  }

  /** Charts an action unit, in place of the oldest where there are too many, or charts it no longer. */
  toggle(unit: number): void {
    const at = this.#charted.indexOf(unit);
    if (at >= 0) this.#charted.splice(at, 1);
    else this.#charted.push(unit);
    if (this.#charted.length > MOST_UNITS) this.#charted.shift();
    this.#rebuild();
  }

  /** The charted action units with their colours. */
  get colors(): ReadonlyMap<number, string> {
    return new Map(this.#charted.map((unit, i) => [unit, `var(--series-${i + 1})`]));
  }

  /**
   * Draws what was recorded of a face, soon.
   * @param isWhole the whole recording, not just its newest seconds
   */
  show(recording: Recording, face: number, isWhole: boolean): void {
    const { frames } = recording, last = this.#last;
    const isSame = last?.recording === recording && last.frames === frames && last.face === face;
    if (isSame && last.isWhole === isWhole) return;
    this.#last = { recording, frames, face, isWhole };
    if (this.#waiting !== undefined) return;
    const wait = this.#nextAt - performance.now();
    if (wait <= 0) this.#draw();
    else this.#waiting = setTimeout(() => this.#draw(), wait);
  }

  /** Empties the chart. */
  clear(): void {
    this.#last = undefined;
    this.#chart?.setData([[], ...this.#charted.map(() => [])] as unknown as uPlot.AlignedData);
  }

  /** What is live runs from right to left under an axis that stands still: easier to read, and never measured anew. */
  #draw(): void {
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
    if (!this.#last || !this.#chart || this.element.clientWidth === 0) return;
    const { recording, face, isWhole } = this.#last, chart = this.#chart;
    const end = recording.lastTime, start = performance.now();
    const { times, values } = recording.series(face, this.#charted, isWhole ? -Infinity : end - WINDOW);
    if (!isWhole) { for (let i = 0; i < times.length; i++) times[i] -= end; }
    chart.batch(() => {
      chart.setData([times, ...values] as uPlot.AlignedData, false);
      chart.setScale("x", isWhole ? { min: times[0] ?? 0, max: end } : { min: -WINDOW, max: 0 });
    });
    const onePixel = 1000 * WINDOW / this.element.clientWidth; // a live chart moves by that much at a time
    this.#nextAt = start + Math.max(onePixel, (performance.now() - start) / MOST_TIME);
  }

  #rebuild(): void {
    this.#chart?.destroy();
    const style = getComputedStyle(this.element);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis: uPlot.Axis = {
      stroke: color("--muted"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    this.#chart = new uPlot(
      {
        ...this.#size,
        cursor: { y: false, drag: { setScale: false } },
        legend: { live: false },
        scales: { x: { time: false }, y: { range: [0, 1] } },
        axes: [
          {
            ...axis,
            size: 26,
            incrs: INCREMENTS,
            values: (_, ticks) => ticks.map((tick) => `${tick} s`.replace("-", "−")),
          },
          { ...axis, size: 34, values: (_, ticks) => ticks.map((tick) => (this.#full * tick).toFixed(1)) },
        ],
        series: [
          {},
          ...this.#charted.map((unit, i): uPlot.Series => ({
            label: this.#names[unit],
            stroke: color(`--series-${i + 1}`),
            width: 2,
            points: { show: false },
          })),
        ],
      },
      [[], ...this.#charted.map(() => [])] as unknown as uPlot.AlignedData,
      this.element,
    );
    this.#draw();
  }

  get #size(): { width: number; height: number } {
    return { width: Math.max(200, this.element.clientWidth), height: 150 };
  }
}
