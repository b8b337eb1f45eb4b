/**
 * Steadier numbers for the eye: each probability follows the newest with a lag, face by face.
 * @module
 */

/** Seconds in which a step in the measured value is followed to 63 %. */
export const TIME_CONSTANT = 0.25;
/** A face that was away for longer starts anew, in seconds. */
const FORGOTTEN = 3;

/** First-order low-pass filter (exponential smoothing) for numbers that come at uneven times. */
export class Smoothing {
  #faces = new Map<number, { time: number; values: number[] }>();

  /**
   * The smoothed numbers of a face.
   * @param face Its number.
   * @param time Seconds; rises from call to call.
   */
  follow(face: number, values: readonly number[], time: number): number[] {
    const before = this.#faces.get(face);
    const passed = before ? time - before.time : Infinity;
    const weight = before && passed <= FORGOTTEN ? 1 - Math.exp(-passed / TIME_CONSTANT) : 1;
    const smoothed = values.map((value, i) => {
      const was = before?.values[i] ?? NaN, last = Number.isNaN(was) ? value : was; // NaN: was not measured
      return last + weight * (value - last);
    });
    this.#faces.set(face, { time, values: smoothed });
    for (const [id, { time: seen }] of this.#faces) if (time - seen > FORGOTTEN) this.#faces.delete(id);
    return smoothed;
  }
}
