/** The filmed smile of tests/faces: pictures with the intensity and the points that were rendered. */
import type { FacePoints } from "@emoco/web/image";
import { smilePictures } from "../../../tools/web/film.ts";

const FACES = new URL("../../faces/", import.meta.url);

/** A frame of it, 320 x 240; 15 a second. */
export interface SmileFrame {
  readonly jpeg: Uint8Array<ArrayBuffer>;
  /** Seconds. */
  readonly time: number;
  /** Of AU12, 0-5. */
  readonly intensity: number;
  readonly points: FacePoints;
}

/** All 90 frames. */
export async function readSmile(): Promise<SmileFrame[]> {
  const jpegs = await smilePictures();
  const lines = (await Deno.readTextFile(new URL("smile.jsonl", FACES))).trim().split("\n");
  return lines.map((line, i) => {
    const { time, intensity, points } = JSON.parse(line);
    return { jpeg: jpegs[i], time, intensity: intensity[12], points };
  });
}

/** Pearson's correlation. */
export function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const mx = mean(xs), my = mean(ys);
  const sum = (f: (x: number, y: number) => number) =>
    xs.reduce((total, x, i) => total + f(x - mx, ys[i] - my), 0);
  return sum((x, y) => x * y) / Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y));
}
